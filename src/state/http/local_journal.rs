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
use crate::state::journal_file::JournalFile;
use crate::state::model::State;
use crate::state::store::LoadedState;

#[derive(Debug)]
pub(super) struct LocalJournal {
    disk: LocalDisk,
    file: JournalFile,
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
        Self { disk: LocalDisk::default(), file: JournalFile::new(path) }
    }

    /// Adds to a state what the journal says. Ignores the journal of another state, or of an older one: what it says of the
    /// account, a listing shows.
    pub(super) fn replay(&mut self, state: Option<State>) -> Result<LoadedState, StateError> {
        let bytes = self.file.read(&self.disk)?;
        self.file.replay(state.clone(), &bytes).or_else(|error| {
            let StateErrorKind::StrayJournal { journal_serial, .. } = error.kind else { return Err(error) };
            let warning = format!(
                "ignored the journal {}, because it continues serial {journal_serial} of a state that the server does not \
                 have",
                self.file.path().display()
            );
            Ok(LoadedState { state, warnings: vec![warning], ..LoadedState::default() })
        })
    }

    /// Appends entries to the journal of `saved`, the state that the server has.
    pub(super) fn append(&mut self, saved: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        if self.file.is_obsolete() {
            self.create_folder()?;
        }
        self.file.append(&mut self.disk, saved, entries)
    }

    /// Deletes the journal, whose entries the server has now.
    pub(super) fn remove(&mut self) -> Result<(), StateError> {
        self.file.delete(&mut self.disk)
    }

    /// Keeps copies of the journal and of the text of a state next to it, and returns their paths.
    pub(super) fn set_aside(&mut self, state: Option<&[u8]>) -> Result<Vec<String>, StateError> {
        self.create_folder()?;
        let journal = self.file.read(&self.disk)?;
        let mut copies = Vec::new();
        for (text, suffix) in [(Some(&*journal).filter(|text| !text.is_empty()), ""), (state, ".state")] {
            let Some(text) = text else { continue };
            let copy = self.free_name(suffix)?;
            crate::files::create(&copy, text).map_err(failed("write", &copy))?;
            copies.push(copy.display().to_string());
        }
        Ok(copies)
    }

    fn create_folder(&self) -> Result<(), StateError> {
        let path = self.file.path();
        create_folder(folder_of(path)).map_err(failed("create the folder of", path))
    }

    /// Returns the first of `PATH.old`, `PATH.old-2`, … that does not exist.
    fn free_name(&self, suffix: &str) -> Result<PathBuf, StateError> {
        let mut number = 1;
        loop {
            let end = if number == 1 { ".old".to_owned() } else { format!(".old-{number}") };
            let free = sibling(self.file.path(), &format!("{suffix}{end}"));
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

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.display().to_string();
    move |source| StateErrorKind::Io { doing, source }.at(path)
}
