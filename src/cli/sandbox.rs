//! The sandbox: an emulated account and its state, in a folder beside the manifest.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::account::Endpoint;
use crate::emulator::{Emulator, EmulatorConfig};

use super::error::CliError;

const FOLDER: &str = ".keyform";

pub(super) fn folder(beside: &Path) -> PathBuf {
    beside.join(FOLDER)
}

/// Returns the endpoint under which the account is recorded and shown. It listens on another port in each run.
pub(super) fn endpoint() -> Result<Endpoint, CliError> {
    Ok(Endpoint::parse("http://localhost/sandbox")?)
}

/// Starts the emulator. It ends when it is dropped; the account's keys stay in the folder.
pub(super) fn start(beside: &Path) -> Result<Emulator, CliError> {
    let folder = folder(beside);
    make_folder(&folder).map_err(|error| {
        CliError::new(format!("cannot make {}: {error}", folder.display()))
            .hint("the sandbox keeps its account there; copy the manifest to where you may write")
    })?;
    let config = EmulatorConfig { keys: Some(folder.join("account.jsonl")), ..EmulatorConfig::default() };
    Emulator::start(config)
        .map_err(|error| CliError::from(error).hint(format!("to begin a new sandbox, delete {}", folder.display())))
}

/// Makes the folder, and keeps Git from seeing it.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")
}
