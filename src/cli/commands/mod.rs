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
pub(super) mod state;
mod unlock;
pub(super) mod validate;

use std::io;

use super::error::CliError;
use crate::cli::prompt;

/// Builds a runtime with one thread: keyform waits for the network, not for the CPU.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
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
