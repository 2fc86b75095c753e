//! Observes the account before a plan is made: lists it until its listings decide what became of earlier runs.
//!
//! A plan needs two decisions that a single listing cannot make: whether a recorded row is gone, and whether an upload of
//! an interrupted run was carried out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::relisting::{OpenQuestion, Relisting};
use super::settling::{Sighting, sighting};
use super::sightings::{DeletedAt, Sightings, Undecided};
use super::waiting::{WaitReason, Waiting};
use crate::account::{Clock, Lateness, ListError, Listing, ReadAccount, RetryPolicy, Throttle};
use crate::names::KeyId;
use crate::plan::AccountRow;
use crate::state::{JournalEntry, LoadedState, Origin, Pending, PromotedRow, Record, State};

/// The account as a plan sees it.
#[derive(Debug, Clone)]
pub struct Observation {
    /// All rows that exist. Those that were just deleted are left out.
    pub listing: Listing,
    /// What was learned of the uploads of earlier runs. The run that carries out the plan records it.
    pub(super) settled: Vec<JournalEntry>,
    /// The state with that, if it is not as it was.
    after: Option<State>,
    /// Deleted rows that the account has stopped listing, so that the state can forget them.
    pub(super) vanished: Vec<KeyId>,
}

impl Observation {
    /// Returns the state from which to plan: the loaded one, with what was learned of the uploads of earlier runs.
    pub fn state<'s>(&'s self, loaded: &'s LoadedState) -> Option<&'s State> {
        self.after.as_ref().or(loaded.state.as_ref())
    }
}

impl From<Listing> for Observation {
    /// Takes a listing for the whole truth, about an account on which no earlier run left anything open.
    fn from(listing: Listing) -> Self {
        Self { listing, settled: Vec::new(), after: None, vanished: Vec::new() }
    }
}

/// How to observe an account.
#[derive(Debug, Clone, Copy)]
pub struct ObserveOptions {
    pub retries: RetryPolicy,
    pub lateness: Lateness,
    /// Whether keys will be uploaded if the account is empty. An empty listing then needs a second one.
    pub may_upload: bool,
}

/// Observes the account for a plan on top of a state. For a plan that is applied, the caller holds the lock of the state,
/// so that no other run sends requests any more.
///
/// Usually one listing is enough. `on_wait` is called before the account is listed again.
///
/// # Errors
/// If the account cannot be listed.
pub async fn observe<R: ReadAccount, C: Clock>(
    account: &R,
    throttle: &Throttle<C>,
    options: ObserveOptions,
    state: Option<&State>,
    on_wait: &dyn Fn(Waiting),
) -> Result<Observation, ListError> {
    let ObserveOptions { retries, lateness, may_upload } = options;
    let start = throttle.clock().now();
    let deleted = state.map(|state| deletions(state, start)).unwrap_or_default();
    let sightings = Sightings::new(lateness, start, deleted);
    let mut relisting = Relisting::new(account, throttle, retries, on_wait, sightings);
    let mut open = Vec::new();
    loop {
        relisting.list_for(&open).await?;
        open = open_questions(state, &relisting.sightings, lateness, start, may_upload);
        if open.is_empty() {
            return conclude(state, relisting.sightings, start);
        }
    }
}

fn deletions(state: &State, start: Duration) -> BTreeMap<KeyId, DeletedAt> {
    let deleted = state.last_apply.deleted.values();
    deleted.map(|row| (row.id.clone(), DeletedAt { by: start, at: row.at })).collect()
}

/// Returns what the listings so far do not decide.
fn open_questions(
    state: Option<&State>,
    sightings: &Sightings,
    lateness: Lateness,
    start: Duration,
    may_upload: bool,
) -> Vec<OpenQuestion> {
    let mut open = Vec::new();
    if may_upload && let Err(undecided) = sightings.is_empty() {
        open.push(OpenQuestion { reason: WaitReason::Empty, undecided });
    }
    let Some(state) = state else { return open };
    let uncertain = state.pending.values().filter_map(|pending| {
        let is_stored = matches!(sighting(pending, sightings, state), Sighting::Stored(_));
        // Of a run that was killed, only its end is known: the lock is free since.
        let since = start.saturating_add(lateness.effect_after(timeout_of(pending)));
        if is_stored { None } else { sightings.is_without_effect(since).err() }
    });
    open.extend(OpenQuestion::uncertain(uncertain));
    let managed = state.records.keys().chain(state.replaced.keys());
    let keys = managed.filter(|id| sightings.row(id).is_none()).count();
    if keys > 0
        && let Err(undecided) = sightings.is_missing(start, state.last_apply.at)
    {
        open.push(OpenQuestion { reason: WaitReason::Unlisted { keys }, undecided });
    }
    let rows = sightings.hidden_without_date();
    if rows > 0 {
        let next = start.saturating_add(lateness.listing_lag);
        open.push(OpenQuestion { reason: WaitReason::Deleted { rows }, undecided: Undecided { next, end: next } });
    }
    if let Some(PromotedRow { id, at }) = &state.last_apply.promoted
        && sightings.row(id).is_some_and(|row| !row.is_primary)
        && !sightings.is_latest_after(start, *at)
    {
        let next = start.saturating_add(lateness.listing_lag);
        open.push(OpenQuestion { reason: WaitReason::NotPrimary, undecided: Undecided { next, end: next } });
    }
    open
}

/// The longest timeout with which an upload was sent.
fn timeout_of(pending: &Pending) -> Duration {
    Duration::from_secs(pending.requests.iter().map(|request| request.timeout_seconds).max().unwrap_or_default())
}

/// Settles the uploads of earlier runs, and takes what they wrote for shown.
fn conclude(state: Option<&State>, sightings: Sightings, start: Duration) -> Result<Observation, ListError> {
    let Some(state) = state else {
        let listing = sightings.into_listing()?;
        return Ok(Observation { listing, settled: Vec::new(), after: None, vanished: Vec::new() });
    };
    let mut settled = settled(state, &sightings);
    let mut after = state.clone();
    for entry in &settled {
        after.apply(entry.clone());
    }
    if has_kept_primary(&after, &sightings, start) {
        let entry = JournalEntry::FormerPrimary { id: None };
        after.apply(entry.clone());
        settled.push(entry);
    }
    let after = (!settled.is_empty()).then_some(after);
    let has_vanished = |id: &&KeyId| {
        let at = state.last_apply.deleted.get(*id).and_then(|row| row.at);
        sightings.row(id).is_none() && sightings.is_latest_after(start, at)
    };
    let vanished = state.last_apply.deleted.keys().filter(has_vanished).cloned().collect();
    // A promotion is believed rather than a listing that can be older.
    let promoted = state.last_apply.promoted.as_ref();
    let promoted = promoted.filter(|row| !sightings.is_latest_after(start, row.at)).map(|row| row.id.clone());
    let mut listing = sightings.into_listing()?;
    if let Some(id) = promoted {
        listing = listing.with_primary(&id);
    }
    Ok(Observation { listing, settled, after, vanished })
}

/// Whether it is certain that no upload of an interrupted run is the primary: none took the place of the former one, or that
/// was undone since, perhaps by somebody who made another row the primary.
fn has_kept_primary(state: &State, sightings: &Sightings, start: Duration) -> bool {
    let (Some(former), Some(primary)) = (&state.former_primary, sightings.latest().primary()) else { return false };
    let is_uploaded = |record: &Record| record.origin == Origin::Uploaded;
    let is_upload = primary.id != *former && state.records.get(&primary.id).is_some_and(is_uploaded);
    !is_upload && state.pending.is_empty() && sightings.is_latest_after(start, state.last_apply.at)
}

/// Records a pending upload as its run would have done.
fn record(upload: &Pending, row: &AccountRow) -> Record {
    let Pending {
        name,
        public_key,
        account_name,
        owner,
        expires,
        protect,
        sent_name: _,
        before: _,
        requests: _,
        id: _,
    } = upload;
    Record {
        account_name: account_name.clone(),
        owner: owner.clone(),
        expires: *expires,
        protect: *protect,
        ..row.record(name, public_key)
    }
}

/// Returns what the listings show of the pending uploads. A row that can be one of them and shows no key leaves it pending.
fn settled(state: &State, sightings: &Sightings) -> Vec<JournalEntry> {
    let mut pending: Vec<_> = state.pending.values().collect();
    pending.sort_by(|a, b| (&a.name, &a.public_key).cmp(&(&b.name, &b.public_key)));
    let mut entries = Vec::new();
    for upload in pending {
        match sighting(upload, sightings, state) {
            Sighting::Stored(row) => {
                entries.push(JournalEntry::Write { at: sightings.latest().date() });
                let row = AccountRow::new(row, Origin::Uploaded);
                entries.push(JournalEntry::Record(record(upload, &row)));
            }
            Sighting::Foreign(_) | Sighting::Absent => {
                entries.push(JournalEntry::Settle { public_key: upload.public_key.clone() });
            }
            Sighting::Unreadable => {}
        }
    }
    entries
}
