//! Whether a run may start something.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

use crate::state::Lease;

/// The reason why actions are skipped after the user asked to stop.
pub(super) const INTERRUPTED: &str = "the run was interrupted";

/// The reason why actions are skipped when another process may have taken the lock.
const LOCK_LOST: &str = "the lock of the state was lost";

/// Closes when nothing more may be started: the user asks to stop, or the lock of the state is not certain any more.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    pub(super) stop: &'a CancellationToken,
    pub(super) lease: Lease,
}

impl Gate<'_> {
    /// Returns why nothing more may be started, if so.
    pub(super) fn reason(&self) -> Option<&'static str> {
        if self.lease.is_held() { self.stop.is_cancelled().then_some(INTERRUPTED) } else { Some(LOCK_LOST) }
    }

    /// Returns when nothing more may be started. Each poll asks for the lease, so what follows a poll at once is done with
    /// the lock.
    pub(super) async fn closed(&self) {
        let mut stopped = pin!(self.stop.cancelled());
        poll_fn(|context| if self.lease.is_held() { stopped.as_mut().poll(context) } else { Poll::Ready(()) }).await;
    }

    /// Waits for a future, or returns `None` as soon as nothing more may be started.
    pub(super) async fn unless_closed<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        unless(self.closed(), future).await
    }
}

/// Waits for a future, or returns `None` as soon as `stop` is cancelled.
pub async fn unless_stopped<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Option<T> {
    unless(stop.cancelled(), future).await
}

async fn unless<T>(end: impl Future<Output = ()>, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(end), pin!(future)).await {
        Either::Left(((), _)) => None,
        Either::Right((value, _)) => Some(value),
    }
}
