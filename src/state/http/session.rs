//! The lock of a state on a server, and what is written with it.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::hold::{Asking, LockHold};
use super::local_journal::LocalJournal;
use super::lock_info::{HeldLockInfo, LockInfo};
use super::remote::{LockAnswer, Remote};
use crate::account::Clock;
use crate::state::entry::JournalEntry;
use crate::state::error::StateError;
use crate::state::file;
use crate::state::lease::Lease;
use crate::state::model::State;
use crate::state::store::{LoadedState, Repair, Session};

/// The time between two questions whether the lock is still there.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// The lock of an [`HttpStore`](super::HttpStore).
#[derive(Debug)]
pub struct HttpSession<C> {
    remote: Rc<Remote<C>>,
    lock: LockInfo,
    /// Asks for the lock in order to learn who has it.
    probe: LockInfo,
    hold: Rc<LockHold>,
    journal: LocalJournal,
    /// The state as the server has it.
    text: Option<Vec<u8>>,
    /// The greatest serial that the server has.
    serial: u64,
    /// The state of this run, with all entries. `None` before the first one.
    state: Option<State>,
    /// Whether the server has a state of this run, and whether it lacks entries of the journal.
    saves: Saves,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saves {
    None,
    /// The server has all entries.
    Complete,
    /// The server has entries, but not the latest.
    Behind,
}

impl<C: Clock> HttpSession<C> {
    pub(super) fn new(
        remote: Rc<Remote<C>>,
        lock: LockInfo,
        probe: LockInfo,
        journal: LocalJournal,
        since: Duration,
    ) -> Self {
        let hold = Rc::new(LockHold::new(since));
        Self { remote, lock, probe, hold, journal, text: None, serial: 0, state: None, saves: Saves::None }
    }

    pub(in crate::state) fn place(&self) -> String {
        self.remote.place.clone()
    }

    /// Reads the text of the state, and its serial even if it is not a valid state.
    async fn read(&mut self) -> Result<(), StateError> {
        self.text = self.remote.read().await?;
        let found = self.text.as_deref().and_then(serial_of).unwrap_or_default();
        self.serial = self.serial.max(found);
        Ok(())
    }

    fn parsed(&self) -> Result<Option<State>, StateError> {
        let text = self.text.as_deref();
        text.map(|text| file::from_text(text).map_err(|kind| kind.at(&self.remote.place))).transpose()
    }

    /// Replaces the state on the server, with the serial that it has.
    async fn save(&mut self, state: &State) -> Result<(), StateError> {
        if self.hold.is_lost() {
            return Err(self.remote.lost(&HeldLockInfo::default()));
        }
        let now = self.remote.clock.now();
        let text = file::to_text(state).into_bytes();
        if let Err(error) = self.remote.save(&self.lock.id, self.text.as_deref(), &text).await {
            if error.is_lock_lost() {
                self.hold.lose();
            }
            return Err(error);
        }
        self.hold.confirm(now);
        self.text = Some(text);
        self.serial = self.serial.max(state.serial);
        // An error leaves it for the next run, which sees that it is obsolete.
        if let Err(error) = self.journal.remove() {
            tracing::info!("{error}");
        }
        Ok(())
    }
}

impl<C: Clock + 'static> Session for HttpSession<C> {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        self.read().await?;
        let state = self.parsed()?;
        self.journal.replay(state)
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        let serial = if self.text.is_some() { self.serial } else { base.serial };
        let state = self.state.get_or_insert_with(|| base.clone());
        // The header of a new journal names the state that the server has.
        state.serial = serial;
        self.journal.append(state, entries)?;
        for entry in entries {
            state.apply(entry.clone());
        }
        if self.saves == Saves::Complete {
            self.saves = Saves::Behind;
        }
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        let Some(mut state) = self.state.clone().filter(|_| self.saves != Saves::Complete) else { return Ok(()) };
        state.serial = self.serial_after(&state);
        self.save(&state).await?;
        self.state = Some(state);
        self.saves = Saves::Complete;
        Ok(())
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.save(state).await?;
        (self.state, self.saves) = (None, Saves::None);
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        if self.saves == Saves::Behind {
            // The entries that the server has are revoked by later ones.
            self.sync().await?;
        }
        (self.state, self.saves) = (None, Saves::None);
        self.journal.remove()
    }

    async fn release(&mut self) -> Result<(), StateError> {
        let hold = Rc::clone(&self.hold);
        let mut asking = hold.asking.lock().await;
        if *asking == Asking::Ended {
            return Ok(());
        }
        *asking = Asking::Ended;
        if !self.remote.unlock(Some(&self.lock.id)).await? {
            tracing::info!("the state was already unlocked");
        }
        Ok(())
    }

    fn serial_after(&self, state: &State) -> u64 {
        self.serial.max(state.serial) + 1
    }

    fn lease(&self) -> Lease {
        let (hold, remote) = (Rc::clone(&self.hold), Rc::clone(&self.remote));
        Lease::limited(move || hold.is_held(remote.clock.now()))
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        let (hold, remote) = (Rc::clone(&self.hold), Rc::clone(&self.remote));
        let (lock, probe) = (self.lock.clone(), self.probe.clone());
        Box::pin(async move {
            while !hold.is_lost() {
                remote.clock.sleep(ASK_EVERY).await;
                ask(&remote, &hold, &lock, &probe).await;
            }
        })
    }
}

impl<C: Clock + 'static> Repair for HttpSession<C> {
    async fn state_alone(&mut self) -> Result<Option<State>, StateError> {
        self.read().await?;
        self.parsed()
    }

    async fn set_aside(&mut self) -> Result<Vec<String>, StateError> {
        self.read().await?;
        self.journal.set_aside(self.text.as_deref())
    }

    fn new_serial(&self) -> u64 {
        self.serial + 1
    }
}

/// Asks the server who has the lock.
async fn ask<C: Clock>(remote: &Remote<C>, hold: &LockHold, lock: &LockInfo, probe: &LockInfo) {
    let asking = hold.asking.lock().await;
    if *asking == Asking::Ended {
        return;
    }
    let now = remote.clock.now();
    match remote.probe(probe).await {
        LockAnswer::HeldBy(holder) if holder.id.as_ref().is_none_or(|id| *id == lock.id) => hold.confirm(now),
        LockAnswer::HeldBy(holder) => {
            hold.lose();
            if holder.id.as_ref() == Some(&probe.id) {
                end(remote, probe).await;
            }
        }
        // Somebody broke the lock, and this took a new one.
        LockAnswer::Taken => {
            hold.lose();
            end(remote, probe).await;
        }
        LockAnswer::Unknown(failure) | LockAnswer::Refused(failure) => {
            tracing::info!("cannot confirm the lock of the state: {failure}");
        }
    }
}

async fn end<C: Clock>(remote: &Remote<C>, probe: &LockInfo) {
    if let Err(error) = remote.unlock(Some(&probe.id)).await {
        tracing::info!("the state may still be locked: {error}");
    }
}

fn serial_of(text: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        serial: u64,
    }
    let serial = serde_json::from_slice::<Numbered>(text).ok()?.serial;
    Some(serial).filter(|serial| *serial <= file::MAX_CONTINUED_SERIAL)
}
