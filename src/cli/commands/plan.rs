//! `keyform plan`

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

use crate::cli::args::{Plan as Args, PlanFormat};
use crate::cli::command;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::planning;
use crate::files::{folder_of, refuse_special, target_of};
use crate::plan::guard::{self, Stage};
use crate::plan::{Plan, file};
use crate::report::markdown::{self, Comment};
use crate::report::{View, diff, text};
use crate::state::Store as _;

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Stop> {
    let today = Context::today(args.day);
    let desired = context.desired(today)?;
    let (loaded, plan) = runtime()?.block_on(async {
        let loaded = context.store_with(args.recovery.recover.as_deref()).load().await?;
        context.warn_of(&loaded);
        let recorded = loaded.state.as_ref();
        let plan = if args.scope.offline {
            planning::plan(&args.scope, &desired, recorded, None, &context.endpoint()?, today)?
        } else {
            let account = context.account(args.requests)?;
            let listing = planning::observe(&account, &loaded).await?;
            planning::plan(&args.scope, &desired, recorded, Some(&listing), &account.endpoint, today)?
        };
        Ok::<_, CliError>((loaded, plan))
    })?;
    if let Some(path) = &args.out {
        save(&plan, path)?;
    }
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged(), Stage::Plan);
    let view = View { full: args.full, randomart: args.randomart };
    let text = match args.format {
        PlanFormat::Text => text::plan(&plan, view),
        PlanFormat::Json => file::to_text(&plan),
        PlanFormat::Diff => diff::plan(&plan, loaded.state.as_ref()),
        PlanFormat::Markdown => markdown::plan(
            &plan,
            &Comment {
                refusals: &refusals,
                recorded: loaded.state.as_ref(),
                command: &command::apply(context, args, &plan),
                max_chars: args.max_chars,
                view,
            },
        ),
    };
    context.ui.result(&text).map_err(cannot_print)?;
    context.ui.tell(&text::refusals(&refusals));
    Ok(match () {
        () if !refusals.is_empty() => Exit::Refused,
        () if args.detailed_exitcode && !plan.is_empty() => Exit::Pending,
        () => Exit::Done,
    })
}

/// The id of a flag that the format has no use for, if one is set.
pub(in crate::cli) fn useless(args: &Args) -> Option<&'static str> {
    Some(match args.format {
        PlanFormat::Json | PlanFormat::Diff if args.randomart => "randomart",
        PlanFormat::Json | PlanFormat::Diff | PlanFormat::Markdown if args.full => "full",
        PlanFormat::Text | PlanFormat::Json | PlanFormat::Diff if args.max_chars != markdown::MAX_CHARS => "max_chars",
        _ => return None,
    })
}

/// Writes a plan whole or not at all: half of one would be worse than none.
fn save(plan: &Plan, path: &Path) -> Result<(), CliError> {
    let target = target_of(path);
    let failed = |why: &dyn Display| CliError::new(format!("cannot save the plan to {}: {why}", path.display()));
    refuse_special(path).map_err(|error| failed(&error).hint("name a file that is there or is to be made"))?;
    let written = tempfile::NamedTempFile::new_in(folder_of(&target)).and_then(|mut file| {
        file.write_all(file::to_text(plan).as_bytes())?;
        file.persist(&target).map_err(|failed| failed.error)
    });
    written.map(drop).map_err(|error| failed(&error.kind()))
}
