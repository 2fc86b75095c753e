//! The real program against a real server that loses answers and whose listings are late: killed at any instant, and twice
//! at once.
//!
//! `KEYFORM_CRASH_ACCOUNTS=N` kills it on N accounts.

#![cfg(test)]
#![cfg(unix)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::FutureExt as _;
use keyform::emulator::{Emulator, EmulatorConfig, FaultKind, Faults, Lag, LagScope, NewRow};
use keyform::state::{FileStore, State, Store as _};
use support::keys;
use tempfile::TempDir;

/// The number of accounts.
const ACCOUNTS: u64 = 100;

/// How many accounts are tested at a time, since most of an apply is waiting. With many more, a busy machine carries out
/// requests later than the program assumes.
const AT_ONCE: usize = 16;

/// How many applies are killed on each account before one runs to its end.
const KILLS: u32 = 2;

const KEYS: u64 = 30;

/// How late listings are, and what the program is told in seconds.
const LAG: Duration = Duration::from_millis(300);
const ASSUMED_LAG: &str = "1";

/// The milliseconds that the program waits for the effect of a request: the emulator carries it out at once or never.
const EFFECT_WITHIN: &str = "1100";

/// Keys that are on the account and in no manifest.
const FOREIGN: [u64; 2] = [9_001, 9_002];

const SIGKILL: i32 = 9;

/// An account, a manifest and a state.
struct Repository {
    emulator: Emulator,
    folder: TempDir,
    /// Maps names to the numbers of their keys.
    manifest: BTreeMap<String, u64>,
    primary: String,
    rng: Rng,
    next_key: u64,
}

#[test]
fn killed_at_200_random_instants_it_stores_no_key_twice_and_loses_no_id() {
    thread::scope(|scope| {
        for first in (0..).take(AT_ONCE) {
            scope.spawn(move || (first..accounts()).step_by(AT_ONCE).for_each(kill_again_and_again));
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "how many accounts a test has is for whoever runs it to say")]
fn accounts() -> u64 {
    std::env::var("KEYFORM_CRASH_ACCOUNTS").map_or(ACCOUNTS, |text| text.parse().unwrap())
}

fn kill_again_and_again(seed: u64) {
    let whole = Repository::new(seed, lost_answers(seed));
    let begun = Instant::now();
    whole.apply();
    let duration = begun.elapsed();
    whole.is_as_it_should_be();

    let mut repository = Repository::new(seed, lost_answers(seed));
    let mut kills = 0;
    while kills < KILLS {
        let mut child = repository.start(&[]);
        thread::sleep(duration.mul_f64(repository.rng.f64()));
        child.kill().unwrap();
        let was_killed = child.wait().unwrap().signal() == Some(SIGKILL);
        kills += u32::from(was_killed);
        // The state can be read, at every instant of the kill.
        repository.state();
        if !was_killed || repository.rng.bool() {
            repository.edit();
        }
    }
    repository.apply();
    repository.is_as_it_should_be();
}

#[test]
fn a_second_apply_fails_and_names_the_holder_of_the_lock() {
    let slow = Faults { latency: Duration::from_millis(300), ..rates(0, &[(FaultKind::Latency, 1.0)]) };
    let repository = Repository::new(0, slow);
    let first = repository.start(&[]);
    let lock = repository.folder.path().join("keyform.state.json.lock");
    let holder = format!("process {}", first.id());
    while !fs::read_to_string(&lock).is_ok_and(|text| text.starts_with(&holder)) {
        thread::sleep(Duration::from_millis(2));
    }

    let second = repository.start(&["--lock-timeout", "0"]).wait_with_output().unwrap();

    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains(&holder), "{told}");
    assert_success(&first.wait_with_output().unwrap());
    repository.is_as_it_should_be();
}

#[test]
fn a_second_apply_waits_for_the_lock_and_both_succeed() {
    let repository = Repository::new(1, lost_answers(1));
    let both = [(); 2].map(|()| repository.start(&["--lock-timeout", "60"]));
    for child in both {
        assert_success(&child.wait_with_output().unwrap());
    }
    repository.is_as_it_should_be();
}

impl Repository {
    fn new(seed: u64, faults: Faults) -> Self {
        let scope = [LagScope::Listing, LagScope::Page, LagScope::Row][usize::try_from(seed % 3).unwrap()];
        let lag = Lag { most: LAG, scope, ..Lag::default() };
        let emulator = Emulator::start(EmulatorConfig { faults, seed, lag, ..EmulatorConfig::default() }).unwrap();
        for number in FOREIGN {
            let row = NewRow {
                name: format!("foreign-{number}"),
                public_key: keys::line(number),
                is_primary: false,
                is_user_key: true,
            };
            emulator.api().insert(row).unwrap();
        }
        let manifest: BTreeMap<_, _> = (0..KEYS).map(|number| (format!("key-{number}"), number)).collect();
        let repository = Self {
            emulator,
            folder: TempDir::new().unwrap(),
            manifest,
            primary: "key-3".to_owned(),
            rng: Rng::with_seed(seed),
            next_key: KEYS,
        };
        repository.write();
        repository
    }

    /// Drops, rotates and renames a few keys, adds as many as are missing, and moves the primary.
    fn edit(&mut self) {
        let names: Vec<_> = self.manifest.keys().cloned().collect();
        for name in self.rng.choose_multiple(names, 12) {
            let old = self.manifest.remove(&name).unwrap();
            match self.rng.u8(..3) {
                0 => {}
                1 => drop(self.manifest.insert(name, self.next_key)),
                _ => drop(self.manifest.insert(format!("{name}-{}", self.next_key), old)),
            }
            self.next_key += 1;
        }
        while (self.manifest.len() as u64) < KEYS {
            self.manifest.insert(format!("key-{}", self.next_key), self.next_key);
            self.next_key += 1;
        }
        self.primary = self.rng.choice(self.manifest.keys()).unwrap().clone();
        self.write();
    }

    fn write(&self) {
        let mut text = "version: 1\nkeys:\n".to_owned();
        for (name, number) in &self.manifest {
            let primary = if *name == self.primary { "    primary: true\n" } else { "" };
            text += &["  - name: ", name, "\n    publicKey: ", &keys::line(*number), "\n", primary].concat();
        }
        fs::write(self.path("keyform.yaml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, flags: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_keyform"))
            .env_clear()
            .env("PRIME_API_KEY", self.emulator.token())
            .env("KEYFORM_LISTING_LAG", ASSUMED_LAG)
            .env("KEYFORM_TEST_CAP_MS", EFFECT_WITHIN)
            .args(["apply", "--auto-approve", "--allow-deletes", "1000", "--allow-primary-loss", "--retries", "20"])
            .args(["--endpoint", &self.emulator.url(), "--manifest"])
            .arg(self.path("keyform.yaml"))
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Applies to the end.
    fn apply(&self) {
        assert_success(&self.start(&[]).wait_with_output().unwrap());
    }

    fn state(&self) -> Option<State> {
        let store = FileStore::open(&self.path("keyform.state.json"), "a test");
        store.load().now_or_never().unwrap().unwrap().state
    }

    /// Asserts that each key is stored once, each id is recorded, and foreign keys are still there.
    fn is_as_it_should_be(&self) {
        let mut rows = self.emulator.api().rows();
        rows.retain(|row| row.is_user_key);
        let is_foreign = |name: &str| name.starts_with("foreign-");
        assert_eq!(rows.iter().filter(|row| is_foreign(&row.name)).count(), FOREIGN.len());
        rows.retain(|row| !is_foreign(&row.name));

        // A key that a killed run uploaded and that the manifest renamed before the next run keeps its account name.
        let mut wanted: Vec<_> = self.manifest.values().map(|number| keys::line(*number)).collect();
        let mut there: Vec<_> = rows.iter().map(|row| row.public_key.clone()).collect();
        wanted.sort();
        there.sort();
        assert_eq!(there, wanted);
        let primary: Vec<_> = rows.iter().filter(|row| row.is_primary).map(|row| row.public_key.clone()).collect();
        assert_eq!(primary, [keys::line(self.manifest[&self.primary])]);

        let state = self.state().unwrap();
        let recorded: BTreeSet<_> = state.records.values().map(|it| (it.name.as_str(), it.id.as_str())).collect();
        let id_of = |line: &str| rows.iter().find(|row| row.public_key == line).map(|row| row.id.as_str()).unwrap();
        let ids = self.manifest.iter().map(|(name, number)| (name.as_str(), id_of(&keys::line(*number))));
        assert_eq!(recorded, ids.collect());
        assert!(state.pending.is_empty(), "{:?}", state.pending);
        assert!(!self.path("keyform.state.json.journal").exists());
    }
}

/// Stores one upload in four without a proper response.
fn lost_answers(seed: u64) -> Faults {
    use FaultKind as F;
    let kinds = [
        (F::Latency, 0.5),
        (F::CloseAfter, 0.08),
        (F::Truncated, 0.04),
        (F::ForeignJson, 0.04),
        (F::GatewayTimeoutAfter, 0.04),
        (F::UnavailableAfter, 0.04),
        (F::CloseBefore, 0.04),
        (F::TooManyBare, 0.04),
    ];
    let (latency, jitter) = (Duration::from_millis(5), Duration::from_millis(20));
    Faults { latency, jitter, retry_after: Duration::ZERO, ..rates(seed, &kinds) }
}

fn rates(seed: u64, kinds: &[(FaultKind, f64)]) -> Faults {
    Faults { seed, rates: kinds.iter().copied().collect(), ..Faults::default() }
}

fn assert_success(output: &Output) {
    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{told}");
}
