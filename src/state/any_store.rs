//! The store of a location, whatever kind it is.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::bucket::{BucketSession, BucketStore};
use super::cloud::{self, CloudFolder};
use super::entry::JournalEntry;
use super::error::{StateError, StateErrorKind};
use super::file;
use super::file_store::{FileSession, FileStore};
use super::http::{HttpSession, HttpStore};
use super::lease::Lease;
use super::location::StateLocation;
use super::model::State;
use super::store::{LoadedState, LockHolder, Repair, Session, Store};
use crate::account::BootClock;
use crate::account::settings::Environment;

/// A state at any location.
#[derive(Debug)]
pub struct StateStore {
    location: StateLocation,
    kind: StoreKind,
}

#[derive(Debug)]
enum StoreKind {
    File(FileStore),
    Objects(BucketStore<CloudFolder, BootClock>),
    Http(HttpStore<BootClock>),
}

/// The lock of a [`StateStore`].
#[derive(Debug)]
pub enum StateSession {
    File(FileSession),
    Objects(BucketSession<CloudFolder, BootClock>),
    Http(Box<HttpSession<BootClock>>),
}

impl StateStore {
    /// Opens the store of a location. Sends no request. Takes the credentials of a remote store from `environment`.
    pub fn open(
        location: StateLocation,
        holder: &LockHolder,
        environment: Environment<'_>,
    ) -> Result<Self, StateError> {
        let kind = match &location {
            StateLocation::File(path) => StoreKind::File(FileStore::open(path, holder.to_string())),
            StateLocation::Objects(prefix) => {
                let bucket = cloud::open(prefix, environment)
                    .map_err(|source| StateErrorKind::Bucket { doing: "use", source }.at(&location))?;
                let store =
                    BucketStore::new(bucket, BootClock, location.to_string(), holder.clone(), uuid::Uuid::new_v4());
                StoreKind::Objects(match test_lease(environment) {
                    Some(lease) => store.with_lease(lease),
                    None => store,
                })
            }
            StateLocation::Http(url) => StoreKind::Http(HttpStore::open(url, holder, environment, BootClock)?),
        };
        Ok(Self { location, kind })
    }

    pub fn location(&self) -> &StateLocation {
        &self.location
    }

    /// Where the results of a run are before it writes the state.
    pub fn journal_place(&self) -> String {
        match &self.kind {
            StoreKind::File(store) => store.journal_path().display().to_string(),
            StoreKind::Objects(_) => self.location.to_string(),
            StoreKind::Http(store) => store.journal_place(),
        }
    }

    /// Ends the lock of another process, if it is of a kind that does not end with that process. `id` is the one of
    /// [`StateError::breakable_lock`]. Returns false if there is no such lock any more.
    pub async fn break_lock(&self, id: Option<&str>) -> Result<bool, StateError> {
        match &self.kind {
            StoreKind::File(_) | StoreKind::Objects(_) => Ok(false),
            StoreKind::Http(store) => store.break_lock(id).await,
        }
    }
}

impl Store for StateStore {
    type Writer = StateSession;

    async fn load(&self) -> Result<LoadedState, StateError> {
        match &self.kind {
            StoreKind::File(store) => store.load().await,
            StoreKind::Objects(store) => store.load().await,
            StoreKind::Http(store) => store.load().await,
        }
    }

    async fn lock(&self) -> Result<StateSession, StateError> {
        match &self.kind {
            StoreKind::File(store) => store.lock().await.map(StateSession::File),
            StoreKind::Objects(store) => store.lock().await.map(StateSession::Objects),
            StoreKind::Http(store) => store.lock().await.map(|session| StateSession::Http(Box::new(session))),
        }
    }

    fn lock_poll(&self) -> Duration {
        match &self.kind {
            StoreKind::File(store) => store.lock_poll(),
            StoreKind::Objects(store) => store.lock_poll(),
            StoreKind::Http(store) => store.lock_poll(),
        }
    }
}

impl Session for StateSession {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        let (loaded, place) = match self {
            Self::File(session) => (session.load().await?, session.place()),
            Self::Objects(session) => (session.load().await?, session.place()),
            Self::Http(session) => (session.load().await?, session.place()),
        };
        match &loaded.state {
            Some(state) if state.serial > file::MAX_CONTINUED_SERIAL => Err(StateErrorKind::LastSerial.at(place)),
            _ => Ok(loaded),
        }
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.append(base, entries).await,
            Self::Objects(session) => session.append(base, entries).await,
            Self::Http(session) => session.append(base, entries).await,
        }
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.sync().await,
            Self::Objects(session) => session.sync().await,
            Self::Http(session) => session.sync().await,
        }
    }

    fn serial_after(&self, state: &State) -> u64 {
        match self {
            Self::File(session) => session.serial_after(state),
            Self::Objects(session) => session.serial_after(state),
            Self::Http(session) => session.serial_after(state),
        }
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.fold(state).await,
            Self::Objects(session) => session.fold(state).await,
            Self::Http(session) => session.fold(state).await,
        }
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.discard().await,
            Self::Objects(session) => session.discard().await,
            Self::Http(session) => session.discard().await,
        }
    }

    async fn release(&mut self) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.release().await,
            Self::Objects(session) => session.release().await,
            Self::Http(session) => session.release().await,
        }
    }

    fn lease(&self) -> Lease {
        match self {
            Self::File(session) => session.lease(),
            Self::Objects(session) => session.lease(),
            Self::Http(session) => session.lease(),
        }
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        match self {
            Self::File(session) => session.keep(),
            Self::Objects(session) => session.keep(),
            Self::Http(session) => session.keep(),
        }
    }
}

impl Repair for StateSession {
    async fn state_alone(&mut self) -> Result<Option<State>, StateError> {
        match self {
            Self::File(session) => session.state_alone().await,
            Self::Objects(session) => session.state_alone().await,
            Self::Http(session) => session.state_alone().await,
        }
    }

    async fn set_aside(&mut self) -> Result<Vec<String>, StateError> {
        match self {
            Self::File(session) => session.set_aside().await,
            Self::Objects(session) => session.set_aside().await,
            Self::Http(session) => session.set_aside().await,
        }
    }

    fn new_serial(&self) -> u64 {
        match self {
            Self::File(session) => session.new_serial(),
            Self::Objects(session) => session.new_serial(),
            Self::Http(session) => session.new_serial(),
        }
    }
}

/// Tests of the whole program cannot wait as long as a lock lasts. Released binaries do not have this.
fn test_lease(environment: Environment<'_>) -> Option<Duration> {
    let lease = if cfg!(debug_assertions) { environment("KEYFORM_TEST_LEASE_MS") } else { None };
    lease.and_then(|lease| lease.to_str()?.parse().ok()).map(Duration::from_millis)
}
