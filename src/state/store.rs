//! What keeps a state: a store that anyone may read, and a session that one process at a time may write in.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, select};
use jiff::Timestamp;

use super::entry::JournalEntry;
use super::error::StateError;
use super::lease::Lease;
use super::model::State;
use crate::account::Clock;

#[derive(Debug, Default)]
pub struct LoadedState {
    /// The state together with its journal. `None` if none was ever written.
    pub state: Option<State>,
    /// Whether a journal contributed: an apply is running, or one was killed.
    pub journaled: bool,
    /// Lines of the journal that could not be read, as sentences.
    pub warnings: Vec<String>,
}

/// The process that has, or wants, the lock of a state. Others who want the lock are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// The process, and the machine if its name is known.
    pub who: String,
    pub since: Timestamp,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} since {}", self.who, self.since.strftime("%Y-%m-%d %H:%M:%S UTC"))
    }
}

/// Keeps one state.
pub trait Store {
    type Writer: Session;

    /// Reads the state together with its journal. Takes no lock, so a reader never waits.
    fn load(&self) -> impl Future<Output = Result<LoadedState, StateError>>;

    /// Locks the state. Never waits for another process.
    ///
    /// The future must not be dropped before it ends: a server may have carried the request out.
    ///
    /// # Errors
    /// [`Locked`](super::StateErrorKind::Locked) if another process has the lock, or had it and does not renew it.
    fn lock(&self) -> impl Future<Output = Result<Self::Writer, StateError>>;

    /// Time between two attempts to get a lock that another process holds.
    fn lock_poll(&self) -> Duration;
}

/// The right to write a state, until it is released or the process ends. See [`while_kept`] for how to use it.
///
/// A session whose lock is lost writes nothing more: each method that writes returns an error.
pub trait Session {
    /// Reads the state together with its journal, which nobody else can change now.
    fn load(&mut self) -> impl Future<Output = Result<LoadedState, StateError>>;

    /// Appends to the journal of `base`, which is the state that [`Session::load`] returned, or a new one.
    ///
    /// A file has the entries on return. Other stores may collect entries for some time before they write them. After
    /// [`Session::sync`] they survive everything. The time it takes depends on the entries alone.
    fn append(&mut self, base: &State, entries: &[JournalEntry]) -> impl Future<Output = Result<(), StateError>>;

    /// Makes everything that was appended durable.
    fn sync(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// Returns the serial for the next [`Session::fold`], of a state that continues `state`.
    fn serial_after(&self, state: &State) -> u64 {
        state.serial + 1
    }

    /// Replaces state and journal by `state`, which has the serial of [`Session::serial_after`] or a greater one. Durable on
    /// return.
    ///
    /// At any moment a reader sees either the old state with its journal, or the new one.
    ///
    /// # Errors
    /// [`Changed`](super::StateErrorKind::Changed) if another process has written the state without the lock. Nothing is written then.
    fn fold(&mut self, state: &State) -> impl Future<Output = Result<(), StateError>>;

    /// Deletes a journal whose entries change nothing.
    fn discard(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// Gives the lock back. Nothing can be written afterwards. A journal stays for the next process to read.
    fn release(&mut self) -> impl Future<Output = Result<(), StateError>>;

    /// Returns what is to be asked before each request to the account.
    fn lease(&self) -> Lease;

    /// Does what the session has to do all the time, such as renewing the lock. Runs beside the work of the session.
    fn keep(&self) -> LocalBoxFuture<'static, ()>;
}

/// Replaces a state that may be damaged.
pub trait Repair: Session {
    /// Reads the state without its journal.
    fn state_alone(&mut self) -> impl Future<Output = Result<Option<State>, StateError>>;

    /// Keeps copies of journal and state, and returns where they are. The next [`Session::fold`] replaces both.
    fn set_aside(&mut self) -> impl Future<Output = Result<Vec<String>, StateError>>;

    /// Returns a serial for a state that does not continue the one that is there.
    fn new_serial(&self) -> u64;
}

/// Runs work with a session, and beside it what keeps the session's lock.
pub async fn while_kept<S: Session, T>(session: &mut S, work: impl AsyncFnOnce(&mut S) -> T) -> T {
    let keep = session.keep();
    match select(pin!(work(session)), keep).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
}

/// Locks a state. Waits up to `timeout` for another process, or longer to find out whether that process is alive. Calls
/// `on_wait` once before it waits.
///
/// # Errors
/// Those of [`Store::lock`]. If the state is locked, after `timeout`.
pub async fn lock_within<S: Store>(
    store: &S,
    timeout: Duration,
    clock: &impl Clock,
    on_wait: impl FnOnce(&StateError),
) -> Result<S::Writer, StateError> {
    let never = std::future::pending::<Infallible>();
    let Ok(session) = lock_unless(never, store, timeout, clock, on_wait).await?;
    Ok(session)
}

/// As [`lock_within`]. If `stop` ends while this waits, returns its result as the inner error.
///
/// An attempt is never given up halfway, because a server may have carried it out.
pub async fn lock_unless<S: Store, T>(
    stop: impl Future<Output = T>,
    store: &S,
    timeout: Duration,
    clock: &impl Clock,
    on_wait: impl FnOnce(&StateError),
) -> Result<Result<S::Writer, T>, StateError> {
    let deadline = clock.now().saturating_add(timeout);
    let mut stop = pin!(stop);
    let mut on_wait = Some(on_wait);
    loop {
        match store.lock().await {
            Err(held) if held.may_lapse() || held.is_locked() && clock.now() < deadline => {
                if let Some(on_wait) = on_wait.take() {
                    on_wait(&held);
                }
                let left = deadline.saturating_sub(clock.now());
                let pause = if left.is_zero() { store.lock_poll() } else { store.lock_poll().min(left) };
                if let Either::Left((stopped, _)) = select(stop.as_mut(), pin!(clock.sleep(pause))).await {
                    return Ok(Err(stopped));
                }
            }
            other => return other.map(Ok),
        }
    }
}
