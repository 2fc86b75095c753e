//! The sandbox: an emulated account and its state, in a folder next to the manifest.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::account::Endpoint;
use crate::emulator::{Emulator, EmulatorConfig};
use crate::files;

use super::error::CliError;

const FOLDER: &str = ".keyform";

/// Returns the folder, which may be missing.
///
/// # Errors
/// If it is a symbolic link or a file: the sandbox writes only next to the manifest.
pub(super) fn folder(manifests: &Path) -> Result<PathBuf, CliError> {
    let folder = manifests.join(FOLDER);
    if folder.is_symlink() {
        return Err(CliError::new(format!("{} is a symbolic link, which is not followed", folder.display()))
            .hint("delete it; the sandbox creates a folder of its own"));
    }
    if folder.exists() && !folder.is_dir() {
        return Err(CliError::new(format!("{} is not a folder", folder.display()))
            .hint("rename or delete it; the sandbox creates a folder of that name"));
    }
    Ok(folder)
}

/// Returns the endpoint under which the account is recorded and shown. It listens on another port in each run.
pub(super) fn endpoint() -> Result<Endpoint, CliError> {
    Ok(Endpoint::parse("http://localhost/sandbox")?)
}

/// Starts the emulator. It ends when it is dropped; the account's keys stay in the folder.
pub(super) fn start(manifests: &Path) -> Result<Emulator, CliError> {
    let folder = folder(manifests)?;
    create_folder(&folder).map_err(|error| {
        CliError::new(format!("cannot create {}: {error}", folder.display()))
            .hint("the sandbox keeps its account there; copy the manifest to a writable folder")
    })?;
    let config = EmulatorConfig { keys: Some(folder.join("account.jsonl")), ..EmulatorConfig::default() };
    Emulator::start(config)
        .map_err(|error| CliError::from(error).hint(format!("to start a new sandbox, delete {}", folder.display())))
}

/// Creates the folder, and tells Git to ignore it.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    files::create(&folder.join(".gitignore"), b"*\n")
}
