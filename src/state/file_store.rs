//! A state in a file, its journal and its lock in files beside it.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::disk::{Disk, LocalDisk};
use super::journal::{self, Replay};
use super::{Entry, Loaded, Place, Rescued, Session, State, StateError, Store, file};
use crate::files::{folder_of, sibling, target_of};
use crate::terminal::sanitize::{escape_json, escape_to};

/// The most characters that are shown of what another process says of itself.
const MAX_HOLDER: usize = 200;

/// A state at a path: `PATH`, with `PATH.journal` and `PATH.lock` beside it.
#[derive(Debug)]
pub struct FileStore<D = LocalDisk> {
    disk: Rc<RefCell<D>>,
    paths: Paths,
    holder: String,
    recovery: Recovery,
}

/// Where journals are kept that find no place beside their state, and which of them is to be read.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// A journal that an earlier run had to keep apart.
    pub file: Option<PathBuf>,
    /// Where this run may keep one, the best first.
    pub folders: Vec<PathBuf>,
}

/// The right to write the state of a [`FileStore`].
#[derive(Debug)]
pub struct FileSession<D: Disk = LocalDisk> {
    disk: Rc<RefCell<D>>,
    paths: Paths,
    recovery: Recovery,
    journal: JournalIs,
    /// What the journal's file should hold, if there is one that counts, piece by piece.
    written: Vec<Vec<u8>>,
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
    /// The journal's text, if it counts.
    written: Vec<u8>,
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
        Self { disk, paths: Paths::of(path), holder: holder.into(), recovery: Recovery::default() }
    }

    /// The same, with places for journals that find none beside the state.
    #[must_use]
    pub fn recovering(self, recovery: Recovery) -> Self {
        Self { recovery, ..self }
    }

    /// Where the state is.
    pub fn path(&self) -> &Path {
        &self.paths.state
    }
}

impl<D: Disk> Store for FileStore<D> {
    type Session = FileSession<D>;

    async fn load(&self) -> Result<Loaded, StateError> {
        read(&*self.disk.borrow(), &self.paths, self.recovery.file.as_deref()).map(|files| files.loaded)
    }

    async fn lock(&self) -> Result<FileSession<D>, StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.lock;
        match disk.try_lock(path, &self.holder).map_err(failed("lock", path))? {
            Ok(lock) => Ok(FileSession {
                disk: Rc::clone(&self.disk),
                paths: self.paths.clone(),
                recovery: self.recovery.clone(),
                journal: JournalIs::Unknown,
                written: Vec::new(),
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
        let apart = self.recovery.file.as_deref();
        let Files { loaded, text, written, journal } = read(&*self.disk.borrow(), &self.paths, apart)?;
        self.journal = journal;
        self.written = vec![written];
        self.text = text;
        if apart.is_some() {
            // From now on it is the journal, and grows as one: whatever becomes of this run, the next needs no telling.
            self.replace_journal(&self.written.concat())?;
            self.journal = JournalIs::Whole;
        }
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
                self.written.clear();
                journal::header(base)
            }
        };
        journal::add_lines(&mut bytes, entries);
        // Until it is known to be written, its end is not to be trusted.
        self.journal = JournalIs::Torn;
        disk.append(path, &bytes).map_err(failed("write", path))?;
        self.journal = JournalIs::Whole;
        self.written.push(bytes);
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
        self.written.clear();
        Ok(())
    }

    async fn rescue(&mut self, base: &State, unsaved: &[Entry]) -> Option<Rescued> {
        if self.is_folded(base) {
            return None;
        }
        let mut text = journal::readable(&self.written.concat());
        if text.is_empty() {
            text = journal::header(base);
        }
        journal::add_lines(&mut text, unsaved);
        let beside = &self.paths.journal;
        let place = if self.replace_journal(&text).is_ok() && self.is_read() {
            Place::Beside(beside.clone())
        } else {
            let mut disk = self.disk.borrow_mut();
            let mut keep = |folder: &PathBuf| {
                let path = disk.write_apart(folder, &text)?;
                disk.sync_folder(folder).map(|()| path)
            };
            let apart = self.recovery.folders.iter().find_map(|folder| keep(folder).ok());
            apart.map_or(Place::Nowhere, Place::Apart)
        };
        Some(Rescued { journal: escape_json(&String::from_utf8_lossy(&text)), place })
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

    /// Writes the journal anew, whole or not at all, and durably.
    fn replace_journal(&self, bytes: &[u8]) -> Result<(), StateError> {
        let mut disk = self.disk.borrow_mut();
        let path = &self.paths.journal;
        let folder = folder_of(path);
        let temporary = disk.write_temporary(path, bytes).map_err(failed("write beside", path))?;
        disk.sync_temporary(&temporary).map_err(failed("sync the new", path))?;
        disk.persist(temporary, path).map_err(failed("replace", path))?;
        disk.sync_folder(folder).map_err(failed("sync", folder))
    }

    /// Whether the state that is there now is the one that this session put in the place of `base`.
    fn is_folded(&self, base: &State) -> bool {
        read(&*self.disk.borrow(), &self.paths, None).is_ok_and(|files| {
            let is_next = |state: &State| state.lineage == base.lineage && state.serial > base.serial;
            files.text == self.text && files.loaded.state.as_ref().is_some_and(is_next)
        })
    }

    /// Whether those who read the state now read the journal with it: somebody may have put another state there.
    fn is_read(&self) -> bool {
        read(&*self.disk.borrow(), &self.paths, None).is_ok_and(|files| files.loaded.journaled)
    }
}

impl Paths {
    fn of(state: &Path) -> Self {
        Self { state: state.to_path_buf(), journal: sibling(state, ".journal"), lock: sibling(state, ".lock") }
    }
}

/// Reads the journal before the state: if a fold comes between, the state is the new one and the journal counts for
/// nothing; the other way round a reader could see the old state without what its journal knew.
///
/// A journal that was kept `apart` takes the place of the one beside the state.
fn read(disk: &impl Disk, paths: &Paths, apart: Option<&Path>) -> Result<Files, StateError> {
    let journal = disk.read(&paths.journal).map_err(failed("read", &paths.journal))?;
    let text = disk.read(&paths.state).map_err(failed("read", &paths.state))?;
    let state = text.as_deref().map(|text| file::from_text(text, &paths.state)).transpose()?;
    let mut journal = journal.unwrap_or_default();
    if let Some(path) = apart {
        let text = disk.read(path).and_then(|text| text.ok_or_else(|| io::ErrorKind::NotFound.into()));
        journal =
            journal::recover(state.as_ref(), &text.map_err(failed("read the recovery file", path))?, path, &journal)?;
    }
    match journal::replay(state, &journal, &paths.journal)? {
        Replay::Nothing(state) => {
            let loaded = Loaded { state, ..Loaded::default() };
            Ok(Files { loaded, text, written: Vec::new(), journal: JournalIs::Absent })
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
            Ok(Files { loaded, text, written: journal, journal: is })
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
