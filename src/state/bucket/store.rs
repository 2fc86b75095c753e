//! A state in a bucket, as a log of objects that are each created once.
//!
//! The log is the lock: who finds the number of its next entry taken has lost it. A session that ends without giving the
//! lock back is succeeded when its log has not grown for the time that its claim names.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::api::{Bucket, BucketErrorKind, Creation};
use super::entry::{EntryHeader, EntryKind, LogEntry};
use super::index::{LogIndex, entry_name};
use super::medium::{Medium, failed};
use super::session::{BucketSession, create_state, fault_error};
use super::snapshot::Snapshot;
use super::writer::{LogWriter, WriteFault};
use crate::account::Clock;
use crate::state::error::{StateError, StateErrorKind};
use crate::state::store::{LoadedState, LockHolder, Store};
use crate::terminal::escape::escape_to;

/// How long a lock lasts without a sign of life.
const LEASE: Duration = Duration::from_secs(30);

/// A lock without a sign of life for so many leases, by the clock of the store, is taken over without waiting for another.
const LONG_DEAD: i64 = 10;

/// How often to begin again when another process changes the log meanwhile.
const ATTEMPTS: usize = 5;

/// How much of another process's description is shown, in characters.
const MAX_HOLDER_CHARS: usize = 200;

/// A state in a bucket.
#[derive(Debug)]
pub struct BucketStore<B, C> {
    medium: Rc<Medium<B, C>>,
    holder: LockHolder,
    run: Uuid,
    lease: Duration,
    /// The end of another session's log, as an earlier attempt to lock saw it.
    seen: Cell<Option<SeenEnd>>,
}

#[derive(Debug, Clone, Copy)]
struct SeenEnd {
    generation: u64,
    number: u64,
    /// When it was seen first.
    at: Duration,
    /// Whether it has grown since an attempt before.
    has_grown: bool,
}

impl<B: Bucket, C: Clock> BucketStore<B, C> {
    /// Keeps a state in a folder of a bucket, which is shown as `place`. `run` is unique, and the clock counts the time that
    /// a machine sleeps.
    pub fn new(bucket: B, clock: C, place: String, holder: LockHolder, run: Uuid) -> Self {
        let medium = Rc::new(Medium { bucket, clock, place });
        Self { medium, holder, run, lease: LEASE, seen: Cell::new(None) }
    }

    /// Sets how long a lock lasts without a sign of life.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Takes the lock, unless another session may have it. `None` if the log has changed meanwhile.
    async fn try_lock(&self) -> Result<Option<BucketSession<B, C>>, StateError> {
        let index = self.medium.list().await?;
        let generation = index.generation();
        let Some((number, modified)) = index.last_entry() else { return self.claim(generation, 1, None).await };
        let Some(last) = self.medium.read_entry(generation, number).await? else { return Ok(None) };
        match last.header.kind {
            EntryKind::Seal => {
                create_state(&self.medium, generation.saturating_add(1), last.body).await?;
                Ok(None)
            }
            EntryKind::Release => self.claim(generation, number.saturating_add(1), last.header.journal).await,
            EntryKind::Claim | EntryKind::Lines | EntryKind::Alive => {
                let is_long_dead = index.date.is_some_and(|date| is_long_dead(&last, modified, date));
                if is_long_dead || self.has_lapsed(generation, number, &last) {
                    return self.claim(generation, number.saturating_add(1), last.header.journal).await;
                }
                let may_lapse = self.seen.get().is_some_and(|seen| !seen.has_grown);
                Err(self.locked(&last.header, may_lapse))
            }
        }
    }

    /// Compares the end of a log with what earlier attempts saw. Returns whether it has not grown for a lease.
    fn has_lapsed(&self, generation: u64, number: u64, last: &LogEntry) -> bool {
        let now = self.medium.clock.now();
        match self.seen.get() {
            Some(seen) if (seen.generation, seen.number) == (generation, number) => {
                now >= seen.at.saturating_add(Duration::from_millis(last.header.lease_ms))
            }
            seen => {
                self.seen.set(Some(SeenEnd { generation, number, at: now, has_grown: seen.is_some() }));
                false
            }
        }
    }

    fn locked(&self, header: &EntryHeader, may_lapse: bool) -> StateError {
        let who = escape_to(&header.who, MAX_HOLDER_CHARS);
        let holder = LockHolder { who: who.into_owned(), since: header.since };
        let minutes = self.medium.clock.timestamp().duration_since(header.since).as_mins();
        let duration = if minutes < 1 { String::new() } else { format!(" ({minutes} min ago)") };
        StateErrorKind::Locked { holder: format!("{holder}{duration}"), may_lapse }.at(&self.medium.place)
    }

    /// Takes the lock with the next entry. `None` if the log has changed meanwhile.
    async fn claim(
        &self,
        generation: u64,
        number: u64,
        journal: Option<u64>,
    ) -> Result<Option<BucketSession<B, C>>, StateError> {
        let LockHolder { who, since } = &self.holder;
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        let header = EntryHeader { journal, ..EntryHeader::new(self.run, who.clone(), *since, lease_ms) };
        let claim = EntryHeader { kind: EntryKind::Claim, ..header.clone() }.write(b"");
        let mut writer = LogWriter::new(Rc::clone(&self.medium), header, generation, number, self.lease);
        match writer.write(EntryKind::Claim, b"").await {
            Ok(()) => {}
            Err(WriteFault::Lost { to: Some(header) }) => {
                self.seen.set(Some(SeenEnd { generation, number, at: self.medium.clock.now(), has_grown: true }));
                return Err(self.locked(&header, false));
            }
            Err(fault) => return Err(fault_error(fault).at(&self.medium.place)),
        }
        self.check_conditions(&entry_name(generation, number), claim).await?;
        // Between the first listing and the claim, other sessions may have written newer states, and deleted this log.
        let index = self.medium.list().await?;
        let is_last = |index: &LogIndex| index.last_entry().is_some_and(|(last, _)| last == number);
        if index.generation() != generation || !is_last(&index) {
            return Ok(None);
        }
        Ok(Some(BucketSession::new(Rc::clone(&self.medium), writer, index, self.lease)))
    }

    /// Creates an object that exists. A store that ignores the condition would let two sessions write the same entry.
    async fn check_conditions(&self, name: &str, bytes: Vec<u8>) -> Result<(), StateError> {
        let Medium { bucket, clock, place } = &*self.medium;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match bucket.create(name, bytes.clone()).await {
                Ok(Creation::Exists) => return Ok(()),
                Ok(Creation::Created) => {
                    // Otherwise it would look like the lock of a session that was killed.
                    let _ = bucket.delete(vec![name.to_owned()]).await;
                    return Err(StateErrorKind::Unconditional.at(place));
                }
                Err(error) if error.kind == BucketErrorKind::Unavailable && attempts < 5 => {
                    clock.sleep(Duration::from_millis(300)).await;
                }
                Err(error) => return Err(failed("write", error).at(self.medium.place_of(name))),
            }
        }
    }
}

impl<B: Bucket + 'static, C: Clock + 'static> Store for BucketStore<B, C> {
    type Writer = BucketSession<B, C>;

    async fn load(&self) -> Result<LoadedState, StateError> {
        Snapshot::read(&self.medium).await?.load(&self.medium.place)
    }

    async fn lock(&self) -> Result<BucketSession<B, C>, StateError> {
        for _ in 0..ATTEMPTS {
            if let Some(session) = self.try_lock().await? {
                return Ok(session);
            }
        }
        Err(StateErrorKind::Locked { holder: "other processes in turn".to_owned(), may_lapse: false }
            .at(&self.medium.place))
    }

    fn lock_poll(&self) -> Duration {
        self.lease / 20
    }
}

/// Whether an entry is so old by the clock of the store that its session has ended.
fn is_long_dead(last: &LogEntry, modified: Timestamp, date: Timestamp) -> bool {
    let lease = i64::try_from(last.header.lease_ms).unwrap_or(i64::MAX);
    date.duration_since(modified) > SignedDuration::from_millis(lease.saturating_mul(LONG_DEAD))
}
