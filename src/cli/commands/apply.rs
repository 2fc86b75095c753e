//! `keyform apply`

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use tokio_util::sync::CancellationToken;

use crate::apply::{ApplyOptions, DEFAULT_CONCURRENCY, Event, Outcome, Tools, execute, unless_stopped};
use crate::cli::args::{
    AcknowledgeArgs, DayArgs, Format, LockArgs, PlanScope, RecoveryArgs, RequestArgs, WorkspaceArgs,
};
use crate::cli::context::{Account, Context};
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::event_log::RunLog;
use crate::cli::planning;
use crate::cli::signals::stoppable;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::plan::guard::{self, Stage};
use crate::plan::{Digest, Plan, broken, file};
use crate::report::{View, json, text};
use crate::state::{FileSession, FileStore, Loaded, Place, Rescued, Session as _, StateError, lock_within};
use crate::terminal::progress::{Progress, Target};

use super::{approved, cannot_print, runtime};

#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 all done; 1 something failed; 3 refused; 130 interrupted.")]
pub(in crate::cli) struct ApplyArgs {
    /// Saved plan to carry out [default: plan anew from the manifest]
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    plan: Option<PathBuf>,
    /// Do not ask; required where there is no terminal
    #[arg(short = 'y', long)]
    auto_approve: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Show every action, however many
    #[arg(long)]
    full: bool,
    /// Add what happens to this file, a JSON object a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    events: Option<PathBuf>,
    /// Uploads and deletions under way at a time
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(DEFAULT_CONCURRENCY).unwrap_or(NonZeroUsize::MIN), value_parser = at_least_one)]
    concurrency: NonZeroUsize,
    /// Start nothing more after the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Go on only if the plan has this digest: the one that was approved
    #[arg(long, value_name = "DIGEST")]
    plan_digest: Option<Digest>,
    #[command(flatten)]
    scope: PlanScope,
    #[command(flatten)]
    recovery: RecoveryArgs,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    acknowledge: AcknowledgeArgs,
    #[command(flatten)]
    day: DayArgs,
    #[command(flatten)]
    workspace: WorkspaceArgs,
}

pub(in crate::cli) fn run(args: ApplyArgs, ui: Ui) -> Result<Exit, Stop> {
    let context = &Context::new(args.workspace.clone(), ui);
    let args = &args;
    let source = match &args.plan {
        Some(path) => Source::Saved(read_plan(args, path)?),
        None => Source::Manifest(context.desired(args.day.resolve())?),
    };
    if !args.auto_approve && !Ui::can_ask() {
        let error = CliError::new("there is no terminal to ask for approval");
        return Err(error.hint("look at the plan first, then run apply with --auto-approve").into());
    }
    let stop = CancellationToken::new();
    let asked_to_stop =
        || context.ui.status("Stopping: what is under way is finished and saved. Again to stop at once.");
    let ended = runtime()?.block_on(stoppable(apply(args, context, source, &stop), &stop, asked_to_stop));
    let ended = ended.map_err(|error| CliError::from_error(&error))?;
    Ok(ended.unwrap_or_else(|| {
        context.ui.status("Stopped. What was learned is kept beside the state; the next apply goes on from there.");
        Ok(Exit::Interrupted)
    })?)
}

/// What says what is to be done.
enum Source {
    Manifest(Desired),
    Saved(Plan),
}

async fn apply(
    args: &ApplyArgs,
    context: &Context,
    source: Source,
    stop: &CancellationToken,
) -> Result<Exit, CliError> {
    let account = context.account(args.requests)?;
    let store = context.store_with(args.recovery.recover.as_deref());
    // Nothing is under way yet that would have to be finished.
    let Some(prepared) = unless_stopped(stop, prepare(args, context, source, &account, &store)).await else {
        context.ui.status("Nothing was changed.");
        return Ok(Exit::Interrupted);
    };
    let Prepared { mut session, loaded, plan } = prepared?;
    let view = View { full: args.full, ..View::default() };
    let log = RunLog::open(args.events.as_deref(), &plan)?;
    if args.format == Format::Text {
        context.ui.result(&text::plan(&plan, view)).map_err(cannot_print)?;
    }
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged(), Stage::Apply);
    if !refusals.is_empty() {
        if args.format == Format::Json {
            context.ui.result(&json::refused(&plan, &refusals)).map_err(cannot_print)?;
        }
        context.ui.tell(&text::refusals(&refusals));
        log.refused(&refusals);
        return Ok(log.finish(context, Exit::Refused));
    }
    if !plan.is_empty() && !args.auto_approve {
        if args.format == Format::Json {
            context.ui.tell(&text::plan(&plan, view));
        }
        let question = "Apply this plan? Only `yes` is taken as yes:";
        let answer = unless_stopped(stop, approved(question)).await.transpose()?;
        if answer != Some(true) {
            context.ui.status("Nothing was changed.");
            return Ok(if answer.is_some() { Exit::Failed } else { Exit::Interrupted });
        }
    }
    let outcome = carry_out(args, context, loaded, &mut session, &account, stop, &log).await;
    tell(args, context, &plan, &outcome, view)?;
    let exit = match () {
        () if outcome.interrupted => Exit::Interrupted,
        () if outcome.is_success() => Exit::Done,
        () => Exit::Failed,
    };
    Ok(log.finish(context, exit))
}

/// What there is once everything is ready to be carried out, and the lock is held.
struct Prepared {
    session: FileSession,
    loaded: Loaded,
    plan: Plan,
}

async fn prepare(
    args: &ApplyArgs,
    context: &Context,
    source: Source,
    account: &Account,
    store: &FileStore,
) -> Result<Prepared, CliError> {
    let patience = Duration::from_secs(args.lock.lock_timeout);
    let waiting = |held: &StateError| context.ui.status(&format!("Waiting: {held}"));
    let mut session = lock_within(store, patience, account.throttle.clock(), waiting).await?;
    let loaded = session.load().await?;
    context.warn_of(&loaded);
    let plan = make_plan(args, source, &loaded, account).await?;
    Ok(Prepared { session, loaded, plan })
}

async fn make_plan(args: &ApplyArgs, source: Source, loaded: &Loaded, account: &Account) -> Result<Plan, CliError> {
    let today = args.day.resolve();
    let recorded = loaded.state.as_ref();
    match source {
        Source::Manifest(desired) => {
            let listing = if args.scope.offline { None } else { Some(planning::observe(account, loaded).await?) };
            let plan = planning::plan(&args.scope, &desired, recorded, listing.as_ref(), &account.endpoint, today)?;
            approved_digest(args, &plan)?;
            Ok(plan)
        }
        Source::Saved(mut plan) => {
            approved_digest(args, &plan)?;
            if plan.endpoint != account.endpoint {
                let message = format!("the saved plan is for {}, not for {}", plan.endpoint, account.endpoint);
                return Err(CliError::new(message).hint("choose the plan's endpoint with --endpoint"));
            }
            let listing = planning::observe(account, loaded).await?;
            let broken = broken(&plan, recorded, &listing, today);
            if !broken.is_empty() {
                return Err(CliError::new("the saved plan no longer holds")
                    .details(broken)
                    .hint("plan anew, and have that approved; nothing was changed"));
            }
            // What the guards look at is what is there, whatever the file says.
            plan.observe(&listing);
            plan.managed = recorded.map_or(0, |state| state.records.len());
            Ok(plan)
        }
    }
}

fn read_plan(args: &ApplyArgs, path: &Path) -> Result<Plan, CliError> {
    let PlanScope { offline, target, destroy } = &args.scope;
    if *offline || *destroy || !target.is_empty() {
        let flags = "--offline, --target and --destroy";
        return Err(CliError::new(format!("a saved plan is carried out as it is: {flags} come too late"))
            .hint("give them to `keyform plan --out FILE`"));
    }
    let text = std::fs::read(path)
        .map_err(|error| CliError::new(format!("cannot read the saved plan {}: {error}", path.display())))?;
    file::from_text(&text).map_err(|error| {
        CliError::new(format!("{}: {error}", path.display())).hint("make it again with `keyform plan --out FILE`")
    })
}

/// Fails closed: without the digest that was approved nothing is done.
fn approved_digest(args: &ApplyArgs, plan: &Plan) -> Result<(), CliError> {
    let Some(approved) = &args.plan_digest else { return Ok(()) };
    let found = plan.digest();
    if *approved == found {
        return Ok(());
    }
    let message = format!("this is not the plan that was approved: its digest is {found}, not {approved}");
    Err(CliError::new(message).hint("plan anew, and have that approved; nothing was changed"))
}

async fn carry_out(
    args: &ApplyArgs,
    context: &Context,
    loaded: Loaded,
    session: &mut FileSession,
    account: &Account,
    stop: &CancellationToken,
    log: &RunLog<'_>,
) -> Outcome {
    let plan = log.plan;
    let target = if plan.is_empty() { Target::Silent } else { context.ui.progress() };
    let progress = Progress::new(target);
    let uncertain = Cell::new(0_usize);
    let observer = |event: &Event<'_>| {
        log.event(event);
        match event {
            Event::Started { steps } => progress.begin(*steps, "applying"),
            Event::Ended { .. } => progress.step(),
            Event::Uncertain { .. } => uncertain.set(uncertain.get() + 1),
            Event::Settling { .. } => progress.note("looking for uploads whose answer was lost"),
            Event::Verifying => progress.note("checking"),
            Event::Retrying { name, failure } => progress.note(&format!("{name} is tried again: {failure}")),
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
        },
        stop,
        observer: &observer,
        lineage: uuid::Uuid::new_v4(),
    };
    let outcome = execute(plan, loaded, session, &tools).await;
    progress.end();
    if uncertain.get() > 0 {
        tracing::info!(uploads = uncertain.get(), "answers were lost and looked for");
    }
    outcome
}

fn tell(args: &ApplyArgs, context: &Context, plan: &Plan, outcome: &Outcome, view: View) -> Result<(), CliError> {
    let text = match args.format {
        Format::Text if plan.is_empty() && outcome.saved.is_none() && outcome.is_success() => String::new(),
        Format::Text => {
            format!("\n{}", text::outcome(plan, outcome, &context.state_path().display().to_string(), view))
        }
        Format::Json => json::outcome(plan, outcome),
    };
    context.ui.result(&text).map_err(cannot_print)?;
    if let Some(Rescued { journal, .. }) = &outcome.rescued {
        context.ui.tell("What was learned and is not in the state, a JSON object a line:\n");
        context.ui.tell(journal);
    }
    if let Some(error) = &outcome.save_error {
        let what = if outcome.saved.is_some() { "not everything was begun" } else { "the state could not be saved" };
        context.ui.tell(&not_saved(error, outcome.rescued.as_ref()).under(what).render());
    }
    Ok(())
}

/// Says why the state is not written, where what was learned is, and how the next run comes by it.
fn not_saved(error: &StateError, rescued: Option<&Rescued>) -> CliError {
    let told = CliError::from(error);
    match rescued.map(|rescued| &rescued.place) {
        None => told,
        Some(Place::Beside(path)) => {
            told.hint(format!("what was learned is kept in {}: the next apply reads it by itself", path.display()))
        }
        Some(Place::Apart(path)) => {
            let path = path.display();
            told.hint(format!("what was learned is kept in {path}: let the next run read it with --recover {path}"))
        }
        Some(Place::Nowhere) => told.hint(
            "what was learned could be kept nowhere: put the lines above into a file, and let the next run read it \
             with --recover FILE",
        ),
    }
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "it is no number from 1 on")
}
