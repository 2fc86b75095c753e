//! The commands, one file each.

pub(super) mod apply;
pub(super) mod completions;
pub(super) mod emulator;
pub(super) mod import;
pub(super) mod man;
pub(super) mod plan;
pub(super) mod schema;
pub(super) mod state;
pub(super) mod validate;

use std::io;

use super::error::CliError;

/// A current-thread runtime: all of keyform's work waits for the network, and none of it for a processor.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| CliError::from_error(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn cannot_print(error: io::Error) -> CliError {
    CliError::new(format!("cannot write to stdout: {error}"))
}
