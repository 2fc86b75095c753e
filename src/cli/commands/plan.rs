//! `keyform plan`

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};

use crate::cli::args::{AcknowledgeArgs, DayArgs, PlanScope, RecoveryArgs, RequestArgs, WorkspaceArgs};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::planning;
use crate::cli::ui::Ui;
use crate::files::{folder_of, refuse_special, target_of};
use crate::plan::guard::{self, Stage};
use crate::plan::{Plan, file};
use crate::report::markdown::{self, Comment};
use crate::report::{View, diff, text};
use crate::state::Store as _;
use crate::terminal::shell::quoted;

use super::{cannot_print, runtime};

#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0, or 2 with --detailed-exitcode if there are changes; 1 error; 3 refused.")]
pub(in crate::cli) struct PlanArgs {
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// The most characters of a comment, with --format markdown
    #[arg(long, value_name = "N", default_value_t = markdown::MAX_CHARS, value_parser = max_chars)]
    max_chars: usize,
    /// Show every action, however many
    #[arg(long)]
    full: bool,
    /// Show the picture of each key, as ssh-keygen -lv draws it
    #[arg(long)]
    randomart: bool,
    /// Save the plan, for apply to carry out as it is
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    #[command(flatten)]
    scope: PlanScope,
    #[command(flatten)]
    recovery: RecoveryArgs,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    acknowledge: AcknowledgeArgs,
    #[command(flatten)]
    day: DayArgs,
    #[command(flatten)]
    workspace: WorkspaceArgs,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For a terminal
    Text,
    /// For programs and policies
    Json,
    /// For a comment on a pull request
    Markdown,
    /// A unified diff from what is recorded to what is desired
    Diff,
}

pub(in crate::cli) fn run(args: PlanArgs, ui: Ui) -> Result<Exit, Stop> {
    let context = Context::new(args.workspace.clone(), ui);
    let today = args.day.resolve();
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
                command: &apply_command(&args, &plan),
                max_chars: args.max_chars,
                view,
            },
        ),
    };
    ui.result(&text).map_err(cannot_print)?;
    ui.tell(&text::refusals(&refusals));
    Ok(match () {
        () if !refusals.is_empty() => Exit::Refused,
        () if args.detailed_exitcode && !plan.is_empty() => Exit::Pending,
        () => Exit::Done,
    })
}

impl PlanArgs {
    /// Returns the id of a flag that is set and has no effect with the chosen format.
    pub(in crate::cli) fn useless_flag(&self) -> Option<&'static str> {
        Some(match self.format {
            PlanFormat::Json | PlanFormat::Diff if self.randomart => "randomart",
            PlanFormat::Json | PlanFormat::Diff | PlanFormat::Markdown if self.full => "full",
            PlanFormat::Text | PlanFormat::Json | PlanFormat::Diff if self.max_chars != markdown::MAX_CHARS => {
                "max_chars"
            }
            _ => return None,
        })
    }
}

/// Writes the `keyform apply` that carries out this plan, with everything that the plan depends on and its digest: for
/// people to copy and for pipelines to read.
fn apply_command(args: &PlanArgs, plan: &Plan) -> String {
    let PlanArgs {
        format: _,
        detailed_exitcode: _,
        max_chars: _,
        full: _,
        randomart: _,
        out: _,
        scope,
        recovery,
        // Retries and timeouts do not change what is done.
        requests: _,
        acknowledge,
        day,
        workspace,
    } = args;
    let mut words = vec!["keyform".to_owned(), "apply".to_owned(), "--auto-approve".to_owned()];
    words.extend(workspace.to_words());
    words.extend(scope.to_words());
    words.extend(recovery.to_words());
    words.extend(acknowledge.to_words());
    words.extend(day.to_words());
    words.extend(["--plan-digest".to_owned(), plan.digest().to_string()]);
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
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

fn max_chars(text: &str) -> Result<usize, String> {
    let least = markdown::MIN_CHARS;
    text.parse().ok().filter(|&max| max >= least).ok_or_else(|| format!("it is no number from {least} on"))
}
