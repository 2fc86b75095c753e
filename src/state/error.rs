//! Why a state cannot be read, written or used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::account::Endpoint;
use crate::names::{KeyId, UserId};

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
    /// One id stands in it twice.
    #[error("the state {} holds the id {id} twice", path.display())]
    Duplicate {
        /// Which file.
        path: PathBuf,
        /// The id.
        id: KeyId,
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
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Io { .. } => return None,
            Self::Empty { .. } | Self::Truncated { .. } => {
                "restore it from version control; or delete it: the next plan then adopts what is on the account, and \
                 only keys that are no longer desired are left unmanaged"
            }
            Self::Foreign { .. } | Self::Duplicate { .. } | Self::Fingerprint { .. } => {
                "restore it from version control, or choose the right file with --state"
            }
            Self::NewerVersion { .. } | Self::NewerJournal { .. } => "use the keyform that wrote it, or a newer one",
            Self::ForeignJournal { .. } => "move that file away and look at it",
            Self::StrayJournal { .. } => {
                "put back the state that the journal was written beside (it is the newest one); or, if that is lost, \
                 move the journal away: the next plan adopts what it would have told"
            }
            Self::OtherEndpoint { .. } | Self::OtherUser { .. } => {
                "check the token and the endpoint, or choose this account's own state with --state"
            }
            Self::Changed { .. } => {
                "what this run learned is in the file that ends in .journal: put back the state that was there when it \
                 began, and apply again; or move that file away: the next plan adopts what is on the account"
            }
            Self::Locked { .. } => "wait until it is done, or let this run wait with --lock-timeout SECONDS",
        };
        Some(text.to_owned())
    }
}
