//! Reads and writes journals: one JSON object per line, appended while an apply runs, folded into the state at its end.
//!
//! The first line is a header that names the state to which the journal belongs. The end of a journal that a crash tore is
//! ignored, because the next listing of the account shows what it said. The entry that must not be lost, the intent to
//! upload, is durable before the first request. Any other invalid line was damaged or edited: the journal is refused,
//! because the line may have been an intent.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::JournalEntry;
use super::error::StateErrorKind;
use super::model::State;
use crate::account::Endpoint;
use crate::names::UserId;
use crate::public_key::private;
use crate::terminal::json;

/// The version of the format.
const VERSION: u32 = 1;

/// Length of most lines, in bytes: those of an Ed25519 key.
const LINE_BYTES: usize = 384;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JournalHeader {
    journal: u32,
    lineage: Uuid,
    serial: u64,
    endpoint: Endpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

/// The result of reading a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// No line is whole, or the state already contains the journal. Holds the state that was passed in.
    Obsolete(Option<State>),
    Applied {
        /// The state with all entries of the journal.
        state: State,
        /// The length of the lines that count, in bytes.
        whole: usize,
        /// The first line after them, from 1, if a crash left an incomplete end.
        torn: Option<usize>,
    },
}

/// Returns the first line of the journal of `state`.
pub(super) fn header(state: &State) -> Vec<u8> {
    let mut journal = Vec::new();
    add_line(
        &mut journal,
        &JournalHeader {
            journal: VERSION,
            lineage: state.lineage,
            serial: state.serial,
            endpoint: state.endpoint.clone(),
            user_id: state.user_id.clone(),
        },
    );
    journal
}

/// Appends one line per entry.
pub(super) fn add_lines(journal: &mut Vec<u8>, entries: &[JournalEntry]) {
    journal.reserve(entries.len() * LINE_BYTES);
    for entry in entries {
        add_line(journal, entry);
    }
}

/// Applies a journal to the state beside it.
///
/// # Errors
/// If it belongs to another state, its format is unknown, Git left a conflict in it, or a line in it is invalid.
pub(super) fn replay(base: Option<State>, journal: &[u8]) -> Result<Replay, StateErrorKind> {
    if let Some(line) = private::first_line(journal) {
        return Err(StateErrorKind::PrivateKey { line });
    }
    let whole = whole_length(journal);
    let (lines, torn) = journal.split_at(whole);
    let mut lines = lines.split_inclusive(|&byte| byte == b'\n').zip(1..);
    // If the header is torn, it was not synced, and no request had been sent.
    let Some((first, _)) = lines.next() else { return Ok(Replay::Obsolete(base)) };
    let header: JournalHeader = match serde_json::from_slice(first) {
        Ok(header) => header,
        Err(source) => {
            return Err(match json::conflict_line(journal) {
                Some(line) => StateErrorKind::Conflict { line },
                None => StateErrorKind::ForeignJournal { problem: problem(&source) },
            });
        }
    };
    if header.journal != VERSION {
        return Err(StateErrorKind::NewerJournal { found: header.journal });
    }
    let mut state = match base {
        None if header.serial == 0 => State { user_id: header.user_id, ..State::new(header.lineage, header.endpoint) },
        Some(state) if state.lineage == header.lineage && state.serial == header.serial => state,
        Some(state) if state.lineage == header.lineage && state.serial > header.serial => {
            return Ok(Replay::Obsolete(Some(state)));
        }
        other => {
            return Err(StateErrorKind::StrayJournal {
                journal_serial: header.serial,
                state_serial: other.map(|state| state.serial),
            });
        }
    };
    // A merge can have kept the lines of one side, and lost intents of the other.
    if let Some(line) = json::conflict_line(journal) {
        return Err(StateErrorKind::Conflict { line });
    }
    let mut next = 2;
    for (text, line) in lines {
        let entry = parse(text).map_err(|problem| StateErrorKind::InvalidLine { line, problem })?;
        state.apply(entry);
        next = line + 1;
    }
    Ok(Replay::Applied { state, whole, torn: Some(next).filter(|_| !torn.is_empty()) })
}

/// Returns the length of what precedes a torn end.
///
/// Without its line feed a line may be torn, even if the rest of it happens to parse. After a power failure the pages of
/// the end that did not come to the disk are full of zeros, and others behind them may have lines.
fn whole_length(journal: &[u8]) -> usize {
    let end = journal.iter().position(|&byte| byte == 0).unwrap_or(journal.len());
    journal.iter().take(end).rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

fn parse(line: &[u8]) -> Result<JournalEntry, String> {
    let entry = serde_json::from_slice(line.trim_ascii_end()).map_err(|source| problem(&source))?;
    match &entry {
        JournalEntry::Record(record) | JournalEntry::Replace(record)
            if record.public_key.fingerprint() != record.fingerprint =>
        {
            Err(format!("the fingerprint of {} does not match its key", record.name))
        }
        _ => Ok(entry),
    }
}

/// Describes an error in a line, with its column.
fn problem(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it is incomplete".to_owned();
    }
    let text = json::problem(error);
    let problem = text.rsplit_once(" at line ").map_or(&*text, |(problem, _)| problem);
    format!("{problem} (column {})", error.column())
}

fn add_line(journal: &mut Vec<u8>, value: &impl Serialize) {
    // Serializing plain structs into memory cannot fail.
    let _ = serde_json::to_writer(&mut *journal, value);
    journal.push(b'\n');
}

#[cfg(test)]
mod tests;
