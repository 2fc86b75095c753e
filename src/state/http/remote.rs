//! The operations on a state, repeated where a response is lost.

use std::time::Duration;

use super::client::StateClient;
use super::failure::HttpFailure;
use super::lock_info::{HeldLockInfo, LockInfo};
use super::reply::Reply;
use crate::account::Clock;
use crate::state::error::{StateError, StateErrorKind};

/// The pauses between attempts.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

#[derive(Debug)]
pub(super) struct Remote<C> {
    pub(super) client: StateClient,
    pub(super) clock: C,
    /// The URL, as it is shown.
    pub(super) place: String,
}

/// The answer to a request for a lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LockAnswer {
    Taken,
    HeldBy(HeldLockInfo),
    /// Perhaps taken.
    Unknown(HttpFailure),
    Refused(HttpFailure),
}

impl<C: Clock> Remote<C> {
    /// Reads the state. `None` if there is none.
    pub(super) async fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        match self.repeat(|| self.client.read()).await {
            Reply::Done(text) => Ok(Some(text)),
            Reply::Absent => Ok(None),
            Reply::Uncertain(failure, _) | Reply::Refused(failure) | Reply::SerialTaken(failure) => {
                Err(self.failed("read", failure))
            }
            Reply::Conflict(holder) => Err(self.locked(&holder)),
        }
    }

    /// Locks the state. A lock with the same id is the result of an earlier attempt.
    pub(super) async fn lock(&self, lock: &LockInfo) -> LockAnswer {
        match self.repeat(|| self.client.lock(lock)).await {
            Reply::Done(_) | Reply::Absent => LockAnswer::Taken,
            Reply::Conflict(holder) if holder.id.as_ref() == Some(&lock.id) => LockAnswer::Taken,
            Reply::Conflict(holder) => LockAnswer::HeldBy(holder),
            Reply::Uncertain(failure, _) => LockAnswer::Unknown(failure),
            Reply::Refused(failure) | Reply::SerialTaken(failure) => LockAnswer::Refused(failure),
        }
    }

    /// Asks once who has the lock, by a request for another lock.
    pub(super) async fn probe(&self, probe: &LockInfo) -> LockAnswer {
        match self.client.lock(probe).await {
            Reply::Done(_) | Reply::Absent => LockAnswer::Taken,
            Reply::Conflict(holder) => LockAnswer::HeldBy(holder),
            Reply::Uncertain(failure, _) => LockAnswer::Unknown(failure),
            Reply::Refused(failure) | Reply::SerialTaken(failure) => LockAnswer::Refused(failure),
        }
    }

    /// Ends a lock. Without an id, the server decides which. Returns false if the state has another lock, or none.
    pub(super) async fn unlock(&self, id: Option<&str>) -> Result<bool, StateError> {
        match self.repeat(|| self.client.unlock(id)).await {
            Reply::Done(_) | Reply::Absent => Ok(true),
            Reply::Conflict(_) => Ok(false),
            Reply::Uncertain(HttpFailure { message, .. }, _) => {
                let help = "if the state stays locked, run `keyform state unlock` once the server can be reached";
                Err(self.failed("unlock", HttpFailure::new(message, help)))
            }
            Reply::Refused(failure) | Reply::SerialTaken(failure) => Err(self.failed("unlock", failure)),
        }
    }

    /// Replaces `previous` by `text`, with the lock `id`.
    ///
    /// A server that got a request whose response was lost refuses to carry it out again. So what it has then decides.
    pub(super) async fn save(&self, id: &str, previous: Option<&[u8]>, text: &[u8]) -> Result<(), StateError> {
        // A server may not look at the lock.
        if self.read().await?.is_some_and(|found| Some(found.as_slice()) != previous) {
            return Err(StateErrorKind::Changed.at(&self.place));
        }
        for pause in PAUSES.into_iter().map(Some).chain([None]) {
            let reply = self.client.save(id, text).await;
            if matches!(reply, Reply::Done(_) | Reply::Absent) {
                return Ok(());
            }
            let found = self.read().await;
            if matches!(&found, Ok(Some(found)) if found == text) {
                return Ok(());
            }
            let (failure, asked) = match reply {
                Reply::Uncertain(failure, asked) => (failure, asked),
                Reply::SerialTaken(failure) | Reply::Refused(failure) => return Err(self.failed("write", failure)),
                Reply::Conflict(holder) => return Err(self.lost(&holder)),
                Reply::Done(_) | Reply::Absent => return Ok(()),
            };
            if matches!(&found, Ok(found) if found.as_deref() != previous) {
                return Err(StateErrorKind::Changed.at(&self.place));
            }
            let Some(pause) = pause else { return Err(self.failed("write", failure)) };
            tracing::info!("writing the state again: {failure}");
            self.clock.sleep(asked.unwrap_or(pause)).await;
        }
        Ok(())
    }

    pub(super) fn failed(&self, doing: &'static str, source: HttpFailure) -> StateError {
        StateErrorKind::Http { doing, source }.at(&self.place)
    }

    pub(super) fn locked(&self, holder: &HeldLockInfo) -> StateError {
        let id = holder.id.clone();
        StateErrorKind::LockedUntilBroken { holder: holder.describe(self.clock.timestamp()), id }.at(&self.place)
    }

    pub(super) fn lost(&self, holder: &HeldLockInfo) -> StateError {
        let holder = holder.id.as_ref().map(|_| holder.describe(self.clock.timestamp()));
        StateErrorKind::LockBroken { holder }.at(&self.place)
    }

    /// Repeats an operation as long as its outcome is uncertain.
    async fn repeat(&self, mut operation: impl AsyncFnMut() -> Reply) -> Reply {
        for pause in PAUSES {
            match operation().await {
                Reply::Uncertain(failure, asked) => {
                    tracing::info!("asking for the state again: {failure}");
                    self.clock.sleep(asked.unwrap_or(pause)).await;
                }
                done => return done,
            }
        }
        operation().await
    }
}
