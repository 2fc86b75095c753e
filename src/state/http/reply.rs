//! What a response to a request for a state means.

use std::time::Duration;

use super::failure::HttpFailure;
use super::lock_info::HeldLockInfo;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateOperation {
    Read,
    Lock,
    Save,
    Unlock,
}

/// What a response means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Carried out. Holds the body.
    Done(Vec<u8>),
    /// There is no state.
    Absent,
    /// The lock is another one than the request's.
    Conflict(HeldLockInfo),
    /// The state cannot be saved with this serial.
    SerialTaken(HttpFailure),
    /// Perhaps carried out. It can be repeated, after the pause that the server asks for.
    Uncertain(HttpFailure, Option<Duration>),
    /// Not carried out, and it will fail again.
    Refused(HttpFailure),
}

/// A response as it was received.
pub(super) struct RawReply {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}
