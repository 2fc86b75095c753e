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

fn kill(place: &Place, seed: u64) {
    let site = Site::new(place, KEYS, forgetful(seed));
    let mut rng = Rng::with_seed(seed);
    for _ in 0..2 {
        let run = site.keyform("apply -y --retries 20 --concurrency 3").start();
        thread::sleep(Duration::from_millis(rng.u64(20..1_200)));
        run.signal("KILL");
        run.end();
    }
    site.succeeds("apply -y --retries 20 --concurrency 3");
    site.is_as_it_should_be(KEYS);
}

#[test]
fn stopped_beyond_its_lease_it_sends_nothing_more_and_overwrites_nothing() {
    let place = of_record();
    for seed in 0..number("KEYFORM_TEST_STOPS", 2) {
        let site = Site::new(&place, 3 * KEYS, forgetful(seed));
        let first = site.keyform("apply -y --retries 20").start();
        until("the first upload", || !site.account.api().rows().is_empty());
        thread::sleep(Duration::from_millis(Rng::with_seed(seed).u64(0..500)));
        first.signal("STOP");
        let rival = site.keyform("apply -y --retries 20 --lock-timeout 60").run();
        assert_eq!(rival.code, Some(0), "{rival}");
        let before = site.account.api().stats().log().count();
        first.signal("CONT");
        let stopped = first.end();
        assert_eq!(stopped.code, Some(1), "{stopped}");
        assert!(stopped.stderr.contains("the lock of the state"), "{stopped}");
        assert_eq!(site.account.api().stats().log().count(), before, "{stopped}");
        site.is_as_it_should_be(3 * KEYS);
        site.succeeds("plan --detailed-exitcode");
    }
}

#[test]
fn one_of_several_applies_works_and_the_others_name_the_holder_of_the_lock() {
    for place in all() {
        for count in [2, 5] {
            let site = Site::new(&place, KEYS * count, forgetful(count));
            let runs: Vec<_> = (0..count).map(|_| site.keyform("apply -y --retries 20").start()).collect();
            let ends: Vec<_> = runs.into_iter().map(crate::support::program::Running::end).collect();
            let (done, refused): (Vec<_>, Vec<_>) = ends.into_iter().partition(|ran| ran.code == Some(0));
            assert!(!done.is_empty(), "{}: {refused:?}", place.name);
            for ran in &refused {
                assert!(ran.stderr.contains("is locked by process "), "{}: {ran}", place.name);
            }
            site.is_as_it_should_be(KEYS * count);
        }
    }
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
    let site = Site::new(&place, 200, forgetful(1));
    let run = site.keyform("apply -y --retries 20").start();
    until("an upload", || site.account.api().rows().len() > 5);
    server.set(|mode| mode.is_away = true);
    let ran = run.end();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(site.account.api().rows().len() < 200, "nothing new is started");
    assert!(ran.stderr.contains("Results that are not in the state"), "{ran}");
    server.set(|mode| mode.is_away = false);
    site.succeeds("apply -y --retries 20 --lock-timeout 20");
    site.is_as_it_should_be(200);
}
