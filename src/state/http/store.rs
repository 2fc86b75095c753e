//! A state on a server, and its lock.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use reqwest::Url;

use super::client::StateClient;
use super::failure::HttpFailure;
use super::local_journal::{LocalJournal, journal_path};
use super::lock_info::LockInfo;
use super::remote::{LockAnswer, Remote};
use super::session::HttpSession;
use super::settings::HttpSettings;
use crate::account::Clock;
use crate::account::settings::Environment;
use crate::state::error::{StateError, StateErrorKind};
use crate::state::file;
use crate::state::store::{LoadedState, LockHolder, Store};

/// A state behind Terraform's `http` protocol.
#[derive(Debug)]
pub struct HttpStore<C> {
    remote: Rc<Remote<C>>,
    /// A description of this process.
    lock: LockInfo,
    /// `None` if the environment names no folder for it.
    journal: Option<PathBuf>,
}

impl<C: Clock> HttpStore<C> {
    /// Opens the state at a URL. Sends no request. Others who want the lock are shown `holder`.
    pub fn open(state: &Url, holder: &LockHolder, environment: Environment<'_>, clock: C) -> Result<Self, StateError> {
        let place = state.to_string();
        let failed = |source| StateErrorKind::Http { doing: "use the state", source }.at(&place);
        let settings = HttpSettings::resolve(state, environment).map_err(failed)?;
        let client = StateClient::new(settings).map_err(failed)?;
        let name = state.path_segments().and_then(Iterator::last).unwrap_or_default();
        let lock = LockInfo::new(holder, name.to_owned());
        Ok(Self { remote: Rc::new(Remote { client, clock, place }), lock, journal: journal_path(state, environment) })
    }

    /// Where the results of a run are before it writes the state.
    pub fn journal_place(&self) -> String {
        self.journal.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    /// Ends the lock of another process: the one with this id, if the server has named it. Returns false if the state has
    /// another lock by now, or none.
    pub async fn break_lock(&self, id: Option<&str>) -> Result<bool, StateError> {
        let is_broken = self.remote.unlock(id).await?;
        if is_broken || id.is_some() {
            return Ok(is_broken);
        }
        let failure = HttpFailure::new(
            "the server ends a lock only by its id, and does not name it",
            "end the lock on the server, or move the state to another URL with `keyform state pull` and `keyform state push`",
        );
        Err(self.remote.failed("unlock", failure))
    }

    /// Refuses a server that gives the lock to two processes.
    async fn check_exclusion(&self, lock: &LockInfo, probe: &LockInfo) -> Result<(), StateError> {
        match self.remote.probe(probe).await {
            LockAnswer::HeldBy(_) | LockAnswer::Unknown(_) => Ok(()),
            LockAnswer::Refused(failure) => {
                self.give_back(lock).await;
                Err(self.remote.failed("lock", failure))
            }
            LockAnswer::Taken => {
                self.give_back(probe).await;
                self.give_back(lock).await;
                let failure = HttpFailure::new(
                    "the server does not keep locks: it gave the same one to two requests",
                    "choose another place with --state; without a lock, two runs could write at the same time",
                );
                Err(self.remote.failed("lock", failure))
            }
        }
    }

    /// Ends a lock that is not used. An error does not matter: the next process names it.
    async fn give_back(&self, lock: &LockInfo) {
        if let Err(error) = self.remote.unlock(Some(&lock.id)).await {
            tracing::info!("the state may still be locked: {error}");
        }
    }

    fn local_journal(&self) -> Option<LocalJournal> {
        self.journal.clone().map(LocalJournal::new)
    }
}

impl<C: Clock + 'static> Store for HttpStore<C> {
    type Writer = HttpSession<C>;

    async fn load(&self) -> Result<LoadedState, StateError> {
        // The journal comes last: if another process saves in between, it does not belong to the older state any more.
        let text = self.remote.read().await?;
        let state = text.map(|text| file::from_text(&text)).transpose().map_err(|kind| kind.at(&self.remote.place))?;
        match self.local_journal() {
            Some(mut journal) => journal.replay(state),
            None => Ok(LoadedState { state, ..LoadedState::default() }),
        }
    }

    async fn lock(&self) -> Result<HttpSession<C>, StateError> {
        let Some(journal) = self.local_journal() else {
            return Err(StateErrorKind::NoJournalFolder.at(&self.remote.place));
        };
        let lock = self.lock.with_new_id();
        let since = self.remote.clock.now();
        match self.remote.lock(&lock).await {
            LockAnswer::Taken => {}
            LockAnswer::HeldBy(holder) => return Err(self.remote.locked(&holder)),
            LockAnswer::Refused(failure) => return Err(self.remote.failed("lock", failure)),
            LockAnswer::Unknown(failure) => {
                self.give_back(&lock).await;
                return Err(self.remote.failed("lock", failure));
            }
        }
        let probe = self.lock.with_new_id();
        self.check_exclusion(&lock, &probe).await?;
        Ok(HttpSession::new(Rc::clone(&self.remote), lock, probe, journal, since))
    }

    fn lock_poll(&self) -> Duration {
        Duration::from_secs(2)
    }
}
