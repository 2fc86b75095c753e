//! The journal: one JSON object a line, appended as things are learned, folded into the state at the end of an apply.
//!
//! The first line is a header that names the state it builds on. A line that a crash tore, or that a disk lost, is
//! passed over: all that it may have said, the next listing of the account says again. What must not be lost, the
//! intent to upload, is synced before the first request.

use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::StateError;
use super::{Record, State};
use crate::account::Endpoint;
use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::KeyBlob;

/// The version of the format.
const VERSION: u32 = 1;

/// What most lines fit in, in bytes: those of an Ed25519 key.
const LINE_BYTES: usize = 384;

/// One thing that was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// An upload is about to begin.
    Intend {
        /// The name to be.
        name: KeyName,
        /// The key.
        public_key: KeyBlob,
    },
    /// An upload that was begun has certainly left nothing on the account.
    Settle {
        /// The key.
        public_key: KeyBlob,
    },
    /// A row is managed, as described; this settles an upload of its key.
    Record(Record),
    /// A row is managed no more.
    Drop {
        /// Its id.
        id: KeyId,
    },
    /// Whose account it is.
    Account {
        /// Its user.
        user_id: UserId,
    },
}

/// The first line: what the journal builds on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    journal: u32,
    lineage: Uuid,
    serial: u64,
    endpoint: Endpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

/// What became of reading a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// Nothing of it counts: no line is whole, or the state holds all of it already. The state is as it was given.
    Nothing(Option<State>),
    /// The state with all that the journal adds.
    State {
        /// The two together.
        state: State,
        /// The numbers of the lines that could not be read.
        unreadable: Vec<usize>,
    },
}

/// Writes the first line of a journal on top of `state`.
pub(super) fn header(state: &State) -> Vec<u8> {
    let mut journal = Vec::new();
    add_line(
        &mut journal,
        &Header {
            journal: VERSION,
            lineage: state.lineage,
            serial: state.serial,
            endpoint: state.endpoint.clone(),
            user_id: state.user_id.clone(),
        },
    );
    journal
}

/// Writes entries at the end of a journal, a line each.
pub(super) fn add_lines(journal: &mut Vec<u8>, entries: &[Entry]) {
    journal.reserve(entries.len() * LINE_BYTES);
    for entry in entries {
        add_line(journal, entry);
    }
}

/// Reads a journal on top of the state that lies beside it; `path` is for the error.
///
/// # Errors
/// If it builds on another state than the one given, or its format is newer.
pub(super) fn replay(base: Option<State>, journal: &[u8], path: &Path) -> Result<Replay, StateError> {
    // Without its line feed a line may be torn, even where what is left of it happens to parse.
    let whole = journal.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let (journal, torn) = journal.split_at(whole);
    let mut lines = journal.split_inclusive(|&byte| byte == b'\n').enumerate();
    let Some((_, first)) = lines.next() else { return Ok(Replay::Nothing(base)) };
    let header: Header = match serde_json::from_slice(first) {
        Ok(header) => header,
        // The disk lost the line with the power, so it was not synced, and no request had been sent.
        Err(_) if first.contains(&0) => return Ok(Replay::Nothing(base)),
        Err(source) => return Err(StateError::ForeignJournal { path: path.to_path_buf(), source }),
    };
    if header.journal != VERSION {
        return Err(StateError::NewerJournal { path: path.to_path_buf(), found: header.journal });
    }
    let mut state = match base {
        None if header.serial == 0 => State { user_id: header.user_id, ..State::new(header.lineage, header.endpoint) },
        Some(state) if state.lineage == header.lineage && state.serial == header.serial => state,
        Some(state) if state.lineage == header.lineage && state.serial > header.serial => {
            return Ok(Replay::Nothing(Some(state)));
        }
        other => {
            return Err(StateError::StrayJournal {
                path: path.to_path_buf(),
                journal_serial: header.serial,
                state_serial: other.map(|state| state.serial),
            });
        }
    };
    let mut unreadable = Vec::new();
    let mut last = 1;
    for (index, text) in lines {
        last = index + 1;
        match serde_json::from_slice(text) {
            Ok(entry) => state.learn(entry),
            Err(_) if text.trim_ascii().is_empty() => {}
            Err(_) => unreadable.push(last),
        }
    }
    if !torn.is_empty() {
        unreadable.push(last + 1);
    }
    Ok(Replay::State { state, unreadable })
}

fn add_line(journal: &mut Vec<u8>, value: &impl Serialize) {
    // Writing plain structs of texts and numbers into memory has no way to fail.
    let _ = serde_json::to_writer(&mut *journal, value);
    journal.push(b'\n');
}

#[cfg(test)]
mod tests;
