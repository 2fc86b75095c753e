//! `keyform plan`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::args::{AcknowledgeArgs, DayArgs, ListingArgs, PlanScope, RequestArgs, WorkspaceArgs};
use crate::cli::compromised::refuse_compromised;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::plan_output::OutputPlanArgs;
use crate::cli::planning::PlanBasis;
use crate::cli::saved_plan;
use crate::cli::ui::Ui;
use crate::plan::guard::{self, Stage};
use crate::state::Store as _;

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    pub(in crate::cli) output: OutputPlanArgs,
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

pub(in crate::cli) fn run(args: &PlanArgs, ui: Ui) -> Result<Exit, CliError> {
    let context = Context::new(args.workspace.clone(), ui);
    let today = args.day.resolve();
    let desired = context.desired(today)?;
    let store = context.store()?;
    let plan = runtime()?.block_on(async {
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
        };
        let mut plan = basis.plan(&args.scope, &args.acknowledge)?;
        args.output.label(&mut plan, context.stack.as_ref());
        plan.arguments = apply_arguments(args);
        plan.refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged(), Stage::Plan);
        refuse_compromised(&plan, ui).await?;
        Ok::<_, CliError>(plan)
    })?;
    if let Some(path) = &args.out {
        saved_plan::save(&plan, path)?;
    }
    args.output.print(&plan, ui)?;
    Ok(if !plan.refusals.is_empty() {
        Exit::Refused
    } else if args.detailed_exitcode && !plan.is_empty() {
        Exit::Pending
    } else {
        Exit::Done
    })
}

/// Returns the arguments of `keyform apply` that make the same plan.
fn apply_arguments(args: &PlanArgs) -> Vec<String> {
    let PlanArgs {
        output: _,
        detailed_exitcode: _,
        out: _,
        scope,
        // How the account is listed does not change the plan.
        requests: _,
        listing: _,
        acknowledge,
        day,
        workspace,
    } = args;
    [workspace.to_words(), scope.to_words(), acknowledge.to_words(), day.to_words()].concat()
}
