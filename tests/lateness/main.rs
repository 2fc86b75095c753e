//! Uploads to an account that answers late, oddly or not at all, over HTTP and in real time.
//!
//! The assumptions about lateness are short here, and the waits with them.

#![cfg(test)]

mod proxy;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use keyform::account::{Client, ClientOptions, Endpoint, Lateness, RetryPolicy, Throttle, Token, TokioClock};
use keyform::apply::{ApplyOptions, Finding, ObserveOptions, Outcome, Status, Tools, execute, observe};
use keyform::emulator::{
    AcceptedToken, Emulator, EmulatorConfig, FaultKind, Lag, LagScope, Method, NewRow, ScriptEntry, StoredRow,
};
use keyform::manifest::Desired;
use keyform::state::{FileStore, Session as _, Store as _};
use proxy::{Fate, Oddity, Proxy};
use support::keys;
use support::program::{Folder, TOKEN};
use support::world;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How late a listing can be.
const LAG: Duration = Duration::from_millis(150);

/// How long after its timeout a request can be carried out.
const ARRIVAL: Duration = Duration::from_millis(100);

const TIMEOUT: Duration = Duration::from_millis(400);

/// The keys of a manifest.
const KEYS: u64 = 3;

/// Sequences of fates. Most of their time is waiting.
const SEQUENCES: u64 = 96;

fn lateness() -> Lateness {
    let confirm = Duration::from_millis(50);
    // The emulator notes a change a little after it is visible.
    Lateness { listing_lag: LAG + Duration::from_millis(50), arrival: ARRIVAL, confirm, ..Lateness::default() }
}

/// An account behind a proxy, and a state.
struct Place {
    emulator: Emulator,
    proxy: Proxy,
    folder: TempDir,
}

impl Place {
    fn new(seed: u64, scope: LagScope) -> Self {
        let lag = Lag { most: LAG, scope, ..Lag::default() };
        let token = AcceptedToken::new(TOKEN);
        let emulator = Emulator::start(EmulatorConfig { token, lag, seed, ..EmulatorConfig::default() }).unwrap();
        insert(&emulator, "somebody", 9_000);
        let proxy = Proxy::start(emulator.address());
        Self { emulator, proxy, folder: TempDir::new().unwrap() }
    }

    /// Applies a manifest once.
    fn apply(&self, desired: &Desired, retries: u32) -> Outcome {
        let endpoint = Endpoint::parse(&self.proxy.url()).unwrap();
        let options = ClientOptions { timeout: TIMEOUT, ..ClientOptions::default() };
        let account = Client::new(endpoint.clone(), Token::parse(TOKEN).unwrap(), options).unwrap();
        let store = FileStore::open(&self.folder.path().join("keyform.state.json"), "the test");
        let retries = RetryPolicy { retries };
        let run = async {
            let throttle = Throttle::new(TokioClock::default(), 0);
            let mut session = store.lock().await.unwrap();
            let loaded = session.load().await.unwrap();
            let lateness = lateness();
            let options = ObserveOptions { retries, lateness, may_upload: true };
            let observation = observe(&account, &throttle, options, loaded.state.as_ref(), &|_| {}).await.unwrap();
            let mut plan = world::plan_of(desired, observation.state(&loaded), Some(&observation.listing));
            plan.endpoint = endpoint;
            let tools = Tools {
                account: &account,
                throttle: &throttle,
                options: ApplyOptions { retries, timeout: TIMEOUT, lateness, ..ApplyOptions::default() },
                stop: &CancellationToken::new(),
                observer: &|_| {},
                lineage: uuid::Uuid::nil(),
            };
            execute(&plan, loaded, Some(observation), &mut session, &tools).await
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run)
    }

    /// The rows of a key.
    fn rows_of(&self, number: u64) -> Vec<StoredRow> {
        let mut rows = self.emulator.api().rows();
        rows.retain(|row| row.public_key == keys::line(number));
        rows
    }

    /// Checks that what an outcome says of each key is so.
    fn is_true(&self, outcome: &Outcome, told: &str) {
        for step in &outcome.steps {
            let number = (0..KEYS).find(|number| step.name.as_str() == format!("key-{number:04}")).unwrap();
            let rows = self.rows_of(number);
            assert!(rows.len() <= 1, "{} is in {} rows, {told}: {outcome:?}", step.name, rows.len());
            if let Status::Done { id } = &step.status {
                assert!(rows.iter().any(|row| row.id == id.as_str()), "{} is not {id}, {told}", step.name);
            }
        }
        for finding in outcome.findings() {
            let is_true = match finding {
                Finding::Missing { id, .. } => !self.emulator.api().rows().iter().any(|row| row.id == id.as_str()),
                Finding::Remains { .. }
                | Finding::Again { .. }
                | Finding::MixedLeft { .. }
                | Finding::Unreadable { .. }
                | Finding::Copies { .. }
                | Finding::NotPrimary { .. } => false,
                Finding::NotRestored { .. } | Finding::PrimaryRestored { .. } | Finding::PrimaryMoved { .. } => true,
            };
            assert!(is_true, "{finding:?} is not so, {told}");
        }
    }
}

fn insert(emulator: &Emulator, name: &str, number: u64) {
    let public_key = keys::line(number);
    let row = NewRow { name: name.to_owned(), public_key, is_primary: false, is_user_key: true };
    emulator.api().insert(row).unwrap();
}

fn draw(rng: &mut Rng) -> Fate {
    let most = u64::try_from((TIMEOUT + ARRIVAL).as_millis()).unwrap() - 100;
    match rng.u8(..8) {
        0 => Fate::Proper,
        1 => Fate::Lost,
        2 => Fate::LostAfterDone,
        3 | 4 => Fate::Late(rng.u64(..most)),
        5 => Fate::Body(Oddity::ALL[rng.usize(..Oddity::ALL.len())]),
        _ => match rng.u16(200..=599) {
            429 => Fate::Status(503),
            status => Fate::Status(status),
        },
    }
}

fn play(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let scope = [LagScope::Listing, LagScope::Page, LagScope::Row][rng.usize(..3)];
    let place = Place::new(seed, scope);
    let desired = world::numbered(KEYS);
    let fates: Vec<_> = (0..rng.usize(1..8)).map(|_| draw(&mut rng)).collect();
    let told = format!("seed {seed}, lag by {scope:?}, {fates:?}");
    place.proxy.script(fates);

    let first = place.apply(&desired, rng.u32(..3));
    place.is_true(&first, &told);
    // What the first apply left behind still has its fate.
    let second = place.apply(&desired, 2);
    place.is_true(&second, &told);
    place.proxy.script([]);
    thread::sleep(TIMEOUT + ARRIVAL);
    let last = place.apply(&desired, 2);
    place.is_true(&last, &told);
    assert!(last.is_success(), "{told}: {last:?}");
    for number in 0..KEYS {
        assert_eq!(place.rows_of(number).len(), 1, "key {number}, {told}");
    }
}

#[test]
fn each_key_is_in_one_row_despite_any_response() {
    for first in (0..SEQUENCES).step_by(32) {
        thread::scope(|scope| {
            for seed in first..first + 32 {
                scope.spawn(move || play(seed));
            }
        });
    }
}

#[test]
fn an_odd_response_with_the_key_is_believed_and_one_without_it_is_settled_by_a_listing() {
    for oddity in Oddity::ALL {
        let place = Place::new(0, LagScope::Listing);
        place.proxy.script([Fate::Body(oddity)]);
        let before = place.emulator.api().stats().received;
        let outcome = place.apply(&world::numbered(1), 2);
        assert!(outcome.is_success(), "{oddity:?}: {outcome:?}");
        assert_eq!(place.rows_of(0).len(), 1, "{oddity:?}");
        let requests = place.emulator.api().stats().received - before;
        assert!(oddity.shows_key() || requests > 3, "{oddity:?}: {requests} requests");
    }
}

/// An account that shows every change three seconds late, with five foreign keys and a manifest of 20.
fn lagging(faults: Vec<ScriptEntry>) -> (Emulator, Folder) {
    let lag = Lag { most: Duration::from_secs(3), ..Lag::default() };
    let token = AcceptedToken::new(TOKEN);
    let emulator = Emulator::start(EmulatorConfig { token, lag: lag.clone(), ..EmulatorConfig::default() }).unwrap();
    for number in 0..5 {
        insert(&emulator, &format!("foreign-{number}"), 9_000 + number);
    }
    // They are older than the lag.
    thread::sleep(lag.most);
    for entry in faults {
        emulator.api().script(entry);
    }
    let keys: Vec<_> = (0..20).map(|number| format!("key-{number:02}={number}")).collect();
    (emulator, Folder::of(&keys.join(" ")))
}

fn is_recorded_once(emulator: &Emulator, folder: &Folder) {
    let rows = emulator.api().rows();
    let ours: BTreeMap<_, _> =
        rows.into_iter().filter(|row| row.name.starts_with("key-")).map(|row| (row.name, row.id)).collect();
    assert_eq!((ours.len(), emulator.api().duplicates()), (20, Vec::new()));
    assert_eq!(folder.recorded(), ours);
}

#[test]
fn a_listing_that_is_three_seconds_late_is_waited_for() {
    for lost in [0, 1] {
        let faults =
            vec![ScriptEntry::pass(7, Method::POST), ScriptEntry::fault(lost, Method::POST, FaultKind::CloseAfter)];
        let (emulator, folder) = lagging(faults);
        let keyform = |arguments: &str| {
            let run = folder.keyform(arguments).env("KEYFORM_LISTING_LAG", "4").env("KEYFORM_TEST_CAP_MS", "");
            run.on(&emulator).run()
        };
        let gets = || emulator.api().stats().count(&Method::GET);
        keyform("apply -y").expect(0);
        assert!(gets() > 2, "the account is listed until it shows the uploads");
        is_recorded_once(&emulator, &folder);
        let before = gets();
        keyform("apply -y").expect(0);
        assert_eq!((gets() - before, emulator.api().stats().count(&Method::POST)), (1, 20), "nothing is left to do");
        keyform("plan --detailed-exitcode").expect(0);
    }
}
