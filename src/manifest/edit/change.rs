//! Writes an edited file.

use std::io;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::files;
use crate::manifest::limits::MAX_FILE_BYTES;

/// The text of a file before and after an edit, without byte order mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: Arc<Path>,
    pub before: String,
    pub after: String,
}

/// Why an edited file is not written.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error("cannot write {}", path.display())]
    Io { path: Arc<Path>, source: io::Error },
    #[error("{} was changed by another program", path.display())]
    Changed { path: Arc<Path> },
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl FileChange {
    /// Replaces the file atomically, with the byte order mark that it had. Durable on return.
    ///
    /// # Errors
    /// The file is a link, or has changed since it was read.
    pub fn write(&self) -> Result<(), WriteError> {
        let Self { path, before, after } = self;
        let failed = |source| WriteError::Io { path: Arc::clone(path), source };
        let found = files::read(path, MAX_FILE_BYTES).map_err(failed)?;
        let (mark, text) = match found.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => (BYTE_ORDER_MARK, text),
            None => (&[][..], &found[..]),
        };
        if text != before.as_bytes() {
            return Err(WriteError::Changed { path: Arc::clone(path) });
        }
        files::replace(path, &[mark, after.as_bytes()].concat()).map(drop).map_err(failed)
    }
}
