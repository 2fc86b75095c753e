//! Where a state is kept: a store that anyone may read, and a session that one process at a time may write in.

use std::future::Future;
use std::time::Duration;

use super::entry::JournalEntry;
use super::error::{StateError, StateErrorKind};
use super::model::State;
use crate::account::Clock;

/// Time between two attempts to get a lock that another process holds.
const LOCK_POLL: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct LoadedState {
    /// The state together with its journal. `None` if none was ever written.
    pub state: Option<State>,
    /// Whether a journal contributed: an apply is running, or one was killed.
    pub journaled: bool,
    /// Lines of the journal that could not be read, as sentences.
    pub warnings: Vec<String>,
}

/// Keeps one state. Can be implemented by files, or by an object store with conditional writes.
pub trait Store {
    type Writer: Session;

    /// Reads the state together with its journal. Takes no lock, so a reader never waits.
    fn load(&self) -> impl Future<Output = Result<LoadedState, StateError>>;

    /// Locks the state. Never waits.
    ///
    /// # Errors
    /// [`StateErrorKind::Locked`] if another process has the lock.
    fn lock(&self) -> impl Future<Output = Result<Self::Writer, StateError>>;
}

/// The right to write a state, until it is dropped or the process ends.
pub trait Session {
    /// Reads the state together with its journal, which nobody else can change now.
    fn load(&mut self) -> impl Future<Output = Result<LoadedState, StateError>>;

    /// Appends to the journal of `base`, which is the state that [`Session::load`] returned, or a new one.
    ///
    /// On return the entries survive this process; after [`Session::sync`] they also survive a power failure. The time
    /// it takes depends on the entries alone.
    fn append(&mut self, base: &State, entries: &[JournalEntry]) -> impl Future<Output = Result<(), StateError>>;

    /// Makes everything that was appended durable.
    fn sync(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// Replaces state and journal by `state`, which has the next serial. Durable on return.
    ///
    /// At any moment a reader sees either the old state with its journal, or the new one.
    ///
    /// # Errors
    /// [`StateErrorKind::Changed`] if another process has written the state without the lock. Nothing is written then.
    fn fold(&mut self, state: &State) -> impl Future<Output = Result<(), StateError>>;

    /// Deletes a journal whose entries change nothing.
    fn discard(&mut self) -> impl Future<Output = Result<(), StateError>>;
}

/// Locks a state. Waits up to `timeout` for another process, and calls `on_wait` once before it waits.
///
/// # Errors
/// Those of [`Store::lock`], after `timeout` if the state is locked.
pub async fn lock_within<S: Store>(
    store: &S,
    timeout: Duration,
    clock: &impl Clock,
    on_wait: impl FnOnce(&StateError),
) -> Result<S::Writer, StateError> {
    let deadline = clock.now().saturating_add(timeout);
    let mut on_wait = Some(on_wait);
    loop {
        match store.lock().await {
            Err(held @ StateError { kind: StateErrorKind::Locked { .. }, .. }) if clock.now() < deadline => {
                if let Some(on_wait) = on_wait.take() {
                    on_wait(&held);
                }
                clock.sleep(LOCK_POLL.min(deadline.saturating_sub(clock.now()))).await;
            }
            other => return other,
        }
    }
}
