//! `keyform apply`

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::account::list_all;
use crate::apply::{Event, Options, Outcome, Tools, execute};
use crate::cli::args::{Apply as Args, PlanFormat};
use crate::cli::context::{Account, Context};
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::stoppable;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::plan::guard;
use crate::plan::{Input, Plan, compare};
use crate::report::{json, text};
use crate::state::{FileSession, Loaded, Session as _, lock_within};
use crate::terminal::progress::{Progress, Target};
use crate::terminal::prompt;

use super::plan::check;
use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let today = Context::today(args.day);
    let desired = match context.desired(today) {
        Ok(desired) => desired,
        Err(exit) => return Ok(exit),
    };
    if !args.auto_approve && !Ui::can_ask() {
        return Err(CliError::new("there is no terminal to ask for approval")
            .hint("look at the plan first, then run apply with --auto-approve"));
    }
    let stop = CancellationToken::new();
    let asked_to_stop =
        || context.ui.status("Stopping: what is under way is finished and saved. Again to stop at once.");
    let work = apply(args, context, &desired, today, &stop);
    let ended = runtime()?.block_on(stoppable(work, &stop, asked_to_stop));
    ended.map_err(|error| CliError::from_error(&error))?.unwrap_or_else(|| {
        context.ui.status("Stopped. What was learned is kept beside the state; the next apply goes on from there.");
        Ok(Exit::Interrupted)
    })
}

async fn apply(
    args: &Args,
    context: &Context,
    desired: &Desired,
    today: jiff::civil::Date,
    stop: &CancellationToken,
) -> Result<Exit, CliError> {
    let account = context.account(args.requests)?;
    let store = context.store()?;
    let patience = Duration::from_secs(args.lock_timeout);
    let waiting = |held: &crate::state::StateError| context.ui.status(&format!("Waiting: {held}"));
    let mut session = lock_within(&store, patience, account.pace.clock(), waiting).await?;
    let loaded = session.load().await?;
    context.warn_of(&loaded);

    let plan = make_plan(args, desired, &loaded, &account, today).await?;
    if args.format == PlanFormat::Text {
        context.ui.result(&text::plan(&plan)).map_err(cannot_print)?;
    }
    let refusals = guard::refusals(&plan, &args.acknowledge.to_acknowledged());
    if !refusals.is_empty() {
        context.ui.tell(&text::refusals(&refusals));
        return Ok(Exit::Refused);
    }
    if !plan.is_empty() && !args.auto_approve && !approved()? {
        context.ui.status("Nothing was changed.");
        return Ok(Exit::Done);
    }
    let outcome = carry_out(args, context, &plan, loaded, &mut session, &account, stop).await;
    tell(args, context, &plan, &outcome, store.path())?;
    Ok(match () {
        () if outcome.interrupted => Exit::Interrupted,
        () if outcome.is_success() => Exit::Done,
        () => Exit::Failed,
    })
}

async fn make_plan(
    args: &Args,
    desired: &Desired,
    loaded: &Loaded,
    account: &Account,
    today: jiff::civil::Date,
) -> Result<Plan, CliError> {
    let recorded = loaded.state.as_ref();
    let endpoint = &account.endpoint;
    check(recorded, endpoint, None)?;
    let listing = if args.offline {
        None
    } else {
        Some(list_all(&account.connection.reader(), &account.pace, account.retries).await?)
    };
    let observed = listing.as_ref();
    check(recorded, endpoint, observed.and_then(|listing| listing.user_id.as_ref()))?;
    Ok(compare(Input { desired, recorded, observed, endpoint, today }))
}

/// Asks on stderr: stdout carries the result and nothing else.
fn approved() -> Result<bool, CliError> {
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
        reader: (!args.offline).then_some(&reader),
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
        PlanFormat::Text => format!("\n{}", text::outcome(outcome, &state.display().to_string())),
        PlanFormat::Json => json::outcome(plan, outcome),
    };
    context.ui.result(&text).map_err(cannot_print)?;
    if !outcome.unsaved.is_empty() {
        context.ui.tell("What was learned and could not be saved, a JSON object a line:\n");
        context.ui.tell(&json::lines(&outcome.unsaved));
    }
    Ok(())
}
