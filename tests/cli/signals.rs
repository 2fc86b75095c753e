//! Being asked to stop.

use std::time::Duration;

use insta::assert_snapshot;
use keyform::emulator::{Config, Emulator, FaultKind, Faults, Method, Scripted};

use crate::support::program::{Folder, STATE, account_with, until};

/// An account that takes its time for every upload.
fn slow(latency: Duration) -> Emulator {
    let script = vec![Scripted::fault(u64::MAX, Method::POST, FaultKind::Latency)];
    let faults = Faults { latency, jitter: Duration::ZERO, script, ..Faults::default() };
    account_with(Config { faults, ..Config::default() })
}

fn has_uploads(account: &Emulator, at_least: usize) {
    until("uploads", || account.api().rows().len() >= at_least);
}

#[test]
fn the_first_signal_lets_what_is_under_way_finish_and_the_next_apply_completes_it() {
    for signal in ["INT", "TERM"] {
        let (account, folder) = (slow(Duration::from_millis(300)), Folder::of("alice=1 bob=2 carol=3 dave=4"));
        let running = folder.keyform("apply -y").on(&account).start();
        // The second upload is under way, and ends well after the signal.
        until("two uploads", || account.api().stats().received >= 3);
        running.signal(signal);
        let ran = running.end();
        assert_snapshot!("interrupted", ran);
        let recorded: Vec<_> = folder.recorded().into_keys().collect();
        assert_eq!(recorded, ["alice", "bob"]);
        assert_eq!(account.api().rows().len(), 2);
        folder.keyform("apply -y").on(&account).run().expect(0);
        assert_eq!((account.api().rows().len(), account.api().duplicates().len(), folder.recorded().len()), (4, 0, 4));
    }
}

#[test]
fn the_second_signal_stops_at_once_and_nothing_is_lost() {
    // The key is stored, and the answer never comes.
    let script = vec![Scripted::fault(1, Method::POST, FaultKind::StallAfter)];
    let faults = Faults { stall: Duration::from_mins(1), script, ..Faults::default() };
    let (account, folder) = (account_with(Config { faults, ..Config::default() }), Folder::of("alice=1 bob=2"));
    let running = folder.keyform("apply -y").on(&account).start();
    has_uploads(&account, 1);
    running.signal("INT");
    running.until_stderr("Stopping");
    running.signal("INT");
    assert_snapshot!("stopped", running.end());
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!((account.api().rows().len(), account.api().duplicates().len(), folder.recorded().len()), (2, 0, 2));
}

#[test]
fn a_run_that_is_killed_is_completed_by_the_next() {
    let (account, folder) = (slow(Duration::from_millis(200)), Folder::of("alice=1 bob=2 carol=3"));
    let running = folder.keyform("apply -y").on(&account).start();
    has_uploads(&account, 1);
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    assert!(!folder.path(STATE).exists() && folder.path("keyform.state.json.journal").exists());
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!((account.api().rows().len(), account.api().duplicates().len(), folder.recorded().len()), (3, 0, 3));
}
