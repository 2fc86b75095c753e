//! The result of an apply.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::account::Failure;
use crate::names::{KeyId, KeyName};
use crate::plan::{ActionKind, Plan};
use crate::state::{Rescued, StateError};

/// How a plan was carried out.
#[derive(Debug)]
pub struct Outcome {
    /// One for each action, in the plan's order.
    pub steps: Vec<Step>,
    /// What the listing after the changes shows. `None` if there was no listing.
    pub findings: Option<Vec<Finding>>,
    /// Why the listing after the changes failed.
    pub unverified: Option<String>,
    /// `None` if the state did not change or could not be written.
    pub saved: Option<Saved>,
    /// Why the state could not be written, or why actions were skipped because the journal could not.
    pub save_error: Option<StateError>,
    /// What was learned and is not in the state.
    pub rescued: Option<Rescued>,
    /// Whether the user asked to stop.
    pub interrupted: bool,
    pub elapsed: Duration,
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
    /// The row of a key is not listed, or holds another key.
    Missing { name: KeyName, id: KeyId },
    /// A deleted row is still listed.
    Remains { name: KeyName, id: KeyId },
    /// Other rows hold the key that was uploaded.
    Copies { name: KeyName, ids: Vec<KeyId> },
    /// The planned primary is not the primary.
    NotPrimary { name: KeyName },
    /// An upload took the place of the planned primary, which was promoted again.
    PrimaryRestored { name: KeyName },
    /// An upload became the primary, and the manifest names none.
    PrimaryMoved { name: KeyName },
}

impl Outcome {
    pub(super) fn new(plan: &Plan) -> Self {
        let steps = plan.actions.iter().map(|action| Step {
            name: action.name.clone(),
            kind: action.change.kind(),
            status: Status::Waiting,
        });
        Self {
            steps: steps.collect(),
            findings: None,
            unverified: None,
            saved: None,
            save_error: None,
            rescued: None,
            interrupted: false,
            elapsed: Duration::ZERO,
        }
    }

    /// Whether everything that was planned is done, checked and saved.
    pub fn is_success(&self) -> bool {
        self.steps.iter().all(Step::is_done)
            && self.save_error.is_none()
            && self.unverified.is_none()
            && !self.findings.iter().flatten().any(Finding::is_wrong)
    }
}

impl Step {
    pub fn is_done(&self) -> bool {
        matches!(self.status, Status::Done { .. })
    }
}

impl Finding {
    /// Whether the apply did not reach what was planned. Otherwise the finding is only a note.
    pub fn is_wrong(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Remains { .. } | Self::Copies { .. } | Self::NotPrimary { .. } => true,
            Self::PrimaryMoved { .. } | Self::PrimaryRestored { .. } => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, id } => write!(f, "{name} should be on the account as {id}, and is not"),
            Self::Remains { name, id } => write!(f, "{name} ({id}) was deleted, and the account still lists it"),
            Self::Copies { name, ids } => {
                let ids: Vec<_> = ids.iter().map(KeyId::as_str).collect();
                write!(f, "the account holds the key of {name} more than once, also as {}", ids.join(", "))
            }
            Self::NotPrimary { name } => write!(f, "{name} should be the primary key, and is not"),
            Self::PrimaryRestored { name } => write!(
                f,
                "an upload had made itself the primary key; {name} was made that again, as the manifest wants"
            ),
            Self::PrimaryMoved { name } => {
                write!(f, "the account made {name} its primary key, though no manifest asks for it")
            }
        }
    }
}
