//! Where a state is kept: a store that anyone may read, and a session that one process at a time may write in.

use std::future::Future;
use std::time::Duration;

use super::{Entry, State, StateError};
use crate::account::Clock;

/// How long to wait between two tries for a lock that another process holds.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// A state as it was read, and what to warn of.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The state together with its journal; nothing if none was ever written.
    pub state: Option<State>,
    /// Whether a journal added to it: an apply is running, or one did not end.
    pub journaled: bool,
    /// What could not be read and was passed over, in words.
    pub warnings: Vec<String>,
}

/// Keeps one state. Fit for a file and for an object store with conditional writes.
pub trait Store {
    /// What the one writer holds.
    type Session: Session;

    /// Reads the state together with its journal. Takes no lock: a reader never waits.
    fn load(&self) -> impl Future<Output = Result<Loaded, StateError>>;

    /// Becomes the one writer, at once.
    ///
    /// # Errors
    /// [`StateError::Locked`], naming the holder, if there is another one.
    fn lock(&self) -> impl Future<Output = Result<Self::Session, StateError>>;
}

/// The right to write a state. It ends when this is dropped, and with the process, however that ends.
pub trait Session {
    /// Reads the state together with its journal, which nobody else can change now.
    fn load(&mut self) -> impl Future<Output = Result<Loaded, StateError>>;

    /// Adds to the journal on top of `base`, which is what [`Session::load`] gave, or a new state.
    ///
    /// When this returns, the entries outlive this process; they outlive the machine's power after
    /// [`Session::sync`]. Writes as many bytes as the entries have.
    fn append(&mut self, base: &State, entries: &[Entry]) -> impl Future<Output = Result<(), StateError>>;

    /// Makes all that was appended outlive the machine's power.
    fn sync(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// Puts `state`, which has the next serial, in place of state and journal.
    ///
    /// A reader sees the old two or the new one, whenever it looks. When this returns, the new one is durable.
    ///
    /// # Errors
    /// [`StateError::Changed`], and nothing is written, if the state is not the one that was read: someone went around
    /// the lock.
    fn fold(&mut self, state: &State) -> impl Future<Output = Result<(), StateError>>;

    /// Drops the journal, of which nothing is worth keeping.
    fn discard(&mut self) -> impl Future<Output = Result<(), StateError>>;
}

/// Becomes the one writer; waits for another one for at most `patience`, and calls `waiting` once if it has to.
///
/// # Errors
/// As [`Store::lock`], once `patience` is over.
pub async fn lock_within<S: Store>(
    store: &S,
    patience: Duration,
    clock: &impl Clock,
    waiting: impl FnOnce(&StateError),
) -> Result<S::Session, StateError> {
    let deadline = clock.now().saturating_add(patience);
    let mut waiting = Some(waiting);
    loop {
        match store.lock().await {
            Err(held @ StateError::Locked { .. }) if clock.now() < deadline => {
                if let Some(waiting) = waiting.take() {
                    waiting(&held);
                }
                clock.sleep(LOCK_POLL.min(deadline.saturating_sub(clock.now()))).await;
            }
            other => return other,
        }
    }
}
