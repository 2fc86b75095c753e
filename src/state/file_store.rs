//! A state in a file, its journal and its lock in files beside it.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::disk::{Disk, LocalDisk};
use super::journal::{self, Replay};
use super::{Entry, Loaded, Session, State, StateError, Store, file};
use crate::files::{folder_of, sibling, target_of};
use crate::terminal::escape::escape_to;

/// The most characters that are shown of what another process says of itself.
const MAX_HOLDER: usize = 200;

/// A state at a path: `PATH`, with `PATH.journal` and `PATH.lock` beside it.
#[derive(Debug)]
pub struct FileStore<D = LocalDisk> {
    disk: Rc<RefCell<D>>,
    paths: Paths,
    holder: String,
}

/// The right to write the state of a [`FileStore`].
#[derive(Debug)]
pub struct FileSession<D: Disk = LocalDisk> {
    disk: Rc<RefCell<D>>,
    paths: Paths,
    journal: JournalIs,
    /// The state's file as it was read, or written.
    text: Option<Vec<u8>>,
    _lock: D::Lock,
}

#[derive(Debug, Clone)]
struct Paths {
    state: PathBuf,
    journal: PathBuf,
    lock: PathBuf,
}

/// What is known of the journal on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JournalIs {
    /// Nobody has looked yet.
    Unknown,
    /// There is none that counts: the next line is a header.
    Absent,
    /// It has a header, and the state it builds on is beside it.
    Whole,
    /// The same, but its last line lacks a line feed.
    Torn,
}

/// What the files hold.
struct Files {
    loaded: Loaded,
    text: Option<Vec<u8>>,
    journal: JournalIs,
}

impl FileStore<LocalDisk> {
    /// Keeps a state at `path` on this machine's disk. `holder` says who we are, to others who want the lock.
    ///
    /// A symbolic link is followed once, here: it is its target that is read and replaced.
    pub fn open(path: &Path, holder: impl Into<String>) -> Self {
        Self::on(Rc::new(RefCell::new(LocalDisk::default())), &target_of(path), holder)
    }
}

impl<D: Disk> FileStore<D> {
    /// Keeps a state at `path` on the given disk.
    pub fn on(disk: Rc<RefCell<D>>, path: &Path, holder: impl Into<String>) -> Self {
        Self { disk, paths: Paths::of(path), holder: holder.into() }
    }

    /// Where the state is.
    pub fn path(&self) -> &Path {
        &self.paths.state
    }

    pub fn journal_path(&self) -> &Path {
        &self.paths.journal
    }
}

impl<D: Disk> Store for FileStore<D> {
    type Session = FileSession<D>;

    async fn load(&self) -> Result<Loaded, StateError> {
        read(&*self.disk.borrow(), &self.paths).map(|files| files.loaded)
    }

    async fn lock(&self) -> Result<FileSession<D>, StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.lock;
        match disk.try_lock(path, &self.holder).map_err(failed("lock", path))? {
            Ok(lock) => Ok(FileSession {
                disk: Rc::clone(&self.disk),
                paths: self.paths.clone(),
                journal: JournalIs::Unknown,
                text: None,
                _lock: lock,
            }),
            Err(holder) => {
                let holder = if holder.is_empty() { "another process".into() } else { escape_to(&holder, MAX_HOLDER) };
                Err(StateError::Locked { path: self.paths.state.clone(), holder: holder.into_owned() })
            }
        }
    }
}

impl<D: Disk> Session for FileSession<D> {
    async fn load(&mut self) -> Result<Loaded, StateError> {
        let Files { loaded, text, journal } = read(&*self.disk.borrow(), &self.paths)?;
        self.journal = journal;
        self.text = text;
        Ok(loaded)
    }

    async fn append(&mut self, base: &State, entries: &[Entry]) -> Result<(), StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.journal;
        let mut bytes = match self.journal {
            JournalIs::Whole => Vec::new(),
            // What is left of the torn line becomes a line of its own, which readers pass over.
            JournalIs::Torn => b"\n".to_vec(),
            JournalIs::Unknown | JournalIs::Absent => {
                drop_journal(&mut *disk, path)?;
                journal::header(base)
            }
        };
        journal::add_lines(&mut bytes, entries);
        // Until it is known to be written, its end is not to be trusted.
        self.journal = JournalIs::Torn;
        disk.append(path, &bytes).map_err(failed("write", path))?;
        self.journal = JournalIs::Whole;
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.journal;
        disk.sync(path).map_err(failed("sync", path))?;
        disk.sync_folder(folder_of(path)).map_err(failed("sync", folder_of(path)))
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        let mut disk = self.disk.borrow_mut();
        let Paths { state: path, journal, lock: _ } = &self.paths;
        let folder = folder_of(path);
        let found = disk.read(path).map_err(failed("read", path))?;
        // One that vanished is written anew. One that somebody put there holds what is not known here.
        if found.is_some() && found != self.text {
            return Err(StateError::Changed { path: path.clone() });
        }
        let text = file::to_text(state).into_bytes();
        let temporary = disk.write_temporary(path, &text).map_err(failed("write beside", path))?;
        disk.sync_temporary(&temporary).map_err(failed("sync the new", path))?;
        disk.persist(temporary, path).map_err(failed("replace", path))?;
        self.text = Some(text);
        disk.sync_folder(folder).map_err(failed("sync", folder))?;
        // From here on the journal counts for nothing, since its serial is behind: removing it is tidiness.
        let _ = disk.remove(journal);
        self.journal = JournalIs::Absent;
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        drop_journal(&mut *self.disk.borrow_mut(), &self.paths.journal)?;
        self.journal = JournalIs::Absent;
        Ok(())
    }
}

impl<D: Disk> FileSession<D> {
    /// Reads the state without its journal; nothing if there is none.
    pub fn state_alone(&self) -> Result<Option<State>, StateError> {
        let path = &self.paths.state;
        let text = self.disk.borrow().read(path).map_err(failed("read", path))?;
        text.map(|text| file::from_text(&text, path)).transpose()
    }

    /// Copies state and journal, whatever they are, to files beside them that are not there yet, and returns their paths.
    /// The next [`Session::fold`] takes the place of both.
    pub fn set_aside(&mut self) -> Result<Vec<PathBuf>, StateError> {
        let mut disk = self.disk.borrow_mut();
        let mut kept = Vec::new();
        for path in [&self.paths.journal, &self.paths.state] {
            let text = disk.read(path).map_err(failed("read", path))?;
            if let Some(text) = &text {
                let aside = free_name(&*disk, path)?;
                let copy = disk.write_temporary(&aside, text).map_err(failed("write", &aside))?;
                disk.sync_temporary(&copy).map_err(failed("sync", &aside))?;
                disk.persist(copy, &aside).map_err(failed("write", &aside))?;
                kept.push(aside);
            }
            self.text = text;
        }
        Ok(kept)
    }
}

impl Paths {
    fn of(state: &Path) -> Self {
        Self { state: state.to_path_buf(), journal: sibling(state, ".journal"), lock: sibling(state, ".lock") }
    }
}

/// Reads the journal before the state: if a fold comes between, the state is the new one and the journal counts for
/// nothing; the other way round a reader could see the old state without what its journal knew.
fn read(disk: &impl Disk, paths: &Paths) -> Result<Files, StateError> {
    let journal = disk.read(&paths.journal).map_err(failed("read", &paths.journal))?;
    let text = disk.read(&paths.state).map_err(failed("read", &paths.state))?;
    let state = text.as_deref().map(|text| file::from_text(text, &paths.state)).transpose()?;
    let journal = journal.unwrap_or_default();
    match journal::replay(state, &journal, &paths.journal)? {
        Replay::Nothing(state) => {
            let loaded = Loaded { state, ..Loaded::default() };
            Ok(Files { loaded, text, journal: JournalIs::Absent })
        }
        Replay::State { state, unreadable } => {
            let warnings = unreadable
                .into_iter()
                .map(|line| {
                    format!(
                        "line {line} of {} was not written whole and is passed over; the next listing of the \
                         account tells again what it said",
                        paths.journal.display()
                    )
                })
                .collect();
            let is = if journal.ends_with(b"\n") { JournalIs::Whole } else { JournalIs::Torn };
            let loaded = Loaded { state: Some(state), journaled: true, warnings };
            Ok(Files { loaded, text, journal: is })
        }
    }
}

/// The first of `PATH.old`, `PATH.old-2` and so on that is not taken.
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

/// Removes a journal that counts for nothing.
///
/// If that is so because a fold has put a state in its place, and the process died right then, the name of that state may
/// not be durable yet. It has to be, before the journal goes or another one builds on it.
fn drop_journal(disk: &mut impl Disk, path: &Path) -> Result<(), StateError> {
    let folder = folder_of(path);
    disk.sync_folder(folder).map_err(failed("sync", folder))?;
    disk.remove(path).map_err(failed("remove", path))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    move |source| StateError::Io { doing, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
