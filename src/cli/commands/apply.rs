//! `keyform apply`

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use tokio_util::sync::CancellationToken;

use crate::apply::{ApplyOptions, DEFAULT_CONCURRENCY, Event, Observation, Outcome, Tools, execute, unless_stopped};
use crate::cli::account::Account;
use crate::cli::args::{
    AcknowledgeArgs, DayArgs, ListingArgs, LockArgs, OutputFormat, PlanScope, RequestArgs, WorkspaceArgs,
};
use crate::cli::compromised::refuse_compromised;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::event_log::RunLog;
use crate::cli::known_names::KnownNames;
use crate::cli::planning::{PlanBasis, recorded};
use crate::cli::progress::{Progress, ProgressTarget, retrying};
use crate::cli::saved_plan;
use crate::cli::signals::Signals;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::plan::guard::{self, Stage};
use crate::plan::{Digest, Plan};
use crate::report::{View, json, text};
use crate::state::{LoadedState, Session as _, StateError, StateSession, StateStore};

use super::{approved, run_to_stop, stopped};

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArgs {
    /// Saved plan to apply [default: a new plan]
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    plan: Option<PathBuf>,
    /// Do not ask for approval (required without a terminal)
    #[arg(short = 'y', long)]
    auto_approve: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Show all actions, and everything known of each
    #[arg(long)]
    full: bool,
    /// Append events to FILE as JSON Lines
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    events: Option<PathBuf>,
    /// Maximum concurrent uploads and deletions
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(DEFAULT_CONCURRENCY).unwrap_or(NonZeroUsize::MIN), value_parser = at_least_one)]
    concurrency: NonZeroUsize,
    /// Do not start further actions after a failure
    #[arg(long)]
    fail_fast: bool,
    /// Apply only if the plan has this digest
    #[arg(long, value_name = "DIGEST")]
    plan_digest: Option<Digest>,
    #[command(flatten)]
    scope: PlanScope,
    #[command(flatten)]
    lock: LockArgs,
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

pub(in crate::cli) fn run(args: &ApplyArgs, ui: Ui, signals: &Signals) -> Result<Exit, CliError> {
    signals.are_awaited();
    let context = Context::new(args.workspace.clone(), ui);
    let source = PlanSource::read(args, &context)?;
    if !args.auto_approve && !Ui::can_ask() {
        return Err(CliError::new("cannot ask for approval without a terminal")
            .hint("review the plan with `keyform plan`, then run apply with --auto-approve"));
    }
    let interrupted = "Stopped. Results are saved, and the next apply completes the plan.";
    run_to_stop(&context, signals, apply(args, &context, source, signals), interrupted)
}

async fn apply(args: &ApplyArgs, context: &Context, source: PlanSource, signals: &Signals) -> Result<Exit, CliError> {
    let target = Target { account: context.account(args.requests)?, store: context.store()? };
    let apply = async |session: &mut StateSession| apply_locked(args, context, source, signals, &target, session).await;
    let applied = context.with_lock(&target.store, args.lock, signals, apply).await?;
    Ok(applied.unwrap_or_else(|| stopped(context)))
}

async fn apply_locked(
    args: &ApplyArgs,
    context: &Context,
    source: PlanSource,
    signals: &Signals,
    target: &Target,
    session: &mut StateSession,
) -> Result<Exit, CliError> {
    let (ui, stop) = (context.ui, &signals.stop);
    // No request that changes anything is in flight yet, so a signal can end this at once.
    let Some(prepared) = unless_stopped(stop, prepare(args, context, source, target, session)).await else {
        return Ok(stopped(context));
    };
    let Prepared { loaded, observation, plan } = prepared?;
    let log = RunLog::open(args.events.as_deref(), &plan)?;
    show(args, ui, &plan)?;
    if !plan.refusals.is_empty() {
        show_refusals(args, ui, &plan)?;
        log.refused();
        return Ok(log.finish(ui, Exit::Refused));
    }
    match ask(args, ui, &plan, stop).await? {
        Approval::Given => {}
        Approval::Denied => {
            ui.status("Nothing was changed.");
            return Ok(Exit::Failed);
        }
        Approval::Interrupted => return Ok(stopped(context)),
    }
    let in_flight = signals.in_flight();
    let start = Start { loaded, observation };
    let outcome = carry_out(args, context, &target.account, session, start, &log, stop).await;
    drop(in_flight);
    show_outcome(args, ui, &plan, &outcome, &target.store)?;
    let exit = if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.is_success() {
        Exit::Done
    } else {
        Exit::Failed
    };
    Ok(log.finish(ui, exit))
}

/// Where a plan comes from.
enum PlanSource {
    Manifest(Desired),
    Saved(Box<Plan>),
}

impl PlanSource {
    fn read(args: &ApplyArgs, context: &Context) -> Result<Self, CliError> {
        let Some(path) = &args.plan else { return Ok(Self::Manifest(context.desired(args.day.resolve())?)) };
        if let Some(flag) = args.scope.to_words().first() {
            return Err(CliError::new(format!("{flag} cannot be used with a saved plan"))
                .hint("use it with `keyform plan --out FILE`"));
        }
        Ok(Self::Saved(Box::new(saved_plan::read(path)?)))
    }
}

/// What an apply changes.
struct Target {
    account: Account,
    store: StateStore,
}

/// A plan that can be applied: its state is locked.
struct Prepared {
    loaded: LoadedState,
    /// The account. `None` if it was not listed.
    observation: Option<Observation>,
    plan: Plan,
}

/// Reads the locked state and makes the plan.
async fn prepare(
    args: &ApplyArgs,
    context: &Context,
    source: PlanSource,
    target: &Target,
    session: &mut StateSession,
) -> Result<Prepared, CliError> {
    let account = &target.account;
    let loaded = session.load().await?;
    context.warn_of(&loaded);
    let today = args.day.resolve();
    let lateness = context.lateness(args.listing);
    let observe = async |may_upload| account.observe(&loaded, lateness, may_upload, context.ui).await;
    let (observation, mut plan) = match source {
        PlanSource::Manifest(desired) => {
            let observation = if args.scope.offline { None } else { Some(observe(!desired.keys.is_empty()).await?) };
            let basis = PlanBasis {
                desired: &desired,
                store: &target.store,
                loaded: &loaded,
                endpoint: &account.endpoint,
                observation: observation.as_ref(),
                today,
            };
            let plan = basis.plan(&args.scope, &args.acknowledge)?;
            check_digest(args, &plan)?;
            (observation, plan)
        }
        PlanSource::Saved(plan) => {
            saved_plan::check_endpoint(&plan, account)?;
            check_digest(args, &plan)?;
            let may_upload = plan.actions.iter().any(|action| action.change.new_key().is_some());
            let observation = observe(may_upload).await?;
            let plan = saved_plan::recheck(*plan, &loaded, &observation, today)?;
            let known = KnownNames::of(&plan, None, recorded(&loaded, Some(&observation)));
            known.check("--allow-protected", &args.acknowledge.allow_protected)?;
            (Some(observation), plan)
        }
    };
    if let Some(stack) = &context.stack {
        plan.stack = Some(stack.clone());
    }
    plan.refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged(), Stage::Apply);
    refuse_compromised(&plan, context.ui).await?;
    Ok(Prepared { loaded, observation, plan })
}

/// Refuses a plan without the digest of `--plan-digest`.
fn check_digest(args: &ApplyArgs, plan: &Plan) -> Result<(), CliError> {
    let Some(approved) = &args.plan_digest else { return Ok(()) };
    let found = plan.digest();
    if *approved == found {
        return Ok(());
    }
    let message = format!("this is not the plan that was approved: its digest is {found}, not {approved}");
    Err(CliError::new(message).hint("create a new plan and have it approved; nothing was changed"))
}

fn show(args: &ApplyArgs, ui: Ui, plan: &Plan) -> Result<(), CliError> {
    match args.format {
        OutputFormat::Text => ui.result(&text::plan(plan, view(args))),
        // The plan is a part of the outcome.
        OutputFormat::Json => Ok(()),
    }
}

fn show_refusals(args: &ApplyArgs, ui: Ui, plan: &Plan) -> Result<(), CliError> {
    if args.format == OutputFormat::Json {
        ui.result(&json::refused(plan))?;
    }
    ui.tell(&text::refusals(&plan.refusals));
    Ok(())
}

enum Approval {
    Given,
    Denied,
    Interrupted,
}

/// Asks for approval, unless there is nothing to do or `--auto-approve` is set.
async fn ask(args: &ApplyArgs, ui: Ui, plan: &Plan, stop: &CancellationToken) -> Result<Approval, CliError> {
    if plan.is_empty() || args.auto_approve {
        return Ok(Approval::Given);
    }
    if args.format == OutputFormat::Json {
        ui.tell(&text::plan(plan, view(args)));
    }
    let question = "Type \"yes\" to apply:";
    let Some(approved) = unless_stopped(stop, approved(question)).await else { return Ok(Approval::Interrupted) };
    Ok(if approved? { Approval::Given } else { Approval::Denied })
}

fn view(args: &ApplyArgs) -> View {
    View { full: args.full, randomart: false, columns: Ui::columns() }
}

/// Where a run starts.
struct Start {
    loaded: LoadedState,
    observation: Option<Observation>,
}

async fn carry_out(
    args: &ApplyArgs,
    context: &Context,
    account: &Account,
    session: &mut StateSession,
    start: Start,
    log: &RunLog<'_>,
    stop: &CancellationToken,
) -> Outcome {
    let plan = log.plan;
    let Start { loaded, observation } = start;
    let target = if plan.is_empty() { ProgressTarget::Silent } else { context.ui.progress() };
    let progress = Progress::new(target);
    let uncertain = Cell::new(0_usize);
    let observer = |event: &Event<'_>| {
        log.event(event);
        match event {
            Event::Started { steps } => progress.begin(*steps, "Applying"),
            Event::Ended { .. } => progress.step(),
            Event::Uncertain { .. } => uncertain.set(uncertain.get() + 1),
            Event::Settling { .. } => progress.note("Looking for uploads without a response"),
            Event::Waiting(waiting) => progress.announce(&waiting.to_string()),
            Event::Verifying => progress.note("Verifying the account"),
            Event::Retrying { name, failure } => progress.note(&retrying(Some(name), failure)),
            Event::Request { .. }
            | Event::Settled { .. }
            | Event::Recorded { .. }
            | Event::Verified { .. }
            | Event::Saved { .. } => {}
        }
    };
    let tools = Tools {
        account: &account.client,
        throttle: &account.throttle,
        options: ApplyOptions {
            concurrency: args.concurrency.get(),
            retries: account.retries,
            fail_fast: args.fail_fast,
            offline: args.scope.offline,
            timeout: account.timeout,
            lateness: context.lateness(args.listing),
        },
        stop,
        observer: &observer,
        lineage: uuid::Uuid::new_v4(),
    };
    let outcome = execute(plan, loaded, observation, session, &tools).await;
    progress.end();
    if uncertain.get() > 0 {
        tracing::info!(uploads = uncertain.get(), "looked for uploads without a response");
    }
    outcome
}

fn show_outcome(args: &ApplyArgs, ui: Ui, plan: &Plan, outcome: &Outcome, store: &StateStore) -> Result<(), CliError> {
    let text = match args.format {
        OutputFormat::Text if plan.is_empty() && outcome.saved.is_none() && outcome.is_success() => String::new(),
        OutputFormat::Text => {
            format!("\n{}", text::outcome(plan, outcome, &store.location().to_string(), view(args)))
        }
        OutputFormat::Json => json::outcome(plan, outcome),
    };
    ui.result(&text)?;
    if let Some(error) = &outcome.save_error {
        if !outcome.unsaved.is_empty() {
            ui.tell("Results that are not in the state, as JSON Lines:\n");
            ui.tell(&json::unsaved(&outcome.unsaved));
        }
        let what = if outcome.saved.is_some() { "some actions were not started" } else { "the state was not saved" };
        ui.tell(&not_saved(error, outcome, &store.journal_place()).under(what).render());
    }
    Ok(())
}

fn not_saved(error: &StateError, outcome: &Outcome, journal: &str) -> CliError {
    let mut not_saved = CliError::of(error);
    if outcome.is_journaled {
        not_saved = not_saved.hint(format!("the results are in {journal}, and the next apply reads them"));
    }
    if !outcome.unsaved.is_empty() {
        not_saved = not_saved.hint("the next apply adopts the keys above that are in the manifest");
    }
    not_saved
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "must be a whole number, at least 1")
}
