//! The few things that keyform does to a disk, behind a trait, so that a test can be the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::files;

/// The operations. Each is one step that a crash can come before or after.
pub trait Disk {
    /// A file that has no name yet, in the folder where it is to appear.
    type Temporary;
    /// Held while locked; dropping it unlocks.
    type Lock;

    /// Reads a whole file; nothing if there is none.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Adds to the end of a file, which is made if there is none.
    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was appended to a file durable.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Writes a new file that is to take the place of `path`.
    fn write_temporary(&mut self, path: &Path, bytes: &[u8]) -> io::Result<Self::Temporary>;

    /// Makes the content of a temporary file durable.
    fn sync_temporary(&mut self, file: &Self::Temporary) -> io::Result<()>;

    /// Gives a temporary file its name, at once and whole, in place of what was there.
    fn persist(&mut self, file: Self::Temporary, path: &Path) -> io::Result<()>;

    /// Removes a file, if it is there.
    fn remove(&mut self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;

    /// Locks a file, which is made if there is none, and writes into it who holds it.
    ///
    /// Answers at once: the lock, or what the one who has it wrote.
    fn try_lock(&mut self, path: &Path, holder: &str) -> io::Result<Result<Self::Lock, String>>;
}

/// The disk of this machine.
#[derive(Debug, Default)]
pub struct LocalDisk {
    /// The file that was last appended to, kept open: a journal is appended to thousands of times.
    open: Option<(PathBuf, File)>,
}

impl LocalDisk {
    fn appending(&mut self, path: &Path) -> io::Result<&mut File> {
        if self.open.as_ref().is_none_or(|(open, _)| open != path) {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            self.open = Some((path.to_path_buf(), file));
        }
        match &mut self.open {
            Some((_, file)) => Ok(file),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Disk for LocalDisk {
    type Temporary = NamedTempFile;
    type Lock = File;

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match files::read(&files::target_of(path), files::MAX_OWN_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.appending(path)?.write_all(bytes)
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

    fn try_lock(&mut self, path: &Path, holder: &str) -> io::Result<Result<File, String>> {
        files::try_lock(path, holder)
    }
}
