//! `keyform plan`

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use jiff::civil::Date;

use crate::account::Endpoint;
use crate::apply::Observation;
use crate::cli::account::check_account;
use crate::cli::args::{AcknowledgeArgs, DayArgs, ListingArgs, PlanScope, RequestArgs, WorkspaceArgs};
use crate::cli::compromised::refuse_compromised;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::saved_plan;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::names::KeyName;
use crate::plan::guard::{self, Stage};
use crate::plan::{Input, Plan, compare, file};
use crate::report::markdown::{self, Comment};
use crate::report::{View, diff, text};
use crate::state::{LoadedState, State, Store as _};
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
    /// Show all actions of a long plan
    #[arg(long)]
    full: bool,
    /// Show the randomart of each key, as ssh-keygen -lv does
    #[arg(long)]
    randomart: bool,
    /// Save the plan to FILE for `keyform apply`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
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
    let (loaded, observation, plan) = runtime()?.block_on(async {
        let loaded = context.store()?.load().await?;
        context.warn_of(&loaded);
        let (endpoint, observation) = if args.scope.offline {
            (context.endpoint()?, None)
        } else {
            let account = context.account(args.requests)?;
            let lateness = context.lateness(args.listing);
            let observation = account.observe(&loaded, lateness, false, ui).await?;
            (account.endpoint, Some(observation))
        };
        let plan = make_plan(&desired, &args.scope, &loaded, &endpoint, observation.as_ref(), today)?;
        refuse_compromised(&plan, ui).await?;
        Ok::<_, CliError>((loaded, observation, plan))
    })?;
    let recorded = recorded(&loaded, observation.as_ref());
    if let Some(path) = &args.out {
        saved_plan::save(&plan, path)?;
    }
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged(), Stage::Plan);
    let view = View { full: args.full, randomart: args.randomart };
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

/// Returns the state from which to plan.
fn recorded<'s>(loaded: &'s LoadedState, observation: Option<&'s Observation>) -> Option<&'s State> {
    observation.map_or(loaded.state.as_ref(), |observation| observation.state(loaded))
}

/// Plans what `scope` covers. Without an observation, the state stands in for the account.
pub(super) fn make_plan(
    desired: &Desired,
    scope: &PlanScope,
    loaded: &LoadedState,
    endpoint: &Endpoint,
    observation: Option<&Observation>,
    today: Date,
) -> Result<Plan, CliError> {
    let recorded = recorded(loaded, observation);
    let observed = observation.map(|observation| &observation.listing);
    check_account(recorded, endpoint, observed)?;
    let mut plan = compare(Input { desired, recorded, observed, endpoint, today, destroy: scope.destroy });
    if !scope.target.is_empty() {
        for name in &scope.target {
            check_target(name, desired, recorded)?;
        }
        plan.limit_to(&scope.target);
    }
    Ok(plan)
}

fn check_target(name: &KeyName, desired: &Desired, recorded: Option<&State>) -> Result<(), CliError> {
    let is_desired = desired.keys.iter().any(|key| key.name == *name);
    let is_managed = recorded.is_some_and(|state| state.records.values().any(|record| record.name == *name));
    if is_desired || is_managed {
        return Ok(());
    }
    Err(CliError::new(format!("--target {name}: no such key in the manifest or the state"))
        .hint("`keyform state list` shows the managed keys"))
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
