//! What happened: as it happens, and in the end.

use std::time::Duration;

use crate::account::Failure;
use crate::account::Operation;
use crate::names::{KeyId, KeyName};
use crate::plan::{Action, ActionKind, Plan};
use crate::state::{Rescued, StateError};

/// Something that happens while a plan is carried out.
#[derive(Debug)]
pub enum Event<'a> {
    /// The plan is begun.
    Started {
        /// How many actions it has.
        steps: usize,
    },
    /// A request is about to be sent.
    Request {
        /// What it asks for.
        operation: Operation,
        /// The key.
        name: &'a KeyName,
    },
    /// A request failed and is sent again after a pause.
    Retrying {
        /// The key.
        name: &'a KeyName,
        /// Why it failed.
        failure: &'a Failure,
    },
    /// Nobody knows whether an upload worked; a listing will tell.
    Uncertain {
        /// The key.
        name: &'a KeyName,
        /// What became of the answer.
        failure: &'a Failure,
    },
    /// The account is listed to settle uploads.
    Settling {
        /// How many.
        uploads: usize,
    },
    /// An upload that was uncertain is found, or certainly not there.
    Settled {
        /// The key.
        name: &'a KeyName,
        /// Its row, if it is there.
        id: Option<&'a KeyId>,
    },
    /// A key is in a row, which is recorded from now on.
    Placed {
        /// What it is a part of.
        action: &'a Action,
        /// The row.
        id: &'a KeyId,
    },
    /// An action came to its end, whichever it is.
    Ended {
        /// What became of it.
        step: &'a Step,
        /// What it was.
        action: &'a Action,
    },
    /// The account is listed once more.
    Verifying,
    /// What that listing shows.
    Verified {
        /// What is not as it should be, or that nobody asked for.
        findings: &'a [Finding],
    },
    /// The state is written.
    Saved {
        /// Its serial.
        serial: u64,
    },
}

/// How a plan was carried out.
#[derive(Debug)]
pub struct Outcome {
    /// What became of each action, in the plan's order.
    pub steps: Vec<Step>,
    /// What the listing afterwards shows; nothing if there was none.
    pub findings: Option<Vec<Finding>>,
    /// Why that listing could not be had.
    pub unverified: Option<String>,
    /// What was written; nothing if nothing changed.
    pub saved: Option<Saved>,
    /// Why the state could not be written, or not in time, so that something was not done.
    pub save_error: Option<StateError>,
    /// What was learned and is not in the state.
    pub rescued: Option<Rescued>,
    /// Whether someone asked to stop.
    pub interrupted: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// The serial of the state.
    pub serial: u64,
    /// How many keys are in it.
    pub keys: usize,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The key.
    pub name: KeyName,
    /// The action.
    pub kind: ActionKind,
    /// What became of it.
    pub status: Status,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It was not begun.
    Waiting,
    /// It is done; the row that it left, or took away.
    Done(KeyId),
    /// It failed, and the account is as it was, or as the failure says.
    Failed(Failure),
    /// It was not tried, for this reason.
    Skipped(String),
    /// Nobody knows: the next plan that lists the account finds out.
    Pending(Failure),
}

/// What the listing afterwards shows that is not as it should be, or that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A key that should be there is not.
    Missing {
        /// The key.
        name: KeyName,
        /// The row that should hold it.
        id: KeyId,
    },
    /// A row that should be gone is there.
    Remains {
        /// The key.
        name: KeyName,
        /// The row.
        id: KeyId,
    },
    /// The account holds a key that was uploaded more than once.
    Copies {
        /// The key.
        name: KeyName,
        /// The rows beside the recorded one.
        ids: Vec<KeyId>,
    },
    /// The primary is not the one that the manifest wants.
    NotPrimary {
        /// The key that should be.
        name: KeyName,
    },
    /// An upload had made itself the primary, and the one that the manifest wants was made that again.
    PrimaryRestored {
        /// The primary.
        name: KeyName,
    },
    /// The account made an uploaded key its primary, and no manifest asked for it.
    PrimaryMoved {
        /// The primary now.
        name: KeyName,
    },
}

impl Outcome {
    pub(super) fn new(plan: &Plan) -> Self {
        let step = |action: &crate::plan::Action| Step {
            name: action.name.clone(),
            kind: action.change.kind(),
            status: Status::Waiting,
        };
        Self {
            steps: plan.actions.iter().map(step).collect(),
            findings: None,
            unverified: None,
            saved: None,
            save_error: None,
            rescued: None,
            interrupted: false,
            elapsed: Duration::ZERO,
        }
    }

    /// Whether everything that was planned is done, seen and saved.
    pub fn is_success(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.status, Status::Done(_)))
            && self.save_error.is_none()
            && self.unverified.is_none()
            && !self.findings.iter().flatten().any(Finding::is_wrong)
    }
}

impl Finding {
    /// Whether the apply did not reach what it planned, as against something that a person should know.
    pub fn is_wrong(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Remains { .. } | Self::Copies { .. } | Self::NotPrimary { .. } => true,
            Self::PrimaryMoved { .. } | Self::PrimaryRestored { .. } => false,
        }
    }
}
