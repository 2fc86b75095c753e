//! The result of an apply.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::account::{Effect, Failure};
use crate::names::{KeyId, KeyName};
use crate::plan::{ActionKind, NamedRow};
use crate::state::{JournalEntry, StateError};
use crate::terminal::escape::escape;

/// Maximum number of rows in a sentence.
const MAX_NAMED: usize = 20;

/// How a plan was carried out.
#[derive(Debug)]
pub struct Outcome {
    /// One for each action, in the plan's order.
    pub steps: Vec<Step>,
    pub verification: Verification,
    /// `None` if the state did not change or could not be written.
    pub saved: Option<Saved>,
    /// Why the state could not be written, or why actions were skipped because the journal could not.
    pub save_error: Option<StateError>,
    /// The results that are neither in the state nor in its journal.
    pub unsaved: Vec<JournalEntry>,
    /// Whether the state could not be written, but the journal has results that the next run reads.
    pub is_journaled: bool,
    /// Whether the user asked to stop.
    pub interrupted: bool,
    pub elapsed: Duration,
}

/// The result of the listing after the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The account was not listed: no request changed it, the run is offline, or the user asked to stop.
    NotDone,
    /// The account could not be listed.
    Failed(String),
    Done(Vec<Finding>),
}

/// The state that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    pub serial: u64,
    /// How many keys it holds.
    pub keys: usize,
}

/// The result of one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    pub name: KeyName,
    #[serde(rename = "action")]
    pub kind: ActionKind,
    #[serde(flatten)]
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Status {
    /// Not started yet. In an [`Outcome`]: never started.
    #[serde(rename = "skipped")]
    Waiting,
    /// The id is that of the row which holds the key now, or which was deleted or forgotten.
    Done { id: KeyId },
    /// The account is unchanged, unless the failure says otherwise.
    Failed(Failure),
    /// Not tried.
    Skipped {
        #[serde(rename = "message")]
        reason: String,
    },
    /// It is unknown whether the upload was carried out. The next plan that lists the account finds out.
    Pending(Failure),
}

/// A difference between the planned result and the account, or a change that the plan did not ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The row of a key is not listed, or contains another key.
    Missing { name: KeyName, id: KeyId },
    /// A deleted row is still listed.
    Remains { name: KeyName, id: KeyId },
    /// Another row contains a key that was removed. The plan did not list it.
    Again { name: KeyName, id: KeyId },
    /// A row contains a key that was removed, and other keys or options, so it was left.
    MixedLeft { name: KeyName, id: KeyId },
    /// These rows show no key, so they can contain any.
    Unreadable { rows: Vec<NamedRow> },
    /// Other rows contain the key that was uploaded.
    Copies { name: KeyName, ids: Vec<KeyId> },
    /// The planned primary is not the primary.
    NotPrimary {
        /// The name of the key, or the id of an unmanaged row.
        name: String,
    },
    /// An upload took the place of the planned primary, and the request to promote it again failed. It may have been carried
    /// out.
    NotRestored {
        /// The name of the key, or the id of an unmanaged row.
        name: String,
        reason: String,
    },
    /// An upload took the place of the planned primary, which was promoted again.
    PrimaryRestored {
        /// The name of the key, or the id of an unmanaged row.
        name: String,
    },
    /// An upload became the primary, and there was none before.
    PrimaryMoved { name: KeyName },
}

impl Outcome {
    pub(super) fn new(steps: Vec<Step>, verification: Verification) -> Self {
        Self {
            steps,
            verification,
            saved: None,
            save_error: None,
            unsaved: Vec::new(),
            is_journaled: false,
            interrupted: false,
            elapsed: Duration::ZERO,
        }
    }

    /// Whether everything that was planned is done, checked and saved.
    pub fn is_success(&self) -> bool {
        self.steps.iter().all(Step::is_done)
            && self.save_error.is_none()
            && !matches!(self.verification, Verification::Failed(_))
            && !self.findings().iter().any(Finding::is_wrong)
    }

    /// Whether the account was listed after the changes.
    pub fn is_verified(&self) -> bool {
        matches!(self.verification, Verification::Done(_))
    }

    pub fn findings(&self) -> &[Finding] {
        match &self.verification {
            Verification::Done(findings) => findings,
            Verification::NotDone | Verification::Failed(_) => &[],
        }
    }
}

impl Step {
    pub fn is_done(&self) -> bool {
        matches!(self.status, Status::Done { .. })
    }

    /// Whether the account may have carried the change out although its request failed.
    pub(super) fn has_unknown_effect(&self) -> bool {
        matches!(&self.status, Status::Failed(failure) if failure.effect == Effect::Unknown)
    }
}

impl Status {
    pub(super) fn skipped(reason: &str) -> Self {
        Self::Skipped { reason: reason.to_owned() }
    }
}

impl Finding {
    /// Whether the apply did not reach what was planned. Otherwise the finding is only a note.
    pub fn is_wrong(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Remains { .. }
            | Self::Again { .. }
            | Self::Copies { .. }
            | Self::NotPrimary { .. }
            | Self::NotRestored { .. } => true,
            Self::MixedLeft { .. }
            | Self::Unreadable { .. }
            | Self::PrimaryMoved { .. }
            | Self::PrimaryRestored { .. } => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, id } => {
                write!(f, "{name} is not on the account, although it was uploaded or recorded as {id}")
            }
            Self::Remains { name, id } => write!(f, "{name} ({id}) was deleted, but the account still lists it"),
            Self::Again { name, id } => {
                write!(
                    f,
                    "{name} was deleted, but its key is on the account again as {id}; revoke the key to delete it"
                )
            }
            Self::MixedLeft { name, id } => {
                write!(f, "the key {name} is still in {id}, which has other keys or options and was left")
            }
            Self::Unreadable { rows } => {
                let named =
                    rows.iter().take(MAX_NAMED).map(|row| format!("\"{}\" ({})", escape(&row.account_name), row.id));
                let named = named.collect::<Vec<_>>().join(", ");
                let more = rows.len().saturating_sub(MAX_NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, "no readable key is in {named}{more}, so it is unknown whether a removed key is")
            }
            Self::Copies { name, ids } => {
                let ids: Vec<_> = ids.iter().map(KeyId::as_str).collect();
                write!(f, "the account has the key {name} more than once, also as {}", ids.join(", "))
            }
            Self::NotPrimary { name } => write!(f, "{name} is not the primary key"),
            Self::NotRestored { name, reason } => {
                write!(f, "an upload became the primary key, and promoting {name} again failed: {reason}")
            }
            Self::PrimaryRestored { name } => write!(f, "an upload became the primary key; {name} was promoted again"),
            Self::PrimaryMoved { name } => {
                write!(f, "the account made {name} the primary key; the manifest names none")
            }
        }
    }
}
