//! A state in a file, with its journal and its lock in files next to it.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::disk::{Disk, LocalDisk};
use super::entry::JournalEntry;
use super::error::{StateError, StateErrorKind};
use super::file;
use super::journal_file::JournalFile;
use super::lease::Lease;
use super::model::State;
use super::store::{LoadedState, Repair, Session, Store};
use crate::files::{folder_of, sibling};
use crate::terminal::escape::escape_to;

/// How much of another process's description is shown, in characters.
const MAX_HOLDER_CHARS: usize = 200;

/// A state at a path: `PATH`, with `PATH.journal` and `PATH.lock` next to it.
#[derive(Debug)]
pub struct FileStore<D = LocalDisk> {
    disk: Rc<RefCell<D>>,
    paths: StatePaths,
    holder: String,
}

/// The lock of a [`FileStore`].
#[derive(Debug)]
pub struct FileSession<D: Disk = LocalDisk> {
    disk: Rc<RefCell<D>>,
    paths: StatePaths,
    journal: JournalFile,
    /// The state's file as it was read or written.
    text: Option<Vec<u8>>,
    /// `None` once it is released.
    lock: Option<D::FileLock>,
}

#[derive(Debug, Clone)]
struct StatePaths {
    state: PathBuf,
    journal: PathBuf,
    lock: PathBuf,
}

impl FileStore<LocalDisk> {
    /// Keeps a state at `path` on this machine. Others who want the lock are shown `holder`.
    ///
    /// A symbolic link at `path` is refused when the state is read or written.
    pub fn open(path: &Path, holder: impl Into<String>) -> Self {
        Self::on(Rc::new(RefCell::new(LocalDisk::default())), path, holder)
    }
}

impl<D: Disk> FileStore<D> {
    pub fn on(disk: Rc<RefCell<D>>, path: &Path, holder: impl Into<String>) -> Self {
        let paths =
            StatePaths { state: path.to_path_buf(), journal: sibling(path, ".journal"), lock: sibling(path, ".lock") };
        Self { disk, paths, holder: holder.into() }
    }

    pub fn path(&self) -> &Path {
        &self.paths.state
    }

    pub fn journal_path(&self) -> &Path {
        &self.paths.journal
    }
}

impl<D: Disk> Store for FileStore<D> {
    type Writer = FileSession<D>;

    async fn load(&self) -> Result<LoadedState, StateError> {
        let mut journal = JournalFile::new(self.paths.journal.clone());
        read(&*self.disk.borrow(), &self.paths.state, &mut journal).map(|(loaded, _)| loaded)
    }

    async fn lock(&self) -> Result<FileSession<D>, StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.lock;
        match disk.try_lock(path, &self.holder).map_err(failed("lock", path))? {
            Ok(lock) => Ok(FileSession {
                disk: Rc::clone(&self.disk),
                paths: self.paths.clone(),
                journal: JournalFile::new(self.paths.journal.clone()),
                text: None,
                lock: Some(lock),
            }),
            Err(holder) => {
                let holder =
                    if holder.is_empty() { "another process".into() } else { escape_to(&holder, MAX_HOLDER_CHARS) };
                Err(StateErrorKind::Locked { holder: holder.into_owned(), may_lapse: false }
                    .at(self.paths.state.display()))
            }
        }
    }

    fn lock_poll(&self) -> Duration {
        Duration::from_millis(100)
    }
}

impl<D: Disk> FileSession<D> {
    pub(super) fn place(&self) -> String {
        self.paths.state.display().to_string()
    }
}

impl<D: Disk> Session for FileSession<D> {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        let (loaded, text) = read(&*self.disk.borrow(), &self.paths.state, &mut self.journal)?;
        self.text = text;
        Ok(loaded)
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        self.journal.append(&mut *self.disk.borrow_mut(), base, entries)
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        self.journal.sync(&mut *self.disk.borrow_mut())
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.state;
        let found = disk.read(path).map_err(failed("read", path))?;
        // A deleted state is written again. A changed one may contain results that this run does not know.
        if found.is_some() && found != self.text {
            return Err(StateErrorKind::Changed.at(path.display()));
        }
        let text = file::to_text(state).into_bytes();
        replace(&mut *disk, path, &text)?;
        self.text = Some(text);
        sync_folder_of(&mut *disk, path)?;
        // The journal is obsolete now, because its serial is lower. An error leaves it for the next run to delete.
        let _ = self.journal.delete(&mut *disk);
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        self.journal.delete_durably(&mut *self.disk.borrow_mut())
    }

    async fn release(&mut self) -> Result<(), StateError> {
        self.lock = None;
        Ok(())
    }

    fn lease(&self) -> Lease {
        Lease::unlimited()
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl<D: Disk> Repair for FileSession<D> {
    async fn state_alone(&mut self) -> Result<Option<State>, StateError> {
        let path = &self.paths.state;
        let text = self.disk.borrow().read(path).map_err(failed("read", path))?;
        text.map(|text| file::from_text(&text).map_err(|kind| kind.at(path.display()))).transpose()
    }

    async fn set_aside(&mut self) -> Result<Vec<String>, StateError> {
        let mut disk = self.disk.borrow_mut();
        let mut copies = Vec::new();
        for path in [&self.paths.journal, &self.paths.state] {
            let text = disk.read(path).map_err(failed("read", path))?;
            if let Some(text) = &text {
                let copy = free_name(&*disk, path)?;
                replace(&mut *disk, &copy, text)?;
                copies.push(copy.display().to_string());
            }
            self.text = text;
        }
        Ok(copies)
    }

    fn new_serial(&self) -> u64 {
        1
    }
}

/// Reads the state and its journal. Returns the text of the state, too.
///
/// The journal comes first: if another process folds in between, the state is the new one and the journal obsolete. In
/// the other order the result could be the old state without the journal.
fn read(
    disk: &impl Disk,
    path: &Path,
    journal: &mut JournalFile,
) -> Result<(LoadedState, Option<Vec<u8>>), StateError> {
    let lines = journal.read(disk)?;
    let text = disk.read(path).map_err(failed("read", path))?;
    let state =
        text.as_deref().map(|text| file::from_text(text).map_err(|kind| kind.at(path.display()))).transpose()?;
    Ok((journal.replay(state, &lines)?, text))
}

/// Replaces a file atomically. Its content is durable on return, its name after [`sync_folder_of`].
fn replace(disk: &mut impl Disk, path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let temporary = disk.write_temporary(path, bytes).map_err(failed("write a new version of", path))?;
    disk.sync_temporary(&temporary).map_err(failed("sync the new version of", path))?;
    disk.persist(temporary, path).map_err(failed("replace", path))
}

fn sync_folder_of(disk: &mut impl Disk, path: &Path) -> Result<(), StateError> {
    let folder = folder_of(path);
    disk.sync_folder(folder).map_err(failed("sync", folder))
}

/// Returns the first of `PATH.old`, `PATH.old-2`, … that does not exist.
fn free_name(disk: &impl Disk, path: &Path) -> Result<PathBuf, StateError> {
    let mut number = 1;
    loop {
        let suffix = if number == 1 { ".old".to_owned() } else { format!(".old-{number}") };
        let free = sibling(path, &suffix);
        if disk.read(&free).map_err(failed("read", &free))?.is_none() {
            return Ok(free);
        }
        number += 1;
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    move |source| StateErrorKind::Io { doing, source }.at(path.display())
}

#[cfg(test)]
mod tests;
