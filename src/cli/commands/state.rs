//! `keyform state`

use crate::cli::args::{PlanFormat, State as Args, StateList, StateShow};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::report::{json, text};
use crate::state::{State, Store as _};

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let store = context.store()?;
    let loaded = runtime()?.block_on(store.load())?;
    context.warn_of(&loaded);
    let Some(state) = loaded.state else {
        return Err(CliError::new(format!("there is no state at {}", store.path().display())).hint(
            "apply writes it; choose another one with --state PATH, or the manifest it lies beside with -f PATH",
        ));
    };
    let out = match args {
        Args::List(args) => list(args, &state),
        Args::Show(args) => show(args, &state)?,
    };
    context.ui.result(&out).map_err(cannot_print)?;
    Ok(Exit::Done)
}

fn list(args: &StateList, state: &State) -> String {
    match args.format {
        PlanFormat::Text => text::records(state),
        PlanFormat::Json => json::ids(state),
    }
}

fn show(args: &StateShow, state: &State) -> Result<String, CliError> {
    let records: Vec<_> = state.sorted().into_iter().filter(|record| record.name == args.name).collect();
    if records.is_empty() {
        let nearest = state
            .records
            .values()
            .map(|record| record.name.as_str())
            .max_by(|a, b| strsim::jaro(a, args.name.as_str()).total_cmp(&strsim::jaro(b, args.name.as_str())));
        let error = CliError::new(format!("the state has no key {}", args.name));
        return Err(match nearest {
            Some(name) => error.hint(format!("did you mean {name}? `keyform state list` shows all")),
            None => error.hint("it has no keys at all"),
        });
    }
    Ok(match args.format {
        PlanFormat::Text => records.into_iter().map(text::record).collect::<Vec<_>>().join("\n"),
        PlanFormat::Json => json::records(&records),
    })
}
