//! A thousand keys and an account on which everything goes wrong: one apply is enough.

#![cfg(test)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use keyform::emulator::{Choice as _, EmulatorConfig, FaultKind, Faults, RateLimit};
use support::keys;
use support::program::{Folder, account_with};

const KEYS: u64 = 1000;

/// Every kind of fault that ends a request and that is over when the account is listed a second later. Latency is one
/// more, and every request meets it.
fn kinds() -> impl Iterator<Item = FaultKind> + Clone {
    let lasts = |kind: FaultKind| kind.comes_late() || kind == FaultKind::EmptyList || kind == FaultKind::Latency;
    FaultKind::ALL.iter().copied().filter(move |kind| !lasts(*kind))
}

/// Lets a share of the requests meet a fault. All kinds are equally frequent and as short as possible.
fn faults(seed: u64, share: f64) -> Faults {
    let each = share / f64::from(u32::try_from(kinds().count()).unwrap());
    Faults {
        seed,
        rates: kinds().map(|kind| (kind, each)).chain([(FaultKind::Latency, 1.0)]).collect(),
        latency: Duration::from_millis(1),
        jitter: Duration::from_millis(4),
        retry_after: Duration::ZERO,
        stall: Duration::from_millis(5),
        ..Faults::default()
    }
}

fn manifest(keys: u64) -> String {
    let mut text = "version: 1\nkeys:\n".to_owned();
    for number in 0..keys {
        let _ = writeln!(text, "  - name: key-{number:04}\n    publicKey: {}", keys::line(number));
    }
    text
}

/// Applies once, checks account and state, and returns the kinds of fault that occurred.
fn converges(seed: u64, share: f64, retries: u32) -> BTreeSet<FaultKind> {
    let account = account_with(EmulatorConfig { faults: faults(seed, share), ..EmulatorConfig::default() });
    let folder = Folder::new();
    folder.write("keyform.yaml", manifest(KEYS));
    let keyform = |arguments: &str| {
        let run = folder.keyform(arguments).env("KEYFORM_CONCURRENCY", "10").on(&account);
        run.env("KEYFORM_RETRIES", &retries.to_string()).run().expect(0)
    };
    keyform("apply -y");

    let rows = account.api().rows();
    let stored: BTreeMap<_, _> = rows.iter().map(|row| (row.name.clone(), row.id.clone())).collect();
    assert_eq!((rows.len() as u64, account.api().duplicates()), (KEYS, Vec::new()), "seed {seed}");
    assert_eq!(folder.recorded(), stored, "seed {seed}");
    assert!(!folder.path("keyform.state.json.journal").exists(), "seed {seed}");
    keyform("plan --detailed-exitcode");
    let stats = account.api().stats();
    kinds().filter(|kind| stats.faulted(*kind) > 0).collect()
}

#[test]
fn one_apply_stores_and_records_every_key_once_despite_faults() {
    // They mostly wait. The last one meets so many faults that it needs more retries than the default.
    let accounts = [(1, 0.05, 5), (2, 0.05, 5), (3, 0.05, 5), (4, 0.20, 20)];
    let met: BTreeSet<_> = thread::scope(|scope| {
        let runs = accounts.map(|(seed, share, retries)| scope.spawn(move || converges(seed, share, retries)));
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(met, kinds().collect(), "every kind was met");
}

#[test]
fn a_rate_limit_is_waited_out_and_no_key_fails_for_it() {
    for retry_after in [true, false] {
        let rate_limit = Some(RateLimit { requests: 40, window: Duration::from_millis(1500), retry_after });
        let account = account_with(EmulatorConfig { rate_limit, ..EmulatorConfig::default() });
        let folder = Folder::new();
        folder.write("keyform.yaml", manifest(100));
        folder.keyform("apply -y").env("KEYFORM_CONCURRENCY", "10").on(&account).run().expect(0);
        assert_eq!((folder.recorded().len(), account.api().duplicates()), (100, Vec::new()));
        assert!(account.api().stats().received > 104, "some are turned away");
    }
}
