//! The commands, one file each.

pub(super) mod apply;
pub(super) mod completions;
pub(super) mod emulator;
pub(super) mod import;
pub(super) mod man;
pub(super) mod plan;
mod rebuild;
pub(super) mod schema;
pub(super) mod state;
pub(super) mod validate;

use std::io;

use super::error::CliError;
use crate::terminal::prompt;

/// A current-thread runtime: all of keyform's work waits for the network, and none of it for a processor.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| CliError::from_error(&error))
}

/// Asks on stderr: stdout carries the result and nothing else. On a thread of its own, so that signals are heard.
async fn approved(question: &'static str) -> Result<bool, CliError> {
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits for the answer any more if a signal came first.
        let _ = answered.send(prompt::confirm(question, &mut io::stdin().lock(), &mut io::stderr()));
    });
    let cannot = |error: &dyn std::fmt::Display| CliError::new(format!("cannot ask for approval: {error}"));
    answer.await.map_err(|error| cannot(&error))?.map_err(|error| cannot(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn cannot_print(error: io::Error) -> CliError {
    CliError::new(format!("cannot write to stdout: {error}"))
}
