//! `keyform plan`

use std::io::Write as _;
use std::path::Path;

use crate::cli::args::{Plan as Args, PlanFormat};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::planning;
use crate::plan::guard::{self, Stage};
use crate::plan::{Plan, file};
use crate::report::text;
use crate::state::Store as _;
use crate::state::disk::folder_of;

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Stop> {
    let today = Context::today(args.day);
    let desired = context.desired(today)?;
    let plan = runtime()?.block_on(async {
        let loaded = context.store_with(args.recovery.recover.as_deref()).load().await?;
        context.warn_of(&loaded);
        let recorded = loaded.state.as_ref();
        if args.scope.offline {
            return planning::plan(&args.scope, &desired, recorded, None, &context.endpoint()?, today);
        }
        let account = context.account(args.requests)?;
        let listing = planning::observe(&account, &loaded).await?;
        planning::plan(&args.scope, &desired, recorded, Some(&listing), &account.endpoint, today)
    })?;
    if let Some(path) = &args.out {
        save(&plan, path)?;
    }
    context.ui.result(&render(&plan, args.format)).map_err(cannot_print)?;
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged(), Stage::Plan);
    context.ui.tell(&text::refusals(&refusals));
    Ok(match () {
        () if !refusals.is_empty() => Exit::Refused,
        () if args.detailed_exitcode && !plan.is_empty() => Exit::Pending,
        () => Exit::Done,
    })
}

fn render(plan: &Plan, format: PlanFormat) -> String {
    match format {
        PlanFormat::Text => text::plan(plan),
        PlanFormat::Json => file::to_text(plan),
    }
}

/// Writes a plan whole or not at all: half of one would be worse than none.
fn save(plan: &Plan, path: &Path) -> Result<(), CliError> {
    let written = tempfile::NamedTempFile::new_in(folder_of(path)).and_then(|mut file| {
        file.write_all(file::to_text(plan).as_bytes())?;
        file.persist(path).map_err(|failed| failed.error)
    });
    written
        .map(drop)
        .map_err(|error| CliError::new(format!("cannot save the plan to {}: {}", path.display(), error.kind())))
}
