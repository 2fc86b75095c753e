//! The disk operations of a store of files, behind a trait, so that tests can simulate a disk.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::files::{self, HeldLock};

/// Each operation is one step: a crash can come before or after it.
pub trait Disk {
    /// A file without a name of its own yet.
    type TemporaryFile;
    /// A lock that is held until it is dropped.
    type FileLock;

    /// Reads a whole file. `None` if it does not exist.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Appends to a file, or creates it. Not durable.
    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Shortens a file to so many bytes. Durable on return.
    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()>;

    /// Makes the content of a file durable.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Writes a file in the folder of `path` that can replace it. Not durable.
    fn write_temporary(&mut self, path: &Path, bytes: &[u8]) -> io::Result<Self::TemporaryFile>;

    /// Makes the content of a temporary file durable.
    fn sync_temporary(&mut self, file: &Self::TemporaryFile) -> io::Result<()>;

    /// Renames a temporary file to `path`, atomically. Not durable.
    fn persist(&mut self, file: Self::TemporaryFile, path: &Path) -> io::Result<()>;

    /// Deletes a file if it exists. Not durable.
    fn remove(&mut self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;

    /// Locks a file and writes `holder` into it, or creates it. Never waits: if another process has the lock, returns that
    /// one's `holder`.
    fn try_lock(&mut self, path: &Path, holder: &str) -> io::Result<Result<Self::FileLock, String>>;
}

/// The disk of this machine.
#[derive(Debug, Default)]
pub struct LocalDisk {
    /// The file that was last appended to. Kept open: a journal gets thousands of appends.
    open: Option<(PathBuf, File)>,
}

impl LocalDisk {
    fn appending(&mut self, path: &Path) -> io::Result<&mut File> {
        if self.open.as_ref().is_none_or(|(open, _)| open != path) {
            self.open = Some((path.to_path_buf(), files::open_to_append(path)?));
        }
        match &mut self.open {
            Some((_, file)) => Ok(file),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Disk for LocalDisk {
    type TemporaryFile = NamedTempFile;
    type FileLock = HeldLock;

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match files::read(path, files::MAX_OWN_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.appending(path)?.write_all(bytes)
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let file = self.appending(path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        self.appending(path)?.sync_all()
    }

    fn write_temporary(&mut self, path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
        files::write_temporary(path, bytes)
    }

    fn sync_temporary(&mut self, file: &NamedTempFile) -> io::Result<()> {
        file.as_file().sync_all()
    }

    fn persist(&mut self, file: NamedTempFile, path: &Path) -> io::Result<()> {
        files::refuse_special(path)?;
        self.open = None;
        file.persist(path).map(drop).map_err(|failed| failed.error)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.open = None;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        files::sync_folder(folder)
    }

    fn try_lock(&mut self, path: &Path, holder: &str) -> io::Result<Result<HeldLock, String>> {
        files::try_lock(path, holder)
    }
}
