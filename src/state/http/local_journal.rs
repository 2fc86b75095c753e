//! What a run has learned since the state was last saved, in a file of this machine.
//!
//! The file is outside of any repository, so that nobody can commit one: what it says is believed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use sha2::{Digest as _, Sha256};

use crate::account::settings::Environment;
use crate::files::{folder_of, sibling};
use crate::state::disk::{Disk as _, LocalDisk};
use crate::state::entry::JournalEntry;
use crate::state::error::{StateError, StateErrorKind};
use crate::state::journal::{self, Replay};
use crate::state::model::State;
use crate::state::store::LoadedState;

#[derive(Debug)]
pub(super) struct LocalJournal {
    disk: LocalDisk,
    path: PathBuf,
    condition: Condition,
}

/// What is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// Nothing that counts.
    Obsolete,
    /// It continues the state that the server has.
    Whole,
    /// As `Whole`, but the last line has no line feed.
    Torn,
}

/// Returns the path of the journal of the state at a URL. `None` if the environment names no folder for it.
pub(super) fn journal_path(state: &Url, environment: Environment<'_>) -> Option<PathBuf> {
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    let digest = Sha256::digest(state.as_str());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(folder.join("keyform").join(format!("{name}.journal")))
}

impl LocalJournal {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { disk: LocalDisk::default(), path, condition: Condition::Obsolete }
    }

    /// Adds to a state what the journal says. Ignores the journal of another state, or of an older one: what it says of the
    /// account, a listing shows.
    pub(super) fn replay(&mut self, state: Option<State>) -> Result<LoadedState, StateError> {
        let bytes = self.disk.read(&self.path).map_err(failed("read", &self.path))?.unwrap_or_default();
        let ignored = |state, why: &StateErrorKind| {
            let StateErrorKind::StrayJournal { journal_serial, .. } = why else { return None };
            let warning = format!(
                "ignored the journal {}, because it continues serial {journal_serial} of a state that the server does not \
                 have",
                self.path.display()
            );
            Some(LoadedState { state, warnings: vec![warning], ..LoadedState::default() })
        };
        let (loaded, condition) = match journal::replay(state.clone(), &bytes) {
            Ok(Replay::Obsolete(state)) => (LoadedState { state, ..LoadedState::default() }, Condition::Obsolete),
            Ok(Replay::Applied { state, unreadable }) => {
                let warnings = unreadable.into_iter().map(|line| unreadable_line(&self.path, line)).collect();
                let is_whole = bytes.ends_with(b"\n");
                let loaded = LoadedState { state: Some(state), journaled: true, warnings };
                (loaded, if is_whole { Condition::Whole } else { Condition::Torn })
            }
            Err(kind) => match ignored(state, &kind) {
                Some(loaded) => (loaded, Condition::Obsolete),
                None => return Err(kind.at(self.path.display())),
            },
        };
        self.condition = condition;
        Ok(loaded)
    }

    /// Appends entries to the journal of `saved`, the state that the server has.
    pub(super) fn append(&mut self, saved: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        let mut bytes = match self.condition {
            Condition::Whole => Vec::new(),
            // Ends the torn line, so that readers skip it alone.
            Condition::Torn => b"\n".to_vec(),
            Condition::Obsolete => {
                create_folder(folder_of(&self.path)).map_err(failed("create the folder of", &self.path))?;
                self.remove()?;
                journal::header(saved)
            }
        };
        journal::add_lines(&mut bytes, entries);
        // A failed append may leave a part of a line.
        self.condition = Condition::Torn;
        self.disk.append(&self.path, &bytes).map_err(failed("write", &self.path))?;
        self.condition = Condition::Whole;
        Ok(())
    }

    /// Deletes the journal, whose entries the server has now.
    pub(super) fn remove(&mut self) -> Result<(), StateError> {
        self.condition = Condition::Obsolete;
        self.disk.remove(&self.path).map_err(failed("remove", &self.path))
    }

    /// Keeps copies of the journal and of the text of a state next to it, and returns their paths.
    pub(super) fn set_aside(&mut self, state: Option<&[u8]>) -> Result<Vec<String>, StateError> {
        create_folder(folder_of(&self.path)).map_err(failed("create the folder of", &self.path))?;
        let journal = self.disk.read(&self.path).map_err(failed("read", &self.path))?;
        let mut copies = Vec::new();
        for (text, suffix) in [(journal.as_deref(), ""), (state, ".state")] {
            let Some(text) = text else { continue };
            let copy = self.free_name(suffix)?;
            crate::files::create(&copy, text).map_err(failed("write", &copy))?;
            copies.push(copy.display().to_string());
        }
        Ok(copies)
    }

    /// Returns the first of `PATH.old`, `PATH.old-2`, … that does not exist.
    fn free_name(&self, suffix: &str) -> Result<PathBuf, StateError> {
        let mut number = 1;
        loop {
            let end = if number == 1 { ".old".to_owned() } else { format!(".old-{number}") };
            let free = sibling(&self.path, &format!("{suffix}{end}"));
            if self.disk.read(&free).map_err(failed("read", &free))?.is_none() {
                return Ok(free);
            }
            number += 1;
        }
    }
}

/// Creates a folder that only this user can read.
fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

fn unreadable_line(journal: &Path, line: usize) -> String {
    format!(
        "skipped line {line} of {}, which is incomplete because a run ended while writing it; the next plan finds its \
         result on the account",
        journal.display()
    )
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.display().to_string();
    move |source| StateErrorKind::Io { doing, source }.at(path)
}
