//! `keyform plan`

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::cli::args::{AcknowledgeArgs, CommitArgs, DayArgs, ListingArgs, PlanScope, RequestArgs, WorkspaceArgs};
use crate::cli::compromised::refuse_compromised;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::planning::{PlanBasis, recorded};
use crate::cli::saved_plan;
use crate::cli::ui::Ui;
use crate::plan::guard::{self, Stage};
use crate::plan::{Plan, file};
use crate::report::markdown::{self, Comment};
use crate::report::{View, diff, text};
use crate::state::Store as _;
use crate::terminal::shell::quoted;

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Maximum characters of a comment (--format markdown)
    #[arg(long, value_name = "N", default_value_t = markdown::MAX_CHARS, value_parser = max_chars)]
    max_chars: usize,
    /// Show all actions, and everything known of each
    #[arg(long)]
    full: bool,
    /// Show the randomart of each key, as ssh-keygen -lv does
    #[arg(long)]
    randomart: bool,
    /// Save the plan to FILE for `keyform apply`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    #[command(flatten)]
    commit: CommitArgs,
    #[command(flatten)]
    scope: PlanScope,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    listing: ListingArgs,
    #[command(flatten)]
    acknowledge: AcknowledgeArgs,
    #[command(flatten)]
    day: DayArgs,
    #[command(flatten)]
    workspace: WorkspaceArgs,
}

/// Format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// Text for people
    Text,
    /// JSON for programs and policies
    Json,
    /// Comment on a pull request
    Markdown,
    /// Unified diff from the recorded to the desired keys
    Diff,
}

pub(in crate::cli) fn run(args: &PlanArgs, ui: Ui) -> Result<Exit, CliError> {
    let context = Context::new(args.workspace.clone(), ui);
    let today = args.day.resolve();
    let desired = context.desired(today)?;
    let store = context.store()?;
    let (loaded, observation, plan) = runtime()?.block_on(async {
        let loaded = store.load().await?;
        context.warn_of(&loaded);
        let (endpoint, observation) = if args.scope.offline {
            (context.endpoint()?, None)
        } else {
            let account = context.account(args.requests)?;
            let lateness = context.lateness(args.listing);
            let observation = account.observe(&loaded, lateness, false, ui).await?;
            (account.endpoint, Some(observation))
        };
        let observed = observation.as_ref();
        let basis = PlanBasis {
            desired: &desired,
            store: &store,
            loaded: &loaded,
            endpoint: &endpoint,
            observation: observed,
            today,
            stack: context.stack.as_ref(),
        };
        let mut plan = basis.plan(&args.scope, &args.acknowledge)?;
        plan.commit = args.commit.commit.clone();
        refuse_compromised(&plan, ui).await?;
        Ok::<_, CliError>((loaded, observation, plan))
    })?;
    let recorded = recorded(&loaded, observation.as_ref());
    if let Some(path) = &args.out {
        saved_plan::save(&plan, path)?;
    }
    let refusals = guard::refusals(&plan, recorded, &args.acknowledge.to_acknowledged(), Stage::Plan);
    let view = View { full: args.full, randomart: args.randomart, columns: Ui::columns() };
    let text = match args.format {
        PlanFormat::Text => text::plan(&plan, view),
        PlanFormat::Json => file::to_text(&plan),
        PlanFormat::Diff => diff::plan(&plan, recorded),
        PlanFormat::Markdown => markdown::plan(
            &plan,
            &Comment {
                refusals: &refusals,
                recorded,
                command: &apply_command(args, &plan),
                max_chars: args.max_chars,
                view,
            },
        ),
    };
    ui.result(&text)?;
    ui.tell(&text::refusals(&refusals));
    Ok(if !refusals.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && !plan.is_empty() {
        Exit::Pending
    } else {
        Exit::Done
    })
}

impl PlanArgs {
    /// Returns the id of a flag that is set but has no effect with the chosen format.
    pub(in crate::cli) fn without_effect(&self) -> Option<&'static str> {
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

/// Returns the `keyform apply` command that applies exactly this plan, for people to copy and for pipelines to read.
fn apply_command(args: &PlanArgs, plan: &Plan) -> String {
    let PlanArgs {
        format: _,
        detailed_exitcode: _,
        max_chars: _,
        full: _,
        randomart: _,
        out: _,
        commit: _,
        scope,
        // How the account is listed does not change the plan.
        requests: _,
        listing: _,
        acknowledge,
        day,
        workspace,
    } = args;
    let mut words = vec!["keyform".to_owned(), "apply".to_owned(), "--auto-approve".to_owned()];
    words.extend(workspace.to_words());
    words.extend(scope.to_words());
    words.extend(acknowledge.to_words());
    words.extend(day.to_words());
    words.extend(["--plan-digest".to_owned(), plan.digest().to_string()]);
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn max_chars(text: &str) -> Result<usize, String> {
    let least = markdown::MIN_CHARS;
    text.parse().ok().filter(|&max| max >= least).ok_or_else(|| format!("must be a whole number, at least {least}"))
}
