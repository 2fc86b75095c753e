//! The folder of `--out-dir`.

use std::fs;
use std::io;
use std::path::Path;

use super::error::CliError;
use crate::files::{self, is_special};

pub(super) struct OutFolder<'p> {
    path: &'p Path,
}

impl<'p> OutFolder<'p> {
    /// Creates the folder, and those above it, if they do not exist.
    pub(super) fn create(path: &'p Path) -> Result<Self, CliError> {
        fs::create_dir_all(path).map_err(|error| {
            // The system says that the file exists, which is not what is wrong.
            let why = if path.is_dir() || error.kind() != io::ErrorKind::AlreadyExists {
                error.to_string()
            } else {
                "it is not a folder".to_owned()
            };
            failed("create the folder", path, &error, &why)
        })?;
        Ok(Self { path })
    }

    /// Writes a file in the folder, or replaces it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        let path = self.path.join(name);
        files::replace(&path, bytes).map(drop).map_err(|error| failed("write", &path, &error, &error.to_string()))
    }
}

fn failed(doing: &str, path: &Path, error: &io::Error, why: &str) -> CliError {
    let hint = match error.kind() {
        _ if is_special(error) => "remove it, or choose another folder with --out-dir",
        io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => {
            "move it away, or choose another folder with --out-dir"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "check the permissions, or choose another folder with --out-dir"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, then run the command again",
        _ => "choose another folder with --out-dir",
    };
    CliError::new(format!("cannot {doing} {}: {why}", path.display())).hint(hint)
}
