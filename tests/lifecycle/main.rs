//! Random histories of manifests and accounts: every apply converges, and nothing that is not ours is touched.

#![cfg(test)]

mod emulated;
mod laws;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::time::Duration;

use emulated::EmulatedAccount;
use fastrand::Rng;
use keyform::account::{Clock, Lateness, Listing, ReadAccount, RetryPolicy, Row, Throttle, WriteAccount, list_all};
use keyform::apply::{ApplyOptions, Outcome, Status, Tools, execute};
use keyform::emulator::DuplicateKey;
use keyform::manifest::{Desired, DesiredKey, RevokedKey};
use keyform::names::{AccountName, KeyId, KeyName};
use keyform::plan::{Action, Plan};
use keyform::public_key::PublicKey;
use keyform::state::{LoadedState, State};
use support::account::{MemoryAccount, MemorySession, Mode, VirtualClock, Watch};
use support::world::{self, show};
use tokio_util::sync::CancellationToken;

/// Number of histories for each mode of an account in memory.
const HISTORIES: u64 = 250;

/// Number of histories for each mode of the emulated account.
const HISTORIES_OVER_HTTP: u64 = 6;

/// Number of changes of the manifest in a history.
const CHANGES: usize = 6;

const MODES: [Mode; 8] = {
    const fn mode(duplicate_key: DuplicateKey, uploads_take_primary: bool, keeps_primary: bool) -> Mode {
        Mode { duplicate_key, uploads_take_primary, keeps_primary }
    }
    [
        mode(DuplicateKey::SecondRow, false, false),
        mode(DuplicateKey::SecondRow, true, false),
        mode(DuplicateKey::SecondRow, false, true),
        mode(DuplicateKey::SecondRow, true, true),
        mode(DuplicateKey::SameRow, false, false),
        mode(DuplicateKey::SameRow, true, true),
        mode(DuplicateKey::Refuse, false, false),
        mode(DuplicateKey::Refuse, true, true),
    ]
};

#[test]
fn every_history_converges_and_touches_nothing_that_is_not_ours() {
    let keys: Vec<_> = (0..12).map(support::keys::key).collect();
    for mode in MODES {
        for seed in 0..HISTORIES {
            live(&mut History::new(MemoryAccount::new(mode, world::rows("system=S#system%")), seed, &keys));
        }
    }
}

#[test]
fn histories_converge_over_http_too() {
    let keys: Vec<_> = (0..12).map(support::keys::key).collect();
    for mode in MODES {
        for seed in 0..HISTORIES_OVER_HTTP {
            live(&mut History::new(EmulatedAccount::start(mode), seed, &keys));
        }
    }
}

fn live(history: &mut History<'_, impl Account>) {
    for _ in 0..CHANGES {
        history.meddle();
        history.edit();
        history.apply();
    }
}

trait Account {
    fn mode(&self) -> Mode;
    fn rows(&self) -> Vec<Row>;
    /// Adds a row without a request.
    fn insert(&self, name: &str, public_key: &str);
    fn remove(&self, id: &KeyId);
    fn promote(&self, id: &KeyId);
    /// Carries out a plan, and calls `watch` as often as possible.
    fn execute(&self, plan: &Plan, session: &mut MemorySession, seed: u64, watch: Watch) -> Outcome;

    fn listing(&self) -> Listing {
        Listing::new(self.rows()).unwrap()
    }
}

impl Account for MemoryAccount {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn rows(&self) -> Vec<Row> {
        self.rows.borrow().clone()
    }

    fn insert(&self, name: &str, public_key: &str) {
        self.insert_text(name, public_key);
    }

    fn remove(&self, id: &KeyId) {
        self.rows.borrow_mut().retain(|row| row.id != *id);
    }

    fn promote(&self, id: &KeyId) {
        self.make_primary(id);
    }

    fn execute(&self, plan: &Plan, session: &mut MemorySession, seed: u64, watch: Watch) -> Outcome {
        *self.watch.borrow_mut() = Some(watch);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(carry_out(plan, session, self, VirtualClock::default(), seed));
        *self.watch.borrow_mut() = None;
        outcome
    }
}

async fn carry_out(
    plan: &Plan,
    session: &mut MemorySession,
    account: &(impl ReadAccount + WriteAccount),
    clock: impl Clock,
    seed: u64,
) -> Outcome {
    let tools = Tools {
        account,
        throttle: &Throttle::new(clock, seed),
        options: ApplyOptions {
            concurrency: 3,
            retries: RetryPolicy { retries: 2 },
            // The accounts are not late, and one of them is real enough to wait for.
            lateness: Lateness { cap: Duration::ZERO, ..Lateness::with_lag(Duration::ZERO) },
            ..ApplyOptions::default()
        },
        stop: &CancellationToken::new(),
        observer: &|_| {},
        lineage: uuid::Uuid::from_u128(u128::from(seed)),
    };
    let loaded = LoadedState { state: session.state.clone(), ..LoadedState::default() };
    let listing = list_all(account, tools.throttle, tools.options.retries).await.unwrap();
    execute(plan, loaded, Some(listing.into()), session, &tools).await
}

struct History<'k, A> {
    seed: u64,
    rng: Rng,
    keys: &'k [PublicKey],
    account: A,
    session: MemorySession,
    manifest: Vec<DesiredKey>,
    revoked: Vec<RevokedKey>,
    /// The manifest of the last apply.
    applied: Vec<DesiredKey>,
}

impl<'k, A: Account> History<'k, A> {
    fn new(account: A, seed: u64, keys: &'k [PublicKey]) -> Self {
        Self {
            seed,
            rng: Rng::with_seed(seed),
            keys,
            account,
            session: MemorySession::default(),
            manifest: Vec::new(),
            revoked: Vec::new(),
            applied: Vec::new(),
        }
    }

    fn key(&mut self) -> PublicKey {
        self.keys[self.rng.usize(..self.keys.len())].clone()
    }

    fn name(&mut self) -> KeyName {
        KeyName::new(["alice", "bob", "carol", "dave", "erin", "frank"][self.rng.usize(..6)]).unwrap()
    }

    /// Changes the account without keyform.
    fn meddle(&mut self) {
        for _ in 0..self.rng.usize(..3) {
            let user_rows: Vec<_> = self.account.listing().rows().iter().map(|row| row.id.clone()).collect();
            let some = (!user_rows.is_empty()).then(|| user_rows[self.rng.usize(..user_rows.len())].clone());
            match (self.rng.u8(..6), some) {
                (0, Some(id)) => self.account.remove(&id),
                (1, Some(id)) => self.account.promote(&id),
                (2, _) => {
                    let (name, key, other) = (self.name(), self.key(), self.key());
                    let options = if self.rng.bool() { "restrict " } else { "" };
                    self.account.insert(name.as_str(), &format!("{options}{}\n{}", key.blob(), other.blob()));
                }
                // Somebody who leaves keeps the key in a second row.
                (3, _) if !self.manifest.is_empty() => {
                    let at = self.rng.usize(..self.manifest.len());
                    let blob = self.manifest[at].key.blob().clone();
                    self.account.insert("web", blob.as_str());
                    if self.rng.bool() {
                        self.manifest.remove(at);
                    }
                }
                _ => {
                    let (name, key) = (self.name(), self.key());
                    self.account.insert(name.as_str(), key.blob().as_str());
                }
            }
        }
    }

    /// Changes the manifest: adds, removes, rotates, renames, swaps, expires, protects, revokes, moves the primary.
    fn edit(&mut self) {
        for _ in 0..=self.rng.usize(..3) {
            let (name, key) = (self.name(), self.key());
            let len = self.manifest.len();
            let at = if len == 0 { 0 } else { self.rng.usize(..len) };
            match self.rng.u8(..12) {
                1 if len > 0 => drop(self.manifest.remove(at)),
                2 if len > 0 => self.manifest[at].key = key,
                3 if len > 0 => self.manifest[at].name = name,
                4 if len > 1 => {
                    let other = self.rng.usize(..len);
                    let (one, two) = (self.manifest[at].name.clone(), self.manifest[other].name.clone());
                    self.manifest[at].name = two;
                    self.manifest[other].name = one;
                }
                5 if len > 0 => {
                    self.manifest[at].expires = [None, Some(world::day(-1)), Some(world::day(30))][self.rng.usize(..3)];
                    self.manifest[at].protect = false;
                }
                7 if len > 0 => self.manifest[at].owner = self.rng.bool().then(|| name.to_string()),
                8 if len > 0 => {
                    self.manifest[at].account_name = self.rng.bool().then(|| AccountName::new(name.as_str()).unwrap());
                }
                9 if len > 0 => {
                    self.manifest[at].protect = self.rng.bool();
                    self.manifest[at].expires = None;
                }
                10 if self.rng.u8(..3) == 0 => {
                    let place = world::desired("x=A").keys.remove(0).place;
                    let fingerprint = key.blob().fingerprint();
                    self.revoked.push(RevokedKey { fingerprint, blob: None, reason: None, place });
                }
                11 if !self.revoked.is_empty() => drop(self.revoked.pop()),
                6 if len > 0 => {
                    self.manifest.iter_mut().for_each(|key| key.primary = false);
                    self.manifest[at].primary = self.rng.bool();
                }
                _ => {
                    let mut new = world::desired("new=A").keys.remove(0);
                    (new.name, new.key) = (name, key);
                    self.manifest.push(new);
                }
            }
        }
        // A valid manifest has each name and key once, and no revoked key.
        let revoked: HashSet<_> = self.revoked.iter().map(|revoked| &revoked.fingerprint).collect();
        self.manifest.retain(|key| !revoked.contains(&key.key.blob().fingerprint()));
        let (mut names, mut blobs) = (HashSet::new(), HashSet::new());
        self.manifest.retain(|key| names.insert(key.name.clone()) && blobs.insert(key.key.blob().clone()));
        self.manifest.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn plan(&self, desired: &Desired, listing: &Listing) -> Plan {
        world::plan_of(desired, self.session.state.as_ref(), Some(listing))
    }

    fn desired(&self, keys: &[DesiredKey]) -> Desired {
        Desired { keys: keys.to_vec(), revoked: self.revoked.clone(), ..Desired::default() }
    }

    fn apply(&mut self) {
        let desired = self.desired(&self.manifest);
        let plan = self.plan(&desired, &self.account.listing());
        if plan.actions.iter().any(Action::is_protected) {
            // It is refused until a manifest without the protection has been applied.
            let revoked: HashSet<_> = self.revoked.iter().map(|revoked| &revoked.fingerprint).collect();
            let mut earlier = self.applied.clone();
            earlier.retain(|key| !revoked.contains(&key.key.blob().fingerprint()));
            for key in &mut earlier {
                key.protect = false;
            }
            self.carry_out(&self.desired(&earlier));
        }
        self.carry_out(&desired);
        self.applied.clone_from(&self.manifest);
    }

    fn carry_out(&mut self, desired: &Desired) {
        let before = self.account.listing();
        let plan = self.plan(desired, &before);
        let message = format!("seed {} of {:?}: {}", self.seed, self.account.mode(), show(&plan));
        let laws = self.laws(desired, &before, &plan, message.clone());
        let recorded: Vec<_> = self.session.state.iter().flat_map(State::sorted).cloned().collect();
        let outcome = self.account.execute(&plan, &mut self.session, self.seed, laws);

        if outcome.is_success() {
            let next = self.plan(desired, &self.account.listing());
            assert!(next.is_empty(), "{message}\nis followed by {}", show(&next));
            self.removed_keys_are_gone(desired, &recorded, &plan, &message);
        } else {
            let Mode { duplicate_key, keeps_primary, .. } = self.account.mode();
            assert!(duplicate_key == DuplicateKey::Refuse || keeps_primary, "{message}\nended with {outcome:?}");
        }
        self.recorded_is_there(&message);
    }
}

#[test]
fn an_account_that_refuses_a_second_copy_fails_a_new_account_name_and_loses_nothing() {
    let mode = Mode { duplicate_key: DuplicateKey::Refuse, ..Mode::default() };
    let keys = [support::keys::key(0)];
    let account = MemoryAccount::new(mode, world::rows("system=S#system%"));
    let mut history = History::new(account, 0, &keys);
    let mut key = world::desired("old=A").keys.remove(0);
    history.manifest = vec![key.clone()];
    history.apply();
    key.account_name = Some(AccountName::new("new").unwrap());
    history.manifest = vec![key.clone()];

    let desired = Desired { keys: vec![key], ..Desired::default() };
    let plan = history.plan(&desired, &history.account.listing());
    let outcome = history.account.execute(&plan, &mut history.session, 0, Box::new(|_| {}));

    assert!(matches!(outcome.steps[0].status, Status::Failed(_)), "{outcome:?}");
    assert_eq!(history.account.listing().rows().len(), 1);
    assert_eq!(history.session.state.as_ref().unwrap().records.len(), 1);

    // Two applies succeed, the first of which deletes the key.
    let renamed = std::mem::take(&mut history.manifest);
    history.apply();
    history.manifest = renamed;
    history.apply();
    let listing = history.account.listing();
    let rows = listing.rows();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["new"]);
    let records: Vec<_> = history.session.state.unwrap().records.into_keys().collect();
    assert_eq!(records, [rows[0].id.clone()]);
}
