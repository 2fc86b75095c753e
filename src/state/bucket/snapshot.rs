//! A state and its log, as they are at one moment.

use super::api::Bucket;
use super::entry::EntryKind;
use super::index::{LogIndex, entry_name, log_name, state_name};
use super::medium::Medium;
use crate::account::Clock;
use crate::state::error::{StateError, StateErrorKind};
use crate::state::file;
use crate::state::journal::{self, Replay};
use crate::state::store::LoadedState;

/// How often to begin again when another process replaces what is read.
const ATTEMPTS: usize = 5;

/// The objects that make up a state.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) index: LogIndex,
    /// The state's text.
    pub(super) state: Option<Vec<u8>>,
    pub(super) journal: LoggedJournal,
}

/// A journal that entries of a log contain.
#[derive(Debug, Default)]
pub(super) struct LoggedJournal {
    pub(super) lines: Vec<u8>,
    /// The number of each entry, and how many lines are before it.
    entries: Vec<(u64, usize)>,
    count: usize,
}

impl LoggedJournal {
    fn add(&mut self, number: u64, lines: &[u8]) {
        self.entries.push((number, self.count));
        self.count += lines.split_inclusive(|&byte| byte == b'\n').count();
        self.lines.extend_from_slice(lines);
    }

    /// Returns the entry with the first invalid line, and which line of it that is. Its own first line is a header.
    fn find(&self, line: usize) -> Option<(u64, usize)> {
        let (number, before) = self.entries.iter().rfind(|(_, before)| *before < line)?;
        Some((*number, line - before + 1))
    }
}

impl Snapshot {
    /// Reads the newest state and its journal.
    pub(super) async fn read<B: Bucket, C: Clock>(medium: &Medium<B, C>) -> Result<Self, StateError> {
        for _ in 0..ATTEMPTS {
            if let Some(snapshot) = Self::of(medium, medium.list().await?).await? {
                return Ok(snapshot);
            }
        }
        Err(StateErrorKind::Changed.at(&medium.place))
    }

    /// Reads what an index lists. `None` if another process has replaced it since.
    pub(super) async fn of<B: Bucket, C: Clock>(
        medium: &Medium<B, C>,
        index: LogIndex,
    ) -> Result<Option<Self>, StateError> {
        let generation = index.generation();
        let last = match index.last_entry() {
            Some((number, _)) => match medium.read_entry(generation, number).await? {
                Some(entry) => Some((number, entry)),
                None => return Ok(None),
            },
            None => None,
        };
        let (number, last) = last.unzip();
        // The state that follows a seal may not have been created yet.
        if let Some(seal) = last.as_ref().filter(|last| last.header.kind == EntryKind::Seal) {
            let state = Some(seal.body.clone());
            return Ok(Some(Self { index, state, journal: LoggedJournal::default() }));
        }
        let state = if generation == 0 { None } else { medium.read(&state_name(generation)).await? };
        if generation > 0 && state.is_none() {
            return Ok(None);
        }
        let mut journal = LoggedJournal::default();
        if let (Some(first), Some(number), Some(last)) =
            (last.as_ref().and_then(|last| last.header.journal), number, &last)
        {
            let Some(entries) = medium.read_entries(generation, first..number).await? else { return Ok(None) };
            for (number, entry) in (first..).zip(entries.iter().chain([last])) {
                if entry.header.kind == EntryKind::Lines {
                    journal.add(number, &entry.body);
                }
            }
        }
        Ok(Some(Self { index, state, journal }))
    }

    pub(super) fn load(&self, place: &str) -> Result<LoadedState, StateError> {
        let generation = self.index.generation();
        let at = |name: String| format!("{place}/{name}");
        let state = self.state.as_deref().map(file::from_text).transpose();
        let state = state.map_err(|kind| kind.at(at(state_name(generation))))?;
        let invalid = |line, problem| {
            let found = self.journal.find(line);
            let (place, line) = match found {
                Some((number, line)) => (entry_name(generation, number), line),
                None => (log_name(generation), line),
            };
            StateErrorKind::InvalidLine { line, problem }.at(at(place))
        };
        match journal::replay(state, &self.journal.lines) {
            Ok(Replay::Obsolete(state)) => Ok(LoadedState { state, ..LoadedState::default() }),
            Ok(Replay::Applied { state, whole: _, torn: None }) => {
                Ok(LoadedState { state: Some(state), journaled: true, warnings: Vec::new() })
            }
            // Entries are created whole.
            Ok(Replay::Applied { state: _, whole: _, torn: Some(line) }) => {
                Err(invalid(line, "it is incomplete".to_owned()))
            }
            Err(StateErrorKind::InvalidLine { line, problem }) => Err(invalid(line, problem)),
            Err(kind) => Err(kind.at(at(log_name(generation)))),
        }
    }
}
