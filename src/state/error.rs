//! Why a state cannot be read, written or used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::account::Endpoint;
use crate::files::is_special;
use crate::names::UserId;

/// Why a state cannot be read, written or used.
#[derive(Debug, Error)]
pub enum StateError {
    /// An operation on a file failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read`, `write`, `sync`, `replace`, `lock`.
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds nothing.
    #[error("the state {} is empty", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// It ends in the middle.
    #[error("the state {} is cut off at line {line}, column {column}", path.display())]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// It is no JSON, or JSON of another shape.
    #[error("the state {} is not one that keyform wrote: {problem}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A newer keyform wrote it.
    #[error("the state {} has version {found}; this keyform reads version {known}", path.display())]
    NewerVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// Something stands in it twice that can only be there once.
    #[error("the state {} holds {what} twice", path.display())]
    Duplicate {
        /// Which file.
        path: PathBuf,
        /// What.
        what: String,
    },
    /// A fingerprint is not that of the key beside it.
    #[error("the state {} was changed by hand: the fingerprint of {name} is not that of its key", path.display())]
    Fingerprint {
        /// Which file.
        path: PathBuf,
        /// The record.
        name: String,
    },
    /// The first line of the journal is something else.
    #[error("the journal {} is not one that keyform wrote", path.display())]
    ForeignJournal {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A newer keyform wrote the journal.
    #[error("the journal {} has version {found}, which this keyform does not read", path.display())]
    NewerJournal {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The journal belongs to another state than the one beside it.
    #[error("the journal {} builds on serial {journal_serial}, but the state beside it {}", path.display(), match state_serial {
        Some(serial) => format!("is another one, with serial {serial}"),
        None => "is missing".to_owned(),
    })]
    StrayJournal {
        /// Which file.
        path: PathBuf,
        /// The serial that the journal builds on.
        journal_serial: u64,
        /// The serial of the state that is there.
        state_serial: Option<u64>,
    },
    /// It describes an account at another endpoint.
    #[error("the state belongs to {state}, not to {chosen}")]
    OtherEndpoint {
        /// Where its account is.
        state: Endpoint,
        /// What was chosen now.
        chosen: Endpoint,
    },
    /// It describes the account of another user.
    #[error("the state belongs to the account of user {state}, but this token opens that of {account}")]
    OtherUser {
        /// Whose account it describes.
        state: UserId,
        /// Whose account answered.
        account: UserId,
    },
    /// It is not what this run has read, although this run has the lock.
    #[error("the state {} was changed by something else while this run was at work", path.display())]
    Changed {
        /// Which state.
        path: PathBuf,
    },
    /// Another process is writing it.
    #[error("the state {} is locked by {holder}", path.display())]
    Locked {
        /// Which state.
        path: PathBuf,
        /// Who holds it since when, as far as is known.
        holder: String,
    },
}

impl StateError {
    /// Whether what is on the disk is no state, or no journal of it, and no keyform could read it.
    pub fn is_broken(&self) -> bool {
        match self {
            Self::Empty { .. }
            | Self::Truncated { .. }
            | Self::Foreign { .. }
            | Self::Duplicate { .. }
            | Self::Fingerprint { .. }
            | Self::ForeignJournal { .. }
            | Self::StrayJournal { .. } => true,
            Self::Io { .. }
            | Self::NewerVersion { .. }
            | Self::NewerJournal { .. }
            | Self::OtherEndpoint { .. }
            | Self::OtherUser { .. }
            | Self::Changed { .. }
            | Self::Locked { .. } => false,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { source, .. } => io_help(source),
            Self::Empty { .. } | Self::Truncated { .. } => {
                "restore it from version control; or make a new one from manifest and account: keyform state rebuild"
            }
            Self::Foreign { .. } | Self::Duplicate { .. } | Self::Fingerprint { .. } => {
                "restore it from version control, or choose the right file with --state; or make a new one from \
                 manifest and account: keyform state rebuild"
            }
            Self::NewerVersion { .. } | Self::NewerJournal { .. } => "use the keyform that wrote it, or a newer one",
            Self::ForeignJournal { .. } => {
                "move that file away and look at it; or set it aside and make a new state from manifest and account: \
                 keyform state rebuild"
            }
            Self::StrayJournal { .. } => {
                "put back the state that the journal was written beside (it is the newest one); or, if that is lost, \
                 set the journal aside and make a new state from manifest and account: keyform state rebuild"
            }
            Self::OtherEndpoint { .. } | Self::OtherUser { .. } => {
                "check the token and the endpoint, or choose this account's own state with --state"
            }
            Self::Changed { .. } => {
                "find out what writes it without the lock, and put back the state that was there when this run began; \
                 or leave the one that is there, and the next plan adopts what is on the account"
            }
            Self::Locked { .. } => "wait until it is done, or let this run wait with --lock-timeout SECONDS",
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
