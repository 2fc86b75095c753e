//! A journal in a file. The next run continues the journal of a killed one.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::entry::JournalEntry;
use super::error::{StateError, StateErrorKind};
use super::journal::{self, Replay};
use super::model::State;
use super::store::LoadedState;
use crate::files::folder_of;

/// The journal of one state.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    content: Content,
}

/// What is in the file, as it was last read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Nothing that counts. The next append begins a new journal.
    Obsolete,
    /// A journal of the state. `whole` is the length of its whole lines, in bytes. A crash or an error may have left a part
    /// of a line behind them.
    Journal { whole: u64, is_torn: bool },
}

impl JournalFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, content: Content::Obsolete }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file contains nothing that counts, as far as it was read.
    pub(super) fn is_obsolete(&self) -> bool {
        self.content == Content::Obsolete
    }

    /// Returns the bytes of the file. They are empty if it does not exist.
    pub(super) fn read(&self, disk: &impl Disk) -> Result<Vec<u8>, StateError> {
        let bytes = disk.read(&self.path).map_err(|source| self.failed("read", source))?;
        Ok(bytes.unwrap_or_default())
    }

    /// Adds to a state what the bytes of the file say.
    ///
    /// # Errors
    /// Those of [`journal::replay`].
    pub(super) fn replay(&mut self, state: Option<State>, bytes: &[u8]) -> Result<LoadedState, StateError> {
        self.content = Content::Obsolete;
        Ok(match journal::replay(state, bytes).map_err(|kind| kind.at(self.path.display()))? {
            Replay::Obsolete(state) => LoadedState { state, ..LoadedState::default() },
            Replay::Applied { state, whole, torn } => {
                self.content = Content::Journal { whole: length(whole), is_torn: torn.is_some() };
                let warnings = torn.map(|line| self.torn_line(line)).into_iter().collect();
                LoadedState { state: Some(state), journaled: true, warnings }
            }
        })
    }

    /// Appends entries to the journal of `base`, or begins it. Durable on return, but for the name of a new file. Cuts off what a crash or an error left behind the last whole
    /// line: no line may be invalid but the last.
    pub(super) fn append(
        &mut self,
        disk: &mut impl Disk,
        base: &State,
        entries: &[JournalEntry],
    ) -> Result<(), StateError> {
        let (before, mut bytes) = match self.content {
            Content::Obsolete => {
                self.delete_durably(disk)?;
                (0, journal::header(base))
            }
            Content::Journal { whole, is_torn } => {
                if is_torn {
                    disk.truncate(&self.path, whole).map_err(|source| self.failed("repair", source))?;
                }
                // A failed append may leave a part of a line.
                self.content = Content::Journal { whole, is_torn: true };
                (whole, Vec::new())
            }
        };
        journal::add_lines(&mut bytes, entries);
        disk.append(&self.path, &bytes).map_err(|source| self.failed("write", source))?;
        self.content = Content::Journal { whole: before + length(bytes.len()), is_torn: false };
        disk.sync(&self.path).map_err(|source| self.failed("sync", source))
    }

    /// Makes the name of the file durable, and so everything that was appended.
    pub(super) fn sync(&self, disk: &mut impl Disk) -> Result<(), StateError> {
        self.sync_folder(disk)
    }

    /// Deletes the journal of an earlier state than the one next to it.
    pub(super) fn delete(&mut self, disk: &mut impl Disk) -> Result<(), StateError> {
        self.content = Content::Obsolete;
        disk.remove(&self.path).map_err(|source| self.failed("remove", source))
    }

    /// Deletes a journal that does not count.
    ///
    /// A process may have died after it renamed a new state into place: that name must be durable before the journal goes,
    /// or a new journal builds on the state.
    pub(super) fn delete_durably(&mut self, disk: &mut impl Disk) -> Result<(), StateError> {
        self.sync_folder(disk)?;
        self.delete(disk)
    }

    fn sync_folder(&self, disk: &mut impl Disk) -> Result<(), StateError> {
        let folder = folder_of(&self.path);
        disk.sync_folder(folder).map_err(|source| StateErrorKind::Io { doing: "sync", source }.at(folder.display()))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> StateError {
        StateErrorKind::Io { doing, source }.at(self.path.display())
    }

    fn torn_line(&self, line: usize) -> String {
        format!(
            "ignored the end of {}, from line {line} on: it is incomplete because a run ended while writing it; the next \
             plan finds its result on the account",
            self.path.display()
        )
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
