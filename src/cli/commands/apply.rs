//! `keyform apply`

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::apply::{Event, Options, Outcome, Tools, execute};
use crate::cli::args::{Apply as Args, PlanFormat};
use crate::cli::context::{Account, Context};
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::planning;
use crate::cli::signals::stoppable;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::plan::{Plan, broken, guard, saved};
use crate::report::{json, text};
use crate::state::{FileSession, Loaded, Session as _, StateError, lock_within};
use crate::terminal::progress::{Progress, Target};
use crate::terminal::prompt;

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Stop> {
    let source = match &args.plan {
        Some(path) => Source::Saved(read_plan(path)?),
        None => Source::Manifest(context.desired(Context::today(args.day))?),
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

async fn apply(args: &Args, context: &Context, source: Source, stop: &CancellationToken) -> Result<Exit, CliError> {
    let account = context.account(args.requests)?;
    let store = context.store()?;
    let patience = Duration::from_secs(args.lock_timeout);
    let waiting = |held: &StateError| context.ui.status(&format!("Waiting: {held}"));
    let mut session = lock_within(&store, patience, account.pace.clock(), waiting).await?;
    let loaded = session.load().await?;
    context.warn_of(&loaded);

    let plan = make_plan(args, source, &loaded, &account).await?;
    if args.format == PlanFormat::Text {
        context.ui.result(&text::plan(&plan)).map_err(cannot_print)?;
    }
    approved_digest(args, &plan)?;
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged());
    if !refusals.is_empty() {
        context.ui.tell(&text::refusals(&refusals));
        return Ok(Exit::Refused);
    }
    if !plan.is_empty() && !args.auto_approve && !asked_and_approved()? {
        context.ui.status("Nothing was changed.");
        return Ok(Exit::Done);
    }
    let outcome = carry_out(args, context, &plan, loaded, &mut session, &account, stop).await;
    tell(args, context, &plan, &outcome, &context.state_path()?)?;
    Ok(match () {
        () if outcome.interrupted => Exit::Interrupted,
        () if outcome.is_success() => Exit::Done,
        () => Exit::Failed,
    })
}

async fn make_plan(args: &Args, source: Source, loaded: &Loaded, account: &Account) -> Result<Plan, CliError> {
    let today = Context::today(args.day);
    let recorded = loaded.state.as_ref();
    match source {
        Source::Manifest(desired) if args.scope.offline => {
            planning::plan(&args.scope, &desired, recorded, None, &account.endpoint, today)
        }
        Source::Manifest(desired) => {
            let listing = planning::observe(account, loaded).await?;
            planning::plan(&args.scope, &desired, recorded, Some(&listing), &account.endpoint, today)
        }
        Source::Saved(plan) => {
            if plan.endpoint != account.endpoint {
                let message = format!("the saved plan is for {}, not for {}", plan.endpoint, account.endpoint);
                return Err(CliError::new(message).hint("choose the plan's endpoint with --endpoint"));
            }
            let listing = planning::observe(account, loaded).await?;
            let broken = broken(&plan, recorded, &listing, today);
            if broken.is_empty() {
                // How many keys are managed is a matter of the state, whatever the file says.
                return Ok(Plan { managed: recorded.map_or(0, |state| state.records.len()), ..plan });
            }
            Err(CliError::new("the saved plan no longer holds")
                .details(broken)
                .hint("plan anew, and have that approved; nothing was changed"))
        }
    }
}

fn read_plan(path: &Path) -> Result<Plan, CliError> {
    let text = std::fs::read(path)
        .map_err(|error| CliError::new(format!("cannot read the saved plan {}: {error}", path.display())))?;
    saved::from_text(&text).map_err(|error| {
        CliError::new(format!("{}: {error}", path.display())).hint("make it again with `keyform plan --out FILE`")
    })
}

/// Fails closed: without the digest that was approved nothing is done.
fn approved_digest(args: &Args, plan: &Plan) -> Result<(), CliError> {
    let found = plan.digest();
    match &args.plan_digest {
        Some(approved) if *approved != found => {
            let message = format!("this is not the plan that was approved: its digest is {found}, not {approved}");
            Err(CliError::new(message).hint("plan anew, and have that approved; nothing was changed"))
        }
        _ => Ok(()),
    }
}

/// Asks on stderr: stdout carries the result and nothing else.
fn asked_and_approved() -> Result<bool, CliError> {
    prompt::confirm("Apply this plan? Only `yes` is taken as yes:", &mut io::stdin().lock(), &mut io::stderr())
        .map_err(|error| CliError::new(format!("cannot ask for approval: {error}")))
}

async fn carry_out(
    args: &Args,
    context: &Context,
    plan: &Plan,
    loaded: Loaded,
    session: &mut FileSession,
    account: &Account,
    stop: &CancellationToken,
) -> Outcome {
    let reader = account.connection.reader();
    let target = if plan.is_empty() { Target::Silent } else { context.ui.progress() };
    let progress = Progress::new(target);
    let uncertain = Cell::new(0_usize);
    let observer = |event: &Event<'_>| match event {
        Event::Started { steps } => progress.begin(*steps, "applying"),
        Event::Ended(_) => progress.step(),
        Event::Uncertain { .. } => uncertain.set(uncertain.get() + 1),
        Event::Settling { .. } => progress.doing("looking for uploads whose answer was lost"),
        Event::Verifying => progress.doing("checking"),
        Event::Retrying { .. } | Event::Saved { .. } => {}
    };
    let tools = Tools {
        reader: (!args.scope.offline).then_some(&reader),
        writer: &account.connection.writer(),
        pace: &account.pace,
        options: Options { concurrency: args.concurrency.get(), retries: account.retries, fail_fast: args.fail_fast },
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

fn tell(args: &Args, context: &Context, plan: &Plan, outcome: &Outcome, state: &Path) -> Result<(), CliError> {
    let text = match args.format {
        PlanFormat::Text if plan.is_empty() && outcome.saved.is_none() && outcome.is_success() => String::new(),
        PlanFormat::Text => format!("\n{}", text::outcome(plan, outcome, &state.display().to_string())),
        PlanFormat::Json => json::outcome(plan, outcome),
    };
    context.ui.result(&text).map_err(cannot_print)?;
    if !outcome.unsaved.is_empty() {
        context.ui.tell("What was learned and could not be saved, a JSON object a line:\n");
        context.ui.tell(&json::lines(&outcome.unsaved));
    }
    Ok(())
}
