//! The entries of a log: one object each, a line of JSON and what follows it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::error::StateErrorKind;

/// The version of the format.
const VERSION: u32 = 1;

/// The first line of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryHeader {
    /// The version of the format.
    pub(super) log: u32,
    pub(super) kind: EntryKind,
    /// Identifies the session that wrote it. No two sessions write the same bytes.
    pub(super) run: Uuid,
    pub(super) who: String,
    pub(super) since: Timestamp,
    /// How long the lock lasts without another entry, in milliseconds.
    pub(super) lease_ms: u64,
    /// The number of the entry with which the journal begins. `None` if there is no journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) journal: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum EntryKind {
    /// A session takes the lock.
    Claim,
    /// Lines of the journal follow.
    Lines,
    /// Nothing was written for a while, and the session is alive.
    Alive,
    /// The session gives the lock back.
    Release,
    /// The session gives the lock back, and the next state follows.
    Seal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogEntry {
    pub(super) header: EntryHeader,
    pub(super) body: Vec<u8>,
}

impl EntryHeader {
    pub(super) fn new(run: Uuid, who: String, since: Timestamp, lease_ms: u64) -> Self {
        Self { log: VERSION, kind: EntryKind::Claim, run, who, since, lease_ms, journal: None }
    }

    /// Returns the bytes of an entry.
    pub(super) fn write(&self, body: &[u8]) -> Vec<u8> {
        // Serializing a plain struct into memory cannot fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(body);
        bytes
    }
}

impl LogEntry {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StateErrorKind> {
        #[derive(Deserialize)]
        struct Versioned {
            log: u32,
        }
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
        let (first, rest) = bytes.split_at(end);
        match serde_json::from_slice(first) {
            Ok(Versioned { log }) if log > VERSION => return Err(StateErrorKind::NewerJournal { found: log }),
            _ => {}
        }
        let header = serde_json::from_slice(first).map_err(StateErrorKind::ForeignEntry)?;
        Ok(Self { header, body: rest.get(1..).unwrap_or_default().to_vec() })
    }
}
