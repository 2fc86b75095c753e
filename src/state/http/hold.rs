//! Whether a session still has its lock. The server is asked now and then, because somebody can break the lock.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Mutex;

/// For how long an answer of the server counts.
const CERTAIN: Duration = Duration::from_mins(1);

/// The lock of a session, as it was last seen.
#[derive(Debug)]
pub(super) struct LockHold {
    /// When the server last confirmed the lock.
    confirmed: Cell<Duration>,
    is_lost: Cell<bool>,
    /// Excludes a question to the server at the end of the session: it would be answered with a new lock.
    pub(super) asking: Mutex<Asking>,
}

/// Whether the server may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Allowed,
    /// The lock was given back.
    Ended,
}

impl LockHold {
    pub(super) fn new(now: Duration) -> Self {
        Self { confirmed: Cell::new(now), is_lost: Cell::new(false), asking: Mutex::new(Asking::Allowed) }
    }

    /// Notes that the server knew the lock at a time.
    pub(super) fn confirm(&self, at: Duration) {
        self.confirmed.set(self.confirmed.get().max(at));
    }

    pub(super) fn lose(&self) {
        self.is_lost.set(true);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.get()
    }

    /// Whether the lock is certain: not lost, and confirmed not long ago.
    pub(super) fn is_held(&self, now: Duration) -> bool {
        !self.is_lost.get() && now < self.confirmed.get().saturating_add(CERTAIN)
    }
}
