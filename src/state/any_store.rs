//! The store of a location, whatever kind it is.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::entry::JournalEntry;
use super::error::{StateError, StateErrorKind};
use super::file_store::{FileSession, FileStore};
use super::lease::Lease;
use super::location::StateLocation;
use super::model::State;
use super::store::{LoadedState, LockHolder, Repair, Session, Store};
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
}

/// The lock of a [`StateStore`].
#[derive(Debug)]
pub enum StateSession {
    File(FileSession),
}

impl StateStore {
    /// Opens the store of a location. Sends no request. Takes the credentials of a remote store from `environment`.
    pub fn open(
        location: StateLocation,
        holder: &LockHolder,
        environment: Environment<'_>,
    ) -> Result<Self, StateError> {
        let _ = environment;
        let kind = match &location {
            StateLocation::File(path) => StoreKind::File(FileStore::open(path, holder.to_string())),
            StateLocation::Objects(_) | StateLocation::Http(_) => {
                return Err(StateErrorKind::Unsupported.at(&location));
            }
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
        }
    }
}

impl Store for StateStore {
    type Writer = StateSession;

    async fn load(&self) -> Result<LoadedState, StateError> {
        match &self.kind {
            StoreKind::File(store) => store.load().await,
        }
    }

    async fn lock(&self) -> Result<StateSession, StateError> {
        match &self.kind {
            StoreKind::File(store) => store.lock().await.map(StateSession::File),
        }
    }

    fn lock_poll(&self) -> Duration {
        match &self.kind {
            StoreKind::File(store) => store.lock_poll(),
        }
    }
}

impl Session for StateSession {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        match self {
            Self::File(session) => session.load().await,
        }
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.append(base, entries).await,
        }
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.sync().await,
        }
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.fold(state).await,
        }
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.discard().await,
        }
    }

    async fn release(&mut self) -> Result<(), StateError> {
        match self {
            Self::File(session) => session.release().await,
        }
    }

    fn lease(&self) -> Lease {
        match self {
            Self::File(session) => session.lease(),
        }
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        match self {
            Self::File(session) => session.keep(),
        }
    }
}

impl Repair for StateSession {
    async fn state_alone(&mut self) -> Result<Option<State>, StateError> {
        match self {
            Self::File(session) => session.state_alone().await,
        }
    }

    async fn set_aside(&mut self) -> Result<Vec<String>, StateError> {
        match self {
            Self::File(session) => session.set_aside().await,
        }
    }

    fn new_serial(&self) -> u64 {
        match self {
            Self::File(session) => session.new_serial(),
        }
    }
}
