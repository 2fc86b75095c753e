//! Errors of a state, and what to do about them.

use std::error::Error;
use std::fmt;
use std::io;

use thiserror::Error;

use super::bucket::BucketError;
use super::http::HttpFailure;
use crate::account::Endpoint;
use crate::files::{is_special, is_too_large};
use crate::names::UserId;

/// Ends the help of an error about missing credentials.
pub(super) const FORKS: &str = "Pipelines of forks have no credentials: they can run `keyform validate`";

/// Why a state cannot be read, written or used.
#[derive(Debug)]
pub struct StateError {
    /// The state, its journal, or the file, folder or object of a failed operation.
    pub place: String,
    pub kind: StateErrorKind,
}

#[derive(Debug)]
pub enum StateErrorKind {
    /// An operation on the disk failed.
    Io {
        /// A verb, as in "cannot replace PATH".
        doing: &'static str,
        source: io::Error,
    },
    Empty,
    /// The JSON ends early. Line and column count from 1.
    Truncated {
        line: usize,
        column: usize,
    },
    /// Git has left the markers of a merge conflict in it.
    Conflict {
        /// The first marker's, from 1.
        line: usize,
    },
    /// Not JSON, or JSON of another shape.
    Foreign {
        problem: String,
    },
    /// A private key was pasted into it.
    PrivateKey {
        /// From 1.
        line: usize,
    },
    /// Its serial is the largest one, so it cannot be saved again.
    LastSerial,
    NewerVersion {
        found: u64,
        /// The newest version that can be read.
        known: u64,
    },
    Duplicate {
        what: String,
    },
    /// The fingerprint of a record does not match its key.
    Fingerprint {
        name: String,
    },
    /// The first line of the journal is not a header.
    ForeignJournal {
        problem: String,
    },
    /// A line of the journal is damaged or was edited. The last one may be incomplete, and is not meant.
    InvalidLine {
        /// From 1.
        line: usize,
        problem: String,
    },
    NewerJournal {
        found: u32,
    },
    /// The journal does not belong to the state next to it.
    StrayJournal {
        /// The serial that the journal builds on.
        journal_serial: u64,
        /// The serial of the state, if there is one.
        state_serial: Option<u64>,
    },
    /// The state is not the one that this run has read, although this run has the lock.
    Changed,
    /// Another process has the lock.
    Locked {
        /// Names the process and the time, if both are known.
        holder: String,
        /// Whether it is unknown if that process still runs. Another attempt finds out.
        may_lapse: bool,
    },
    /// Another process has taken the lock, or may have taken it.
    LockLost {
        /// The other process and when it started, if they are known.
        holder: Option<String>,
    },
    /// An operation of an object store failed.
    Bucket {
        /// A verb, as in "cannot read PLACE".
        doing: &'static str,
        source: BucketError,
    },
    /// An object store overwrites what a request must only create.
    Unconditional,
    /// An entry of a log in an object store does not begin with a header.
    ForeignEntry(serde_json::Error),
    /// Another process has the lock, or had it and was killed. It never ends by itself.
    LockedUntilBroken {
        /// Names the process or its user, and the time, as far as they are known.
        holder: String,
        /// The id of the lock, if the server names it.
        id: Option<String>,
    },
    /// Somebody broke the lock of this run.
    LockBroken {
        /// The process that has it now.
        holder: Option<String>,
    },
    /// The environment names no folder for a journal.
    NoJournalFolder,
    /// A request to a server with a state failed.
    Http {
        /// A verb, as in "cannot read PLACE".
        doing: &'static str,
        source: HttpFailure,
    },
}

/// Why a state cannot be used with an account.
#[derive(Debug, Error)]
pub enum AccountMismatch {
    #[error("the state belongs to {state}, not to {chosen}")]
    Endpoint { state: Endpoint, chosen: Endpoint },
    #[error("the state belongs to user {state}, but the token belongs to user {account}")]
    User { state: UserId, account: UserId },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.place;
        match &self.kind {
            StateErrorKind::Io { doing, source: _ }
            | StateErrorKind::Bucket { doing, source: _ }
            | StateErrorKind::Http { doing, source: _ } => write!(f, "cannot {doing} {path}"),
            StateErrorKind::Empty => write!(f, "the state {path} is empty"),
            StateErrorKind::Truncated { line, column } => {
                write!(f, "the state {path} ends too early, at line {line}, column {column}")
            }
            StateErrorKind::Conflict { line } => {
                write!(f, "{path} contains Git conflict markers, the first in line {line}")
            }
            StateErrorKind::Foreign { problem } => {
                write!(f, "{path} is not a valid state: {problem}")
            }
            StateErrorKind::PrivateKey { line } => write!(f, "{path} contains a private key, in line {line}"),
            StateErrorKind::LastSerial => {
                write!(f, "the state {path} cannot be saved again: its serial is the largest one")
            }
            StateErrorKind::NewerVersion { found, known } => {
                write!(f, "the state {path} has version {found}, but this keyform supports only version {known}")
            }
            StateErrorKind::Duplicate { what } => write!(f, "the state {path} contains {what} twice"),
            StateErrorKind::Fingerprint { name } => {
                write!(f, "the state {path} was edited: the fingerprint of {name} does not match its key")
            }
            StateErrorKind::ForeignJournal { problem } => {
                write!(f, "{path} is not a valid journal: line 1: {problem}")
            }
            StateErrorKind::InvalidLine { line, problem } => {
                write!(f, "line {line} of the journal {path} is not valid: {problem}")
            }
            StateErrorKind::NewerJournal { found } => {
                write!(f, "the journal {path} has version {found}, which this keyform does not support")
            }
            StateErrorKind::StrayJournal { journal_serial, state_serial } => {
                write!(f, "the journal {path} continues serial {journal_serial}, but the state next to it ")?;
                match state_serial {
                    Some(serial) => write!(f, "is a different one, with serial {serial}"),
                    None => f.write_str("is missing"),
                }
            }
            StateErrorKind::Changed => {
                write!(f, "the state {path} was changed by another program during this run")
            }
            StateErrorKind::Locked { holder, may_lapse: _ } | StateErrorKind::LockedUntilBroken { holder, id: _ } => {
                write!(f, "the state {path} is locked by {holder}")
            }
            StateErrorKind::LockLost { holder } => {
                write!(f, "the lock of the state {path} was lost: ")?;
                match holder {
                    Some(holder) => write!(f, "it was taken over by {holder}"),
                    None => f.write_str("it was not renewed in time"),
                }
            }
            StateErrorKind::Unconditional => {
                write!(f, "the object store of {path} does not support conditional writes (If-None-Match)")
            }
            StateErrorKind::ForeignEntry(_) => write!(f, "{path} is not a valid entry of a log"),
            StateErrorKind::LockBroken { holder } => {
                write!(f, "the lock of the state {path} was broken during this run")?;
                holder.iter().try_for_each(|holder| write!(f, ", and it is locked by {holder} now"))
            }
            StateErrorKind::NoJournalFolder => write!(f, "there is no folder for the journal of {path}"),
        }
    }
}

impl Error for StateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            StateErrorKind::Io { source, .. } => Some(source),
            StateErrorKind::ForeignEntry(source) => Some(source),
            StateErrorKind::Bucket { source, .. } => Some(source),
            StateErrorKind::Http { source, .. } => Some(source),
            StateErrorKind::Empty
            | StateErrorKind::Truncated { .. }
            | StateErrorKind::Conflict { .. }
            | StateErrorKind::Foreign { .. }
            | StateErrorKind::PrivateKey { .. }
            | StateErrorKind::LastSerial
            | StateErrorKind::NewerVersion { .. }
            | StateErrorKind::Duplicate { .. }
            | StateErrorKind::Fingerprint { .. }
            | StateErrorKind::ForeignJournal { .. }
            | StateErrorKind::InvalidLine { .. }
            | StateErrorKind::NewerJournal { .. }
            | StateErrorKind::StrayJournal { .. }
            | StateErrorKind::Changed
            | StateErrorKind::Locked { .. }
            | StateErrorKind::LockLost { .. }
            | StateErrorKind::Unconditional
            | StateErrorKind::LockedUntilBroken { .. }
            | StateErrorKind::LockBroken { .. }
            | StateErrorKind::NoJournalFolder => None,
        }
    }
}

impl StateErrorKind {
    pub(crate) fn at(self, place: impl fmt::Display) -> StateError {
        StateError { place: place.to_string(), kind: self }
    }
}

impl StateError {
    /// Whether another process has the lock.
    pub fn is_locked(&self) -> bool {
        matches!(self.kind, StateErrorKind::Locked { .. } | StateErrorKind::LockedUntilBroken { .. })
    }

    /// Whether this run had the lock, and has it no more.
    pub fn is_lock_lost(&self) -> bool {
        matches!(self.kind, StateErrorKind::LockBroken { .. })
    }

    /// Returns the id of another process's lock that has to be broken if that process was killed. The inner option is `None`
    /// if the server does not name it.
    pub fn breakable_lock(&self) -> Option<Option<&str>> {
        match &self.kind {
            StateErrorKind::LockedUntilBroken { id, .. } => Some(id.as_deref()),
            _ => None,
        }
    }

    /// Whether the process that has the lock may have ended without giving it back.
    pub fn may_lapse(&self) -> bool {
        matches!(self.kind, StateErrorKind::Locked { may_lapse: true, .. })
    }

    /// Whether the file is damaged, or not a state or a journal of it: no version of keyform can read it.
    pub fn is_broken(&self) -> bool {
        match &self.kind {
            StateErrorKind::Empty
            | StateErrorKind::Truncated { .. }
            | StateErrorKind::Conflict { .. }
            | StateErrorKind::Foreign { .. }
            | StateErrorKind::PrivateKey { .. }
            | StateErrorKind::LastSerial
            | StateErrorKind::Duplicate { .. }
            | StateErrorKind::Fingerprint { .. }
            | StateErrorKind::ForeignJournal { .. }
            | StateErrorKind::InvalidLine { .. }
            | StateErrorKind::StrayJournal { .. } => true,
            StateErrorKind::Io { .. }
            | StateErrorKind::NewerVersion { .. }
            | StateErrorKind::NewerJournal { .. }
            | StateErrorKind::Changed
            | StateErrorKind::Locked { .. }
            | StateErrorKind::LockLost { .. }
            | StateErrorKind::Bucket { .. }
            | StateErrorKind::Unconditional
            | StateErrorKind::ForeignEntry(_)
            | StateErrorKind::LockedUntilBroken { .. }
            | StateErrorKind::LockBroken { .. }
            | StateErrorKind::NoJournalFolder
            | StateErrorKind::Http { .. } => false,
        }
    }

    /// Whether the place is in a store, and not a file.
    fn is_remote(&self) -> bool {
        self.place.contains("://")
    }

    /// Says how to get a damaged state back.
    fn restore_help(&self) -> &'static str {
        if !self.is_remote() {
            "restore it from Git, choose the right file with --state, or create a new one with `keyform state rebuild`"
        } else if self.place.starts_with("http") && matches!(self.kind, StateErrorKind::Foreign { .. }) {
            // Another program may need what is there.
            "choose the right state with --state, or replace a damaged one with `keyform state rebuild`"
        } else if self.place.starts_with("http") {
            "choose the right state with --state, create a new one with `keyform state rebuild`, or delete it on the server \
             and write an earlier version with `keyform state push`"
        } else if self.place.rsplit_once('.').is_some_and(|(_, end)| end == "json") {
            "delete this object, and the next run restores it from its log; or create a new state with \
             `keyform state rebuild`"
        } else {
            "create a new state with `keyform state rebuild`, which keeps a copy"
        }
    }

    pub fn help(&self) -> &str {
        match &self.kind {
            StateErrorKind::Io { source, .. } => io_help(source),
            StateErrorKind::Empty
            | StateErrorKind::Truncated { .. }
            | StateErrorKind::Foreign { .. }
            | StateErrorKind::LastSerial
            | StateErrorKind::Duplicate { .. }
            | StateErrorKind::Fingerprint { .. } => self.restore_help(),
            StateErrorKind::Conflict { .. } => {
                "do not merge states by hand: create a new one from the account with `keyform state rebuild`"
            }
            StateErrorKind::PrivateKey { .. } if self.is_remote() => {
                "nothing of it is shown; create a new state with `keyform state rebuild`, and replace the key wherever it is used"
            }
            StateErrorKind::PrivateKey { .. } => {
                "nothing of it is shown; restore the file from Git, and replace the key wherever it is used"
            }
            StateErrorKind::NewerVersion { .. } | StateErrorKind::NewerJournal { .. } => {
                "it was written by a newer keyform: update keyform to the version that wrote it, or a later one"
            }
            StateErrorKind::InvalidLine { .. } => {
                "restore the journal from where it was written or committed, or create a new state with `keyform state rebuild`"
            }
            StateErrorKind::ForeignJournal { .. } if self.is_remote() => {
                "create a new state with `keyform state rebuild`, which keeps a copy of the journal"
            }
            StateErrorKind::ForeignJournal { .. } => {
                "move the file away and inspect it, or create a new state with `keyform state rebuild`"
            }
            StateErrorKind::StrayJournal { .. } => {
                "restore the newest state, which belongs to this journal, or create a new one with `keyform state rebuild`"
            }
            StateErrorKind::Changed => {
                "find the program that writes it without the lock, then restore the earlier state or keep this one; the next \
                 plan adopts the keys that are on the account"
            }
            StateErrorKind::Locked { .. } => "wait until it ends, or pass --lock-timeout SECONDS",
            StateErrorKind::LockLost { .. } => "the next apply completes what is left; nothing was overwritten",
            StateErrorKind::Bucket { source, .. } => &source.help,
            StateErrorKind::Unconditional => {
                "choose another store: without them, two runs could write at the same time"
            }
            StateErrorKind::ForeignEntry(_) => "move the object away and inspect it; keyform did not write it",
            StateErrorKind::LockedUntilBroken { .. } => {
                "wait until it ends, or pass --lock-timeout SECONDS; if it was killed, end its lock with \
                 `keyform state unlock`"
            }
            StateErrorKind::LockBroken { .. } => {
                "nothing was overwritten; the next apply completes what is left, after other runs have ended"
            }
            StateErrorKind::NoJournalFolder => "set XDG_STATE_HOME or HOME to the absolute path of a folder",
            StateErrorKind::Http { source, .. } => &source.help,
        }
    }
}

impl AccountMismatch {
    pub fn help(&self) -> &'static str {
        match self {
            Self::Endpoint { .. } | Self::User { .. } => {
                "check the token and the endpoint, or choose the state of this account with --state"
            }
        }
    }
}

fn io_help(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_special(error) => "use a regular file: links, pipes and devices are not supported",
        _ if is_too_large(error) => "choose the right file with --state; keyform never writes one of this size",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space, then run the command again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "check the permissions, or choose another path with --state"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "check that the folder exists, or choose another path with --state"
        }
        io::ErrorKind::IsADirectory => "move the folder away, or choose a file with --state",
        _ => "fix the problem and run the command again, or choose another path with --state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::read_stream;

    #[test]
    fn a_state_that_is_too_large_to_read_is_not_taken_for_a_full_disk() {
        let too_large = read_stream(&b"12345"[..], 4).unwrap_err();
        let full = io::Error::from(io::ErrorKind::FileTooLarge);
        assert!(io_help(&too_large).starts_with("choose the right file"), "{}", io_help(&too_large));
        assert!(io_help(&full).starts_with("free some space"), "{}", io_help(&full));
    }
}
