//! Errors of a state, and what to do about them.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::account::Endpoint;
use crate::files::is_special;
use crate::names::UserId;

/// Why a state cannot be read, written or used.
#[derive(Debug)]
pub struct StateError {
    /// The state, its journal, or the file or folder of a failed operation.
    pub path: PathBuf,
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
    /// Not JSON, or JSON of another shape.
    Foreign {
        problem: String,
    },
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
    ForeignJournal(serde_json::Error),
    NewerJournal {
        found: u32,
    },
    /// The journal does not belong to the state beside it.
    StrayJournal {
        /// The serial that the journal builds on.
        journal_serial: u64,
        /// The serial of the state, if there is one.
        state_serial: Option<u64>,
    },
    /// The state is not the one that this run has read, although this run holds the lock.
    Changed,
    /// Another process holds the lock.
    Locked {
        /// Names the process and the time, if both are known.
        holder: String,
    },
}

/// Why a state cannot be used with an account.
#[derive(Debug, Error)]
pub enum AccountMismatch {
    #[error("the state belongs to {state}, not to {chosen}")]
    Endpoint { state: Endpoint, chosen: Endpoint },
    #[error("the state belongs to the account of user {state}, but this token opens that of {account}")]
    User { state: UserId, account: UserId },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            StateErrorKind::Io { doing, source: _ } => write!(f, "cannot {doing} {path}"),
            StateErrorKind::Empty => write!(f, "the state {path} is empty"),
            StateErrorKind::Truncated { line, column } => {
                write!(f, "the state {path} is cut off at line {line}, column {column}")
            }
            StateErrorKind::Foreign { problem } => {
                write!(f, "the state {path} is not one that keyform wrote: {problem}")
            }
            StateErrorKind::NewerVersion { found, known } => {
                write!(f, "the state {path} has version {found}; this keyform reads version {known}")
            }
            StateErrorKind::Duplicate { what } => write!(f, "the state {path} holds {what} twice"),
            StateErrorKind::Fingerprint { name } => {
                write!(f, "the state {path} was changed by hand: the fingerprint of {name} is not that of its key")
            }
            StateErrorKind::ForeignJournal(_) => write!(f, "the journal {path} is not one that keyform wrote"),
            StateErrorKind::NewerJournal { found } => {
                write!(f, "the journal {path} has version {found}, which this keyform does not read")
            }
            StateErrorKind::StrayJournal { journal_serial, state_serial } => {
                write!(f, "the journal {path} builds on serial {journal_serial}, but the state beside it ")?;
                match state_serial {
                    Some(serial) => write!(f, "is another one, with serial {serial}"),
                    None => f.write_str("is missing"),
                }
            }
            StateErrorKind::Changed => {
                write!(f, "the state {path} was changed by something else while this run was at work")
            }
            StateErrorKind::Locked { holder } => write!(f, "the state {path} is locked by {holder}"),
        }
    }
}

impl Error for StateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            StateErrorKind::Io { source, .. } => Some(source),
            StateErrorKind::ForeignJournal(source) => Some(source),
            StateErrorKind::Empty
            | StateErrorKind::Truncated { .. }
            | StateErrorKind::Foreign { .. }
            | StateErrorKind::NewerVersion { .. }
            | StateErrorKind::Duplicate { .. }
            | StateErrorKind::Fingerprint { .. }
            | StateErrorKind::NewerJournal { .. }
            | StateErrorKind::StrayJournal { .. }
            | StateErrorKind::Changed
            | StateErrorKind::Locked { .. } => None,
        }
    }
}

impl StateErrorKind {
    pub(super) fn at(self, path: &Path) -> StateError {
        StateError { path: path.to_path_buf(), kind: self }
    }
}

impl StateError {
    /// Whether the file is damaged, or not a state or a journal of it: no version of keyform can read it.
    pub fn is_broken(&self) -> bool {
        match &self.kind {
            StateErrorKind::Empty
            | StateErrorKind::Truncated { .. }
            | StateErrorKind::Foreign { .. }
            | StateErrorKind::Duplicate { .. }
            | StateErrorKind::Fingerprint { .. }
            | StateErrorKind::ForeignJournal(_)
            | StateErrorKind::StrayJournal { .. } => true,
            StateErrorKind::Io { .. }
            | StateErrorKind::NewerVersion { .. }
            | StateErrorKind::NewerJournal { .. }
            | StateErrorKind::Changed
            | StateErrorKind::Locked { .. } => false,
        }
    }

    pub fn help(&self) -> &'static str {
        match &self.kind {
            StateErrorKind::Io { source, .. } => io_help(source),
            StateErrorKind::Empty | StateErrorKind::Truncated { .. } => {
                "restore it from version control; or make a new one from manifest and account: keyform state rebuild"
            }
            StateErrorKind::Foreign { .. } | StateErrorKind::Duplicate { .. } | StateErrorKind::Fingerprint { .. } => {
                "restore it from version control, or choose the right file with --state; or make a new one from \
                 manifest and account: keyform state rebuild"
            }
            StateErrorKind::NewerVersion { .. } | StateErrorKind::NewerJournal { .. } => {
                "use the keyform that wrote it, or a newer one"
            }
            StateErrorKind::ForeignJournal(_) => {
                "move that file away and look at it; or set it aside and make a new state from manifest and account: \
                 keyform state rebuild"
            }
            StateErrorKind::StrayJournal { .. } => {
                "put back the state that the journal was written beside (it is the newest one); or, if that is lost, \
                 set the journal aside and make a new state from manifest and account: keyform state rebuild"
            }
            StateErrorKind::Changed => {
                "find out what writes it without the lock, and put back the state that was there when this run began; \
                 or leave the one that is there, and the next plan adopts what is on the account"
            }
            StateErrorKind::Locked { .. } => "wait until it is done, or let this run wait with --lock-timeout SECONDS",
        }
    }
}

impl AccountMismatch {
    pub fn help(&self) -> &'static str {
        match self {
            Self::Endpoint { .. } | Self::User { .. } => {
                "check the token and the endpoint, or choose this account's own state with --state"
            }
        }
    }
}

fn io_help(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_special(error) => "pipes and devices are neither read nor replaced: choose a file",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room for it, then run the same command again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let this process read and write there, or keep the state elsewhere with --state"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "check the path, and that its folder is there; --state keeps the state elsewhere"
        }
        io::ErrorKind::IsADirectory => "a folder is in its place: move that away, or choose a file with --state",
        _ => "see to that, then run the same command again; --state keeps the state elsewhere",
    }
}
