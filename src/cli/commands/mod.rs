//! The commands, one file each.

pub(super) mod add;
pub(super) mod apply;
pub(super) mod completions;
pub(super) mod emulator;
pub(super) mod help;
pub(super) mod import;
pub(super) mod init;
pub(super) mod man;
pub(super) mod plan;
mod push;
mod rebuild;
pub(super) mod revoke;
pub(super) mod rm;
pub(super) mod schema;
pub(super) mod show;
pub(super) mod state;
mod unlock;
pub(super) mod validate;

use std::io;

use super::context::Context;
use super::error::{CliError, Exit};
use super::signals::Signals;
use crate::cli::prompt;

/// Builds a runtime with one thread: keyform waits for the network, not for the CPU.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs a command that locks the state. The first signal asks it to stop, and the second ends it. `interrupted` says what is
/// left then.
fn run_to_stop(
    context: &Context,
    signals: &Signals,
    work: impl Future<Output = Result<Exit, CliError>>,
    interrupted: &str,
) -> Result<Exit, CliError> {
    signals.are_awaited();
    let ui = context.ui;
    let stopping = || ui.status("Stopping after requests in flight. Press Ctrl-C again to quit now.");
    let ended = runtime()?.block_on(signals.run(work, stopping));
    ended.unwrap_or_else(|| {
        ui.status(interrupted);
        if context.state_location().is_ok_and(|location| location.keeps_locks()) {
            ui.status("The state may still be locked. Before the next apply, run `keyform state unlock`.");
        }
        Ok(Exit::Interrupted)
    })
}

/// Prints the result of a command that locked the state, unless a signal stopped it before it changed anything.
fn finish(context: &Context, result: Option<String>) -> Result<Exit, CliError> {
    let Some(text) = result else { return Ok(stopped(context)) };
    context.ui.result(&text)?;
    Ok(Exit::Done)
}

/// Says that a command stopped before it changed anything.
fn stopped(context: &Context) -> Exit {
    context.ui.status("Nothing was changed.");
    Exit::Interrupted
}

/// Asks on stderr, because stdout is for results. Reads in a thread, so that signals are handled meanwhile.
async fn approved(question: &'static str) -> Result<bool, CliError> {
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // After a signal, no one receives the answer.
        let _ = answered.send(prompt::confirm(question, &mut io::stdin().lock(), &mut io::stderr()));
    });
    let cannot = |error: &dyn std::fmt::Display| CliError::new(format!("cannot ask for approval: {error}"));
    answer.await.map_err(|error| cannot(&error))?.map_err(|error| cannot(&error))
}
