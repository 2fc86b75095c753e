//! `keyform state unlock`

use std::time::Duration;

use clap::Args;

use crate::account::TokioClock;
use crate::apply::unless_stopped;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::ui::Ui;
use crate::state::{Session as _, StateStore, lock_unless};

use super::{approved, run_to_stop, stopped};

#[derive(Debug, Args)]
pub(super) struct StateUnlockArgs {
    /// Do not ask before a lock is broken
    #[arg(short = 'y', long)]
    auto_approve: bool,
}

pub(super) fn run(
    args: &StateUnlockArgs,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
) -> Result<Exit, CliError> {
    run_to_stop(context, signals, unlock(args, context, store, signals), "Stopped. Run the command again.")
}

/// Ends a lock that a killed run has left.
async fn unlock(
    args: &StateUnlockArgs,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
) -> Result<Exit, CliError> {
    let ui = context.ui;
    let place = store.location();
    // This takes the lock for a moment, and it must be given back.
    let in_flight = signals.in_flight();
    let clock = TokioClock::default();
    let on_wait = |held: &_| ui.status(&format!("Waiting to see whether that process is alive: {held}"));
    // A lock that ends with its process, or soon after, is taken over here.
    let held = match lock_unless(signals.stop.cancelled(), store, Duration::ZERO, &clock, on_wait).await {
        Ok(Ok(mut session)) => {
            session.release().await?;
            ui.result(&format!("{place} is not locked\n"))?;
            return Ok(Exit::Done);
        }
        Ok(Err(())) => return Ok(stopped(context)),
        Err(held) => held,
    };
    drop(in_flight);
    let Some(id) = held.breakable_lock() else {
        let is_locked = held.is_locked();
        let error = CliError::from(held);
        return Err(if is_locked {
            error.hint("its lock ends with that process; stop it to end the lock")
        } else {
            error
        });
    };
    ui.warn(&format!("{held}. If that run has not ended, both could change the account at the same time"));
    if !args.auto_approve {
        let Some(approved) = unless_stopped(&signals.stop, is_approved()).await else { return Ok(stopped(context)) };
        if !approved? {
            ui.status("Nothing was changed.");
            return Ok(Exit::Failed);
        }
    }
    let in_flight = signals.in_flight();
    let is_broken = store.break_lock(id).await?;
    drop(in_flight);
    ui.result(&if is_broken {
        format!("{place} is unlocked\n")
    } else {
        format!("{place} had lost that lock already\n")
    })?;
    Ok(Exit::Done)
}

async fn is_approved() -> Result<bool, CliError> {
    if !Ui::can_ask() {
        return Err(CliError::new("cannot ask to break the lock without a terminal")
            .hint("make sure that the other run has ended, then use --auto-approve"));
    }
    approved("Type \"yes\" to break the lock:").await
}
