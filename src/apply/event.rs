//! Progress of an apply, as reported to its observer.

use super::outcome::{Finding, Step};
use super::waiting::Waiting;
use crate::account::{Failure, Operation};
use crate::names::{KeyId, KeyName};
use crate::plan::Action;

/// Something that happens while a plan is carried out.
#[derive(Debug)]
pub enum Event<'a> {
    Started {
        /// How many actions the plan has.
        steps: usize,
    },
    /// A request is about to be sent.
    Request {
        operation: Operation,
        /// The name of the key, or the id of an unmanaged row.
        name: &'a str,
    },
    /// A request failed and is sent again after a pause.
    Retrying {
        name: &'a str,
        failure: &'a Failure,
    },
    /// It is unknown whether an upload was carried out. A listing decides.
    Uncertain {
        name: &'a KeyName,
        failure: &'a Failure,
    },
    /// The account is about to be listed, for this many uncertain uploads.
    Settling {
        uploads: usize,
    },
    /// The account is listed again, because the listing so far does not decide.
    Waiting(Waiting),
    /// The listings decided about an uncertain upload: it is in this row, or it was not carried out.
    Settled {
        name: &'a KeyName,
        id: Option<&'a KeyId>,
    },
    /// The row of a key is recorded. The action can still have old rows to delete.
    Recorded {
        action: &'a Action,
        id: &'a KeyId,
    },
    /// An action ended, successfully or not.
    Ended {
        step: &'a Step,
        action: &'a Action,
    },
    /// The account is about to be listed to check the result.
    Verifying,
    Verified {
        findings: &'a [Finding],
    },
    /// The state was written.
    Saved {
        serial: u64,
    },
}
