//! What holds wherever a run is killed or stopped, and however many run at once.

use std::thread;
use std::time::Duration;

use fastrand::Rng;
use keyform::emulator::{Emulator, EmulatorConfig, FaultKind, Faults};

use crate::places::{Place, Site, all, emulated, of_record, s3};
use crate::support::bucket_server::ServerMode;
use crate::support::program::{account, account_with, until};

const KEYS: u64 = 12;

/// An account that loses one response in twenty, and takes a while for each request.
fn forgetful(seed: u64) -> Emulator {
    let rates = [(FaultKind::Latency, 0.9), (FaultKind::CloseAfter, 0.05)].into_iter().collect();
    let latency = Duration::from_millis(60);
    account_with(EmulatorConfig {
        faults: Faults { seed, rates, latency, ..Faults::default() },
        ..EmulatorConfig::default()
    })
}

#[expect(clippy::disallowed_methods, reason = "how many histories a test has is for whoever runs it to say")]
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn every_command_works_with_a_state_in_each_store() {
    for place in all() {
        let site = Site::new(&place, 3, account());
        assert!(site.succeeds("plan").stdout.contains("3 to upload"), "{}", place.name);
        let applied = site.succeeds("apply -y").stdout;
        assert!(applied.contains(&format!("{} (serial 1, 3 keys)", site.location)), "{applied}");
        site.is_as_it_should_be(3);
        site.succeeds("plan --detailed-exitcode");
        site.succeeds("apply -y");
        site.write(2);
        site.succeeds("apply -y --allow-deletes 1");
        site.is_as_it_should_be(2);
        assert!(site.succeeds("state show key-1").stdout.contains("key-1"));
        site.succeeds("state forget key-1");
        site.succeeds("apply -y");
        site.succeeds("state rebuild -y");
        site.is_as_it_should_be(2);
        assert!(site.folder.files().keys().all(|name| name == "keyform.yaml"), "{:?}", site.folder.files().keys());
    }
}

#[test]
fn killed_at_any_instant_it_uploads_no_key_twice_and_loses_no_id() {
    let histories = number("KEYFORM_TEST_KILLS", 6);
    let place = of_record();
    thread::scope(|scope| {
        for first in 0..4 {
            let place = &place;
            scope.spawn(move || (first..histories).step_by(4).for_each(|seed| kill(place, seed)));
        }
    });
}

const APPLY: &str = "apply -y --retries 20 --concurrency 3 --lock-timeout 600";

fn kill(place: &Place, seed: u64) {
    let site = Site::new(place, KEYS, forgetful(seed)).with_short_lease();
    let mut rng = Rng::with_seed(seed);
    for is_first in [true, false] {
        let requests = || site.account.api().stats().log().count();
        let before = requests();
        let mut run = site.keyform(APPLY).start();
        // A run after a killed one waits for the lock. To be killed after that, it must have begun.
        if !is_first && rng.bool() {
            until("the next run begins", || requests() > before || run.has_ended());
        }
        thread::sleep(Duration::from_millis(rng.u64(20..1_200)));
        run.kill();
    }
    site.converges(APPLY);
    site.is_as_it_should_be(KEYS);
}

#[test]
fn stopped_beyond_its_lease_it_sends_nothing_more_and_overwrites_nothing() {
    let place = of_record();
    for seed in 0..number("KEYFORM_TEST_STOPS", 2) {
        // On a busy machine, a run can end before it is stopped. Then its history is another one.
        let is_stopped = (0..10).any(|attempt| stop(&place, seed, MANY_KEYS << attempt));
        assert!(is_stopped, "seed {seed}: no run was stopped in time");
    }
}

/// How many keys a run has that must not end too early.
const MANY_KEYS: u64 = 40;

/// Returns false if the run ended before it could be stopped.
fn stop(place: &Place, seed: u64, keys: u64) -> bool {
    let site = Site::new(place, keys, forgetful(seed)).with_short_lease();
    let mut first = site.keyform("apply -y --retries 20").start();
    until("the first upload", || !site.account.api().rows().is_empty() || first.has_ended());
    thread::sleep(Duration::from_millis(Rng::with_seed(seed).u64(0..500)));
    if !first.stop() {
        return false;
    }
    let rows = site.account.api().rows().len();
    site.converges(APPLY);
    let before = site.account.api().stats().log().count();
    first.signal("CONT");
    let stopped = first.end();
    if stopped.code == Some(0) || rows as u64 == keys {
        // Everything was done when it was stopped.
        return false;
    }
    assert_eq!(stopped.code, Some(1), "{stopped}");
    assert!(stopped.stderr.contains("the lock of the state"), "{stopped}");
    assert_eq!(site.account.api().stats().log().count(), before, "{stopped}");
    site.is_as_it_should_be(keys);
    site.succeeds("plan --detailed-exitcode");
    true
}

#[test]
fn one_of_several_applies_works_and_the_others_name_the_holder_of_the_lock() {
    let mut refusals = 0;
    for place in all() {
        for count in [2, 5] {
            // It works for longer than the others look at its lock.
            let site = Site::new(&place, 100, forgetful(count));
            let runs: Vec<_> = (0..count).map(|_| site.keyform("apply -y --retries 20").start()).collect();
            let ends: Vec<_> = runs.into_iter().map(crate::support::program::Running::end).collect();
            let (done, refused): (Vec<_>, Vec<_>) = ends.into_iter().partition(|ran| ran.code == Some(0));
            assert!(!done.is_empty(), "{}: {refused:?}", place.name);
            for ran in &refused {
                assert!(ran.stderr.contains("is locked by process "), "{}: {ran}", place.name);
            }
            refusals += refused.len();
            site.is_as_it_should_be(100);
        }
    }
    assert!(refusals > 0, "nobody was refused");
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    let emulated = emulated(ServerMode { ignores_conditions: true, ..ServerMode::default() }).0;
    let places: Vec<Place> = [Some(emulated), s3("s3rver", "KEYFORM_TEST_S3RVER")].into_iter().flatten().collect();
    for place in places {
        let site = Site::new(&place, 2, account());
        let ran = site.keyform("apply -y").run();
        assert_eq!(ran.code, Some(1), "{}: {ran}", place.name);
        assert!(ran.stderr.contains("does not support conditional writes"), "{}: {ran}", place.name);
        assert!(site.account.api().rows().is_empty());
    }
}

#[test]
fn lost_responses_of_the_store_change_nothing() {
    for every in 2..7 {
        let (place, server) = emulated(ServerMode { loses_every: Some(every), ..ServerMode::default() });
        let site = Site::new(&place, KEYS, account());
        site.succeeds("apply -y");
        server.set(|mode| mode.loses_every = None);
        site.is_as_it_should_be(KEYS);
        site.succeeds("plan --detailed-exitcode");
    }
}

#[test]
fn a_store_that_cannot_be_reached_lets_nothing_be_uploaded() {
    let (place, _server) = emulated(ServerMode { is_away: true, ..ServerMode::default() });
    let site = Site::new(&place, 2, account());
    let ran = site.keyform("apply -y").run();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("the store is not available"), "{ran}");
    assert!(site.account.api().rows().is_empty());
}

#[test]
fn a_store_that_vanishes_in_mid_run_ends_it_with_the_unsaved_results_printed() {
    let (place, server) = emulated(ServerMode::default());
    let site = Site::new(&place, 200, forgetful(1)).with_short_lease();
    let ran = loop {
        let before = site.account.api().rows().len();
        let mut run = site.keyform("apply -y --retries 20 --lock-timeout 600").start();
        until("an upload", || site.account.api().rows().len() > before + 5 || run.has_ended());
        server.set(|mode| mode.is_away = !run.has_ended());
        let ran = run.end();
        if server.served.lock().unwrap().mode.is_away {
            break ran;
        }
        site.may_repeat(&ran);
    };
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(site.account.api().rows().len() < 200, "nothing new is started");
    assert!(ran.stderr.contains("Results that are not in the state"), "{ran}");
    server.set(|mode| mode.is_away = false);
    site.converges("apply -y --retries 20 --lock-timeout 600");
    site.is_as_it_should_be(200);
}
