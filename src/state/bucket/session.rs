//! The lock of a state in a bucket, and what is written with it.

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, select};
use tokio::sync::{Mutex, Notify};

use super::api::{Bucket, BucketErrorKind, Creation};
use super::entry::EntryKind;
use super::index::{LogIndex, log_name, state_name};
use super::medium::{Medium, failed};
use super::snapshot::{LoggedJournal, Snapshot};
use super::writer::{LogWriter, WriteFault, certain};
use crate::account::Clock;
use crate::state::entry::JournalEntry;
use crate::state::error::{StateError, StateErrorKind};
use crate::state::file;
use crate::state::journal;
use crate::state::lease::Lease;
use crate::state::model::State;
use crate::state::store::{LoadedState, Repair, Session};

/// How long an entry of the journal waits for others, unless something must be durable.
const GROUP: Duration = Duration::from_millis(250);

/// How many entries of the journal wait at most before they are written.
const GROUP_ENTRIES: usize = 256;

/// After so many entries without a journal, the log begins anew beside a copy of the state.
const LONG_LOG: u64 = 50;

/// The lock of a state in a bucket.
#[derive(Debug)]
pub struct BucketSession<B, C> {
    medium: Rc<Medium<B, C>>,
    shared: Rc<Shared<B, C>>,
    /// What the bucket contained when the lock was taken. `None` once the session may have changed it.
    index: Option<LogIndex>,
    /// Names of objects that nobody needs once there is a new state.
    obsolete: Vec<String>,
    /// The text of the state, to copy it.
    text: Option<Vec<u8>>,
}

/// What a session and the renewal of its lock have in common.
#[derive(Debug)]
struct Shared<B, C> {
    medium: Rc<Medium<B, C>>,
    writer: Mutex<LogWriter<B, C>>,
    since: Rc<Cell<Duration>>,
    lease: Duration,
    queue: RefCell<Queue>,
    /// Notified when something is queued.
    queued: Notify,
    end: RefCell<Option<End>>,
}

/// Lines of the journal that are not written yet.
#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    entries: usize,
    /// When the first of them was queued.
    since: Duration,
    /// Whether the journal has a first line.
    has_header: bool,
}

/// Why a session writes nothing more.
#[derive(Debug, Clone)]
enum End {
    Released,
    Fault(WriteFault),
}

impl<B: Bucket, C: Clock> BucketSession<B, C> {
    /// Continues a log whose last entry is the claim of this session. `index` is newer than the claim.
    pub(super) fn new(medium: Rc<Medium<B, C>>, writer: LogWriter<B, C>, index: LogIndex, lease: Duration) -> Self {
        let obsolete = index.obsolete(writer.generation.saturating_add(1));
        let shared = Shared {
            medium: Rc::clone(&medium),
            since: writer.since(),
            lease,
            queue: RefCell::new(Queue { has_header: writer.journal().is_some(), ..Queue::default() }),
            writer: Mutex::new(writer),
            queued: Notify::new(),
            end: RefCell::default(),
        };
        Self { medium, shared: Rc::new(shared), index: Some(index), obsolete, text: None }
    }

    pub(in crate::state) fn place(&self) -> String {
        self.medium.place.clone()
    }

    fn error(&self, fault: WriteFault) -> StateError {
        fault_error(fault).at(&self.medium.place)
    }

    /// Writes everything that is queued.
    async fn flush(&self) -> Result<(), StateError> {
        self.shared.flush().await.map_err(|fault| self.error(fault))
    }

    /// Ends the log with a new state. On return it is durable.
    async fn seal(&mut self, text: Vec<u8>) -> Result<(), StateError> {
        let next = {
            let mut writer = self.shared.writer.lock().await;
            self.shared.check().map_err(|fault| self.error(fault))?;
            let sealed = writer.write(EntryKind::Seal, &text).await;
            sealed.map_err(|fault| self.error(self.shared.fail(fault)))?;
            writer.generation.saturating_add(1)
        };
        *self.shared.end.borrow_mut() = Some(End::Released);
        *self.shared.queue.borrow_mut() = Queue::default();
        self.index = None;
        // The seal holds the state. What follows saves work to those who read it.
        if let Err(error) = create_state(&self.medium, next, text).await {
            tracing::info!("the next run completes the state: {error}");
            return Ok(());
        }
        if let Err(error) = self.tidy().await {
            tracing::info!("old objects were not deleted: {error}");
        }
        Ok(())
    }

    async fn tidy(&mut self) -> Result<(), super::api::BucketError> {
        let obsolete = mem::take(&mut self.obsolete);
        if obsolete.is_empty() { Ok(()) } else { self.medium.bucket.delete(obsolete).await }
    }
}

impl<B: Bucket + 'static, C: Clock + 'static> Session for BucketSession<B, C> {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        let listed = self.index.take();
        let snapshot = match listed {
            Some(index) => Snapshot::of(&self.medium, index).await?,
            None => None,
        };
        let snapshot = match snapshot {
            Some(snapshot) => snapshot,
            None => Snapshot::read(&self.medium).await?,
        };
        self.text.clone_from(&snapshot.state);
        snapshot.load(&self.medium.place)
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        self.shared.check().map_err(|fault| self.error(fault))?;
        self.index = None;
        let is_full = {
            let mut queue = self.shared.queue.borrow_mut();
            if !mem::replace(&mut queue.has_header, true) {
                queue.lines.extend(journal::header(base));
            }
            if queue.entries == 0 {
                queue.since = self.medium.clock.now();
            }
            journal::add_lines(&mut queue.lines, entries);
            queue.entries += entries.len();
            queue.entries >= 2 * GROUP_ENTRIES
        };
        self.shared.queued.notify_one();
        // Results are not learned faster than they are kept.
        if is_full { self.flush().await } else { Ok(()) }
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        self.flush().await
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.seal(file::to_text(state).into_bytes()).await
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        let mut writer = self.shared.writer.lock().await;
        self.shared.check().map_err(|fault| self.error(fault))?;
        writer.forget_journal();
        *self.shared.queue.borrow_mut() = Queue::default();
        Ok(())
    }

    async fn release(&mut self) -> Result<(), StateError> {
        if !self.shared.is_held() {
            return Ok(());
        }
        self.flush().await?;
        let is_long = {
            let writer = self.shared.writer.lock().await;
            writer.journal().is_none() && writer.next > LONG_LOG
        };
        if is_long && let Some(text) = self.text.take() {
            return self.seal(text).await;
        }
        let mut writer = self.shared.writer.lock().await;
        writer.write(EntryKind::Release, b"").await.map_err(|fault| self.error(self.shared.fail(fault)))?;
        *self.shared.end.borrow_mut() = Some(End::Released);
        Ok(())
    }

    fn lease(&self) -> Lease {
        let shared = Rc::clone(&self.shared);
        Lease::limited(move || shared.is_held())
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        let shared = Rc::clone(&self.shared);
        Box::pin(async move { shared.keep().await })
    }
}

impl<B: Bucket + 'static, C: Clock + 'static> Repair for BucketSession<B, C> {
    async fn state_alone(&mut self) -> Result<Option<State>, StateError> {
        let snapshot = Snapshot::read(&self.medium).await?;
        self.text.clone_from(&snapshot.state);
        Snapshot { journal: LoggedJournal::default(), ..snapshot }.load(&self.medium.place).map(|loaded| loaded.state)
    }

    async fn set_aside(&mut self) -> Result<Vec<String>, StateError> {
        let Snapshot { index, state, journal, .. } = Snapshot::read(&self.medium).await?;
        let generation = index.generation();
        let mut copies = Vec::new();
        let journal = Some(journal.lines).filter(|journal| !journal.is_empty());
        for (name, bytes) in [(log_name(generation), journal), (state_name(generation), state)] {
            if let Some(bytes) = bytes {
                copies.push(self.medium.place_of(&set_aside(&self.medium, &name, bytes).await?));
            }
        }
        Ok(copies)
    }

    fn new_serial(&self) -> u64 {
        1
    }
}

impl<B: Bucket, C: Clock> Shared<B, C> {
    /// Refuses to write after the end, or without the lock. Once it is lost, it stays lost.
    fn check(&self) -> Result<(), WriteFault> {
        let fault = match &*self.end.borrow() {
            Some(End::Fault(fault)) => fault.clone(),
            None if self.is_certain() => return Ok(()),
            Some(End::Released) | None => WriteFault::Lost { to: None },
        };
        Err(self.fail(fault))
    }

    fn is_held(&self) -> bool {
        self.end.borrow().is_none() && self.is_certain()
    }

    fn is_certain(&self) -> bool {
        self.medium.clock.now() < self.since.get().saturating_add(certain(self.lease))
    }

    /// Notes why nothing more can be written.
    fn fail(&self, fault: WriteFault) -> WriteFault {
        self.end.borrow_mut().get_or_insert(End::Fault(fault.clone()));
        fault
    }

    async fn flush(&self) -> Result<(), WriteFault> {
        let mut writer = self.writer.lock().await;
        self.check()?;
        writer.complete().await.map_err(|fault| self.fail(fault))?;
        let lines = {
            let mut queue = self.queue.borrow_mut();
            queue.entries = 0;
            mem::take(&mut queue.lines)
        };
        if lines.is_empty() {
            return Ok(());
        }
        writer.write(EntryKind::Lines, &lines).await.map_err(|fault| self.fail(fault))
    }

    /// Renews the lock and writes what is queued, until the session ends.
    async fn keep(&self) {
        while self.end.borrow().is_none() {
            let renewal = self.since.get().saturating_add(self.lease / 3);
            let due = {
                let queue = self.queue.borrow();
                match queue.entries {
                    0 => renewal,
                    entries if entries >= GROUP_ENTRIES => Duration::ZERO,
                    _ => renewal.min(queue.since.saturating_add(GROUP)),
                }
            };
            let pause = due.saturating_sub(self.medium.clock.now());
            if !pause.is_zero() {
                let sleep = std::pin::pin!(self.medium.clock.sleep(pause));
                select(sleep, std::pin::pin!(self.queued.notified())).await;
                continue;
            }
            // An error ends the session, and the next one who writes is given it.
            let _ = if self.queue.borrow().entries > 0 { self.flush().await } else { self.renew(renewal).await };
        }
    }

    /// Writes a sign of life, unless something was written since `due` was computed.
    async fn renew(&self, due: Duration) -> Result<(), WriteFault> {
        let mut writer = self.writer.lock().await;
        if self.end.borrow().is_some() || self.since.get().saturating_add(self.lease / 3) > due {
            return Ok(());
        }
        writer.write(EntryKind::Alive, b"").await.map_err(|fault| self.fail(fault))
    }
}

pub(super) fn fault_error(fault: WriteFault) -> StateErrorKind {
    match fault {
        WriteFault::Lost { to } => {
            StateErrorKind::LockLost { holder: to.map(|header| format!("{} since {}", header.who, header.since)) }
        }
        WriteFault::Bucket(source) => failed("write", source),
    }
}

/// Creates the state that follows a seal. Every session that does so writes the same bytes.
pub(super) async fn create_state<B: Bucket, C: Clock>(
    medium: &Medium<B, C>,
    generation: u64,
    text: Vec<u8>,
) -> Result<(), StateError> {
    let name = state_name(generation);
    let mut attempts = 0;
    loop {
        attempts += 1;
        match medium.bucket.create(&name, text.clone()).await {
            Ok(Creation::Created) => return Ok(()),
            Ok(Creation::Exists) => match medium.read(&name).await? {
                Some(found) if found != text => return Err(StateErrorKind::Changed.at(medium.place_of(&name))),
                _ => return Ok(()),
            },
            Err(error) if error.kind == BucketErrorKind::Unavailable && attempts < 5 => {
                medium.clock.sleep(Duration::from_millis(300)).await;
            }
            Err(error) => return Err(failed("write", error).at(medium.place_of(&name))),
        }
    }
}

/// Creates a copy of an object under a free name, which it returns.
async fn set_aside<B: Bucket, C: Clock>(
    medium: &Medium<B, C>,
    name: &str,
    bytes: Vec<u8>,
) -> Result<String, StateError> {
    let mut number = 1;
    loop {
        let copy = if number == 1 { format!("{name}.old") } else { format!("{name}.old-{number}") };
        match medium.bucket.create(&copy, bytes.clone()).await {
            Ok(Creation::Created) => return Ok(copy),
            Ok(Creation::Exists) if medium.read(&copy).await?.as_ref() == Some(&bytes) => return Ok(copy),
            Ok(Creation::Exists) => number += 1,
            Err(error) => return Err(failed("write", error).at(medium.place_of(&copy))),
        }
    }
}
