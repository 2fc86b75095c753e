//! An account and a state in memory, and a virtual clock.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use keyform::account::{Clock, Dated, Effect, Failure, FailureKind, Page, ReadAccount, Row, WriteAccount};
use keyform::emulator::DuplicateKey;
use keyform::names::{KeyId, UserId};
use keyform::public_key::{KeyBlob, KeyContent, PublicKey};
use keyform::state::{JournalEntry, Lease, LoadedState, Session, State, StateError};

/// Behaviour of the account that the API leaves open.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    pub duplicate_key: DuplicateKey,
    /// Whether every upload makes itself the primary.
    pub uploads_take_primary: bool,
    /// Whether the primary cannot be deleted.
    pub keeps_primary: bool,
}

pub struct MemoryAccount {
    pub mode: Mode,
    pub rows: RefCell<Vec<Row>>,
    pub requests: Cell<usize>,
    /// Called after each request that may change something.
    pub watch: RefCell<Option<Watch>>,
    next_id: Cell<usize>,
}

pub type Watch = Box<dyn Fn(&[Row])>;

#[derive(Debug, Default)]
pub struct MemorySession {
    pub state: Option<State>,
    pub journal: Vec<JournalEntry>,
    /// `None` if the lock cannot be lost.
    pub lease: Option<Lease>,
}

/// A clock on which waiting takes no time.
#[derive(Debug, Default)]
pub struct VirtualClock(Cell<Duration>);

impl Default for Mode {
    fn default() -> Self {
        Self { duplicate_key: DuplicateKey::SecondRow, uploads_take_primary: false, keeps_primary: false }
    }
}

pub fn user() -> UserId {
    UserId::new("user-1").unwrap()
}

impl MemoryAccount {
    pub fn new(mode: Mode, rows: Vec<Row>) -> Self {
        Self {
            mode,
            rows: RefCell::new(rows),
            requests: Cell::new(0),
            watch: RefCell::default(),
            next_id: Cell::new(1000),
        }
    }

    pub fn listing(&self) -> keyform::account::Listing {
        keyform::account::Listing::new(self.rows.borrow().iter().cloned()).unwrap()
    }

    fn seen(&self) {
        self.requests.set(self.requests.get() + 1);
        if let Some(watch) = &*self.watch.borrow() {
            watch(&self.rows.borrow());
        }
    }

    /// Adds a row without a request.
    pub fn insert(&self, name: &str, blob: &KeyBlob) -> KeyId {
        self.next_id.set(self.next_id.get() + 1);
        let row = row(&self.next_id.get().to_string(), name, blob);
        let id = row.id.clone();
        self.rows.borrow_mut().push(row);
        id
    }

    /// Adds a row with any text, unless it has a key that the account accepts only once.
    pub fn insert_text(&self, name: &str, public_key: &str) {
        let content = KeyContent::of_text(public_key);
        let is_there = self.rows.borrow().iter().any(|row| row.content == content);
        if is_there && self.mode.duplicate_key != DuplicateKey::SecondRow {
            return;
        }
        let id = self.insert(name, &content.all()[0].clone());
        for row in self.rows.borrow_mut().iter_mut().filter(|row| row.id == id) {
            (row.public_key, row.content) = (Some(public_key.to_owned()), content.clone());
        }
    }

    pub fn make_primary(&self, id: &KeyId) {
        for row in self.rows.borrow_mut().iter_mut() {
            row.is_primary = row.id == *id;
        }
    }
}

impl ReadAccount for MemoryAccount {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        let rows = self.rows.borrow();
        let page = rows.iter().skip(usize::try_from(offset).unwrap()).take(usize::try_from(limit).unwrap());
        Ok(Page {
            rows: page.cloned().collect(),
            total: Some(rows.len() as u64),
            limit: Some(limit),
            ..Page::default()
        })
    }
}

impl WriteAccount for MemoryAccount {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        let same = self.rows.borrow().iter().find(|row| row.is_user_key && row.blob() == Some(key.blob())).cloned();
        match (same, self.mode.duplicate_key) {
            (Some(row), DuplicateKey::SameRow) => return Ok(row.into()),
            (Some(_), DuplicateKey::Refuse) => return Err(refused("the key exists already")),
            _ => {}
        }
        let id = self.insert(name, key.blob());
        if self.mode.uploads_take_primary {
            self.make_primary(&id);
        }
        self.seen();
        Ok(self.rows.borrow().last().unwrap().clone().into())
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        if !self.rows.borrow().iter().any(|row| row.id == *id) {
            return Err(refused("no such key"));
        }
        self.make_primary(id);
        self.seen();
        Ok(().into())
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        if self.mode.keeps_primary && self.rows.borrow().iter().any(|row| row.id == *id && row.is_primary) {
            return Err(refused("the primary key cannot be deleted"));
        }
        self.rows.borrow_mut().retain(|row| row.id != *id);
        self.seen();
        Ok(().into())
    }
}

impl Session for MemorySession {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        Ok(LoadedState { state: self.state.clone(), ..LoadedState::default() })
    }

    async fn append(&mut self, _: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        self.journal.extend(entries.iter().cloned());
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.state = Some(state.clone());
        self.journal.clear();
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        self.journal.clear();
        Ok(())
    }

    async fn release(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    fn lease(&self) -> Lease {
        self.lease.clone().unwrap_or_else(Lease::unlimited)
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + self.0.get()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.set(self.0.get() + duration);
    }
}

pub fn row(id: &str, name: &str, blob: &KeyBlob) -> Row {
    Row {
        id: KeyId::new(id).unwrap(),
        user_id: user(),
        name: name.to_owned(),
        public_key: Some(blob.as_str().to_owned()),
        content: blob.clone().into(),
        is_primary: false,
        is_user_key: true,
        created_at: None,
    }
}

pub fn refused(message: &str) -> Failure {
    Failure {
        effect: Effect::Refused,
        kind: FailureKind::Invalid,
        status: Some(422),
        retry_after: None,
        message: message.to_owned(),
        help: None,
        id: None,
    }
}
