//! Writes a log, entry by entry, as long as the lock is certain.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::api::{Bucket, BucketError, BucketErrorKind, Creation};
use super::entry::{EntryHeader, EntryKind, LogEntry};
use super::index::entry_name;
use super::medium::Medium;
use crate::account::Clock;

/// The pause before an entry is sent again.
const PAUSE: Duration = Duration::from_millis(300);

/// Why a session cannot write any more.
#[derive(Debug, Clone)]
pub(super) enum WriteFault {
    /// Another session has the lock, or may have it.
    Lost {
        to: Option<EntryHeader>,
    },
    Bucket(BucketError),
}

/// The end of a log.
#[derive(Debug)]
pub(super) struct LogWriter<B, C> {
    medium: Rc<Medium<B, C>>,
    header: EntryHeader,
    pub(super) generation: u64,
    /// The number of the next entry.
    pub(super) next: u64,
    /// When the last entry that was written was first sent. The lock is certain for two thirds of the lease from then on.
    since: Rc<Cell<Duration>>,
    lease: Duration,
    /// The next entry, if it was sent and it is unknown whether it was written.
    doubtful: Option<Doubtful>,
}

#[derive(Debug, Clone)]
struct Doubtful {
    bytes: Vec<u8>,
    first_sent: Duration,
}

impl<B: Bucket, C: Clock> LogWriter<B, C> {
    pub(super) fn new(
        medium: Rc<Medium<B, C>>,
        header: EntryHeader,
        generation: u64,
        next: u64,
        lease: Duration,
    ) -> Self {
        let since = Rc::new(Cell::new(medium.clock.now()));
        Self { medium, header, generation, next, since, lease, doubtful: None }
    }

    /// Returns when the last entry was sent.
    pub(super) fn since(&self) -> Rc<Cell<Duration>> {
        Rc::clone(&self.since)
    }

    /// Returns the number of the entry with which the journal begins.
    pub(super) fn journal(&self) -> Option<u64> {
        self.header.journal
    }

    /// Leaves out the entries of the journal so far.
    pub(super) fn forget_journal(&mut self) {
        self.header.journal = None;
    }

    /// Writes the next entry. If the future is dropped, the following call completes it first.
    pub(super) async fn write(&mut self, kind: EntryKind, body: &[u8]) -> Result<(), WriteFault> {
        self.complete().await?;
        if kind == EntryKind::Lines && self.header.journal.is_none() {
            self.header.journal = Some(self.next);
        }
        let header = EntryHeader { kind, ..self.header.clone() };
        self.doubtful = Some(Doubtful { bytes: header.write(body), first_sent: self.medium.clock.now() });
        self.complete().await
    }

    /// Sends an entry that was sent before until it is written, if there is one.
    pub(super) async fn complete(&mut self) -> Result<(), WriteFault> {
        let Some(Doubtful { bytes, first_sent }) = self.doubtful.clone() else { return Ok(()) };
        let name = entry_name(self.generation, self.next);
        let Medium { bucket, clock, .. } = &*self.medium;
        let mut fault = None;
        loop {
            // A process that was stopped for a while must not write at all: what it would write may have been deleted.
            if clock.now() >= self.since.get().saturating_add(certain(self.lease)) {
                return Err(fault.map_or(WriteFault::Lost { to: None }, WriteFault::Bucket));
            }
            match bucket.create(&name, bytes.clone()).await {
                Ok(Creation::Created) => break,
                Err(error) if error.kind == BucketErrorKind::Refused => return Err(WriteFault::Bucket(error)),
                Ok(Creation::Exists) => {}
                Err(error) => fault = Some(error),
            }
            match bucket.read(&name).await {
                Ok(Some(found)) if found == bytes => break,
                Ok(Some(found)) => {
                    let to = LogEntry::parse(&found).ok().map(|entry| entry.header);
                    return Err(WriteFault::Lost { to });
                }
                Ok(None) => {}
                Err(error) if error.kind == BucketErrorKind::Refused => return Err(WriteFault::Bucket(error)),
                Err(error) => fault = Some(error),
            }
            tracing::info!("writing the state again: {}", fault.as_ref().map(ToString::to_string).unwrap_or_default());
            clock.sleep(PAUSE).await;
        }
        self.doubtful = None;
        self.next += 1;
        self.since.set(first_sent);
        Ok(())
    }
}

/// Returns for how long a lock is certain: others wait for the whole lease, and clocks differ.
pub(super) fn certain(lease: Duration) -> Duration {
    lease * 2 / 3
}
