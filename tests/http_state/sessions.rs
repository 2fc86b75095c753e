//! Sessions of the library on a virtual clock, with real requests to a server.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::rc::Rc;

use jiff::Timestamp;
use keyform::account::Endpoint;
use keyform::names::KeyName;
use keyform::state::http::{HttpSession, HttpStore};
use keyform::state::{
    JournalEntry, LockHolder, Pending, Session as _, State, StateError, StateLocation, Store as _, UploadRequest, file,
};
use tempfile::TempDir;

use crate::scene::NAME;
use crate::support::account::VirtualClock;
use crate::support::keys;
use crate::support::state_server::{Dialect, MAINTAINER, StateFault, StateServer};

type Clocked = Rc<VirtualClock>;

/// How many seeds a server with faults is tried with.
const SEEDS: u64 = 150;

struct Bench {
    server: StateServer,
    home: TempDir,
}

impl Bench {
    fn new(server: StateServer) -> Self {
        Self { server, home: TempDir::new().unwrap() }
    }

    fn store(&self) -> HttpStore<Clocked> {
        let StateLocation::Http(url) = StateLocation::parse(self.server.url(NAME).as_ref()).unwrap() else {
            panic!("not a URL")
        };
        let environment = |name: &str| match name {
            "HOME" => Some(self.home.path().as_os_str().to_owned()),
            "TF_HTTP_USERNAME" => Some(OsString::from("maria")),
            "TF_HTTP_PASSWORD" => Some(OsString::from(MAINTAINER)),
            _ => None,
        };
        let holder = LockHolder { who: "process 1".to_owned(), since: Timestamp::UNIX_EPOCH };
        HttpStore::open(&url, &holder, &environment, Clocked::default()).unwrap()
    }

    fn latest(&self) -> Option<String> {
        self.server.state(NAME).and_then(|state| Some(String::from_utf8(state.latest()?.to_vec()).unwrap()))
    }
}

fn intend(number: u64) -> JournalEntry {
    JournalEntry::Intend(Pending {
        name: KeyName::new(format!("key-{number}")).unwrap(),
        public_key: keys::key(number).blob().clone(),
        sent_name: format!("key-{number}"),
        account_name: None,
        owner: None,
        expires: None,
        protect: false,
        before: Vec::new(),
        requests: vec![UploadRequest { at: Timestamp::UNIX_EPOCH, timeout_seconds: 30 }],
        id: None,
    })
}

fn settle(number: u64) -> JournalEntry {
    JournalEntry::Settle { public_key: keys::key(number).blob().clone() }
}

fn base() -> State {
    State::new(uuid::Uuid::from_u128(7), Endpoint::parse("http://localhost/test").unwrap())
}

async fn run<T>(bench: &Bench, work: impl AsyncFnOnce(&mut HttpSession<Clocked>) -> T) -> T {
    let mut session = bench.store().lock().await.unwrap();
    work(&mut session).await
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Saves intents, then a state, and gives the lock back. Checks after each step that the server has what the result says.
async fn save_twice(bench: &Bench, round: u64) -> Result<(), StateError> {
    let mut session = bench.store().lock().await?;
    let loaded = session.load().await?;
    let mut state = loaded.state.unwrap_or_else(base);
    let before = bench.latest();
    let entries = [intend(round), intend(round + 1)];
    session.append(&state, &entries).await?;
    let synced = session.sync().await;
    let found = bench.latest();
    let pending = found.as_deref().map_or(0, |text| text.matches(&format!("\"key-{round}\"")).count());
    match &synced {
        Ok(()) => assert!(pending > 0, "the intents are not on the server: {found:?}"),
        Err(_) => assert!(found == before || pending > 0, "{found:?}"),
    }
    synced?;
    for entry in entries.into_iter().chain([settle(round + 1)]) {
        state.apply(entry);
    }
    state.serial = session.serial_after(&state);
    let text = file::to_text(&state);
    let before = bench.latest();
    let folded = session.fold(&state).await;
    match &folded {
        Ok(()) => assert_eq!(bench.latest().as_ref(), Some(&text)),
        Err(_) => assert!(bench.latest() == before || bench.latest().as_ref() == Some(&text)),
    }
    let released = session.release().await;
    folded.and(released)
}

#[test]
fn a_success_means_that_the_server_has_the_request_despite_any_fault() {
    let failures: usize = (0..SEEDS)
        .map(|seed| {
            let dialect = [Dialect::GitLab, Dialect::Terraform][usize::from(seed % 4 == 0)];
            let bench = Bench::new(StateServer::unreliable(dialect, seed, 45));
            let mut failures = 0;
            for round in 0..3 {
                if block_on(save_twice(&bench, round * 10)).is_err() {
                    failures += 1;
                    // As after a kill.
                    bench.server.change(NAME, |state| state.lock = None);
                }
            }
            let serials = bench.server.state(NAME).map(|state| state.serials()).unwrap_or_default();
            let is_growing = serials.is_sorted_by(|a, b| if dialect == Dialect::GitLab { a < b } else { a <= b });
            assert!(is_growing, "seed {seed}: {serials:?}");
            failures
        })
        .sum();
    // Most requests succeed at last, and some faults come five times in a row.
    assert!((1..100).contains(&failures), "{failures} of {}", SEEDS * 3);
}

#[test]
fn entries_are_revoked_on_the_server_if_they_come_to_nothing() {
    let bench = Bench::new(StateServer::start(Dialect::GitLab));
    block_on(run(&bench, async |session| {
        session.load().await.unwrap();
        session.append(&base(), &[intend(1)]).await.unwrap();
        session.sync().await.unwrap();
        assert!(bench.latest().unwrap().contains("pending"));
        session.append(&base(), &[settle(1)]).await.unwrap();
        session.discard().await.unwrap();
        assert!(!bench.latest().unwrap().contains("pending"), "{:?}", bench.latest());
        session.release().await.unwrap();
    }));
    assert_eq!(bench.server.state(NAME).unwrap().serials(), [1, 2]);
}

#[test]
fn a_session_learns_that_its_lock_was_broken_and_leaves_no_lock() {
    for rival in [None, Some("rival")] {
        let bench = Bench::new(StateServer::start(Dialect::GitLab));
        block_on(run(&bench, async |session| {
            session.load().await.unwrap();
            let lease = session.lease();
            assert!(lease.is_held());
            bench.server.change(NAME, |state| state.lock = rival.map(|id| serde_json::json!({ "ID": id })));
            // Ends as soon as the lock is lost.
            session.keep().await;
            assert!(!lease.is_held());
            session.append(&base(), &[intend(1)]).await.unwrap();
            assert!(session.sync().await.unwrap_err().is_lock_lost());
            session.release().await.unwrap();
        }));
        let state = bench.server.state(NAME).unwrap();
        assert_eq!((state.lock_id(), state.latest()), (rival, None));
    }
}

#[test]
fn a_session_stays_certain_of_its_lock_while_the_server_confirms_it() {
    let bench = Bench::new(StateServer::start(Dialect::GitLab));
    block_on(run(&bench, async |session| {
        let lease = session.lease();
        // Ten minutes of the virtual clock: it asks every ten seconds.
        let asked = async {
            while bench.server.requests().len() < 60 {
                assert!(lease.is_held());
                tokio::task::yield_now().await;
            }
        };
        assert!(matches!(first(session.keep(), asked).await, ControlFlow::Break(())));
        assert!(lease.is_held());
        // And it starts nothing more if the server does not confirm it any longer.
        bench.server.inject(Box::new(|_, _| Some(StateFault::Drop)));
        let lost = async {
            while lease.is_held() {
                tokio::task::yield_now().await;
            }
        };
        assert!(matches!(first(session.keep(), lost).await, ControlFlow::Break(())));
    }));
}

/// Runs two futures. Breaks if the second one ends first.
async fn first(keep: impl Future<Output = ()>, end: impl Future<Output = ()>) -> ControlFlow<()> {
    tokio::select! {
        () = keep => ControlFlow::Continue(()),
        () = end => ControlFlow::Break(()),
    }
}
