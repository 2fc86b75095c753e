//! The laws that must hold after every step, after every apply, and at the end.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use keyform::account::{Clock as _, Listing, Row};
use keyform::apply::{Finding, Outcome, Status};
use keyform::emulator::DuplicateKey;
use keyform::names::KeyId;
use keyform::plan::ActionKind;
use keyform::public_key::KeyBlob;
use keyform::state::{FileStore, JournalEntry, LoadedState, StateError, Store as _};

use crate::account::{Account, Stored};
use crate::bucket;
use crate::disk::{Platter, ProcessDisk};
use crate::kernel::Process;
use crate::lag::LAG;
use crate::network::{ARRIVAL, Operation};
use crate::support::world::{plan_of, show, today};
use crate::world::{JOURNAL, Place, STATE, World};

/// A law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// Each key is stored by us once, at every moment. Only a replacement of rows by one with the same key has more.
    Once,
    /// Every row of ours is recorded in the end.
    Recorded,
    /// A row that others made is deleted only if it is recorded, or its key is not desired.
    ForeignRowsStay,
    /// Nothing is sent that the plan does not contain, except to keep the primary.
    NothingUnplanned,
    /// A key is deleted only when its replacement is there.
    NeverWithout,
    /// An upload stays pending as long as it can still be carried out.
    PendingIsKept,
    /// The state can be read, at any moment, by anyone.
    Readable,
    /// Two applies never change the account at the same time.
    OneAtATime,
    /// What an apply says it did is in the state, in its journal, or printed.
    Reported,
    /// A listing that is not empty shows every row that was on the account for as long as listings lag.
    ListingIsWhole,
    /// A plan never says that a row is gone which is on the account.
    GoneIsTrue,
    /// What an apply finds wrong is wrong.
    FindingsAreTrue,
    /// After an apply without errors, every desired key is on the account.
    SuccessIsTrue,
    /// After an apply without errors, the primary is the planned one.
    Primary,
    /// An apply ends.
    Ends,
    /// An apply ends in time.
    EndsInTime,
    /// In calm weather everything becomes as the manifest says, and then there is nothing to do.
    Converges,
}

/// A law that was broken, and how.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) law: Law,
    pub(crate) detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.detail)
    }
}

/// How often a reader looks at the disk between two operations.
const LOOKS: f64 = 1.0 / 16.0;

/// After every operation on the disk: it can be read as it is, by one who looked at the journal before, and after a
/// power failure.
pub(crate) fn state_is_readable(world: &Rc<World>, journal_before: Option<&[u8]>) {
    if !world.chance(LOOKS) {
        return;
    }
    let mut platter = world.platter.borrow().clone();
    match world.draw(|rng| rng.u8(..3)) {
        0 => {}
        1 => platter.replace(Path::new(JOURNAL), journal_before),
        _ => world.draw(|rng| platter.lose_power(rng)),
    }
    if let Err(error) = load(world, platter) {
        world.violate(Law::Readable, || error.to_string());
    }
}

/// After every change of the object store.
pub(crate) fn shelf_is_readable(world: &Rc<World>) {
    if world.chance(LOOKS)
        && let Err(error) = bucket::load(world)
    {
        world.violate(Law::Readable, || error.to_string());
    }
}

/// What anyone reads who looks at the disk or the object store now.
pub(crate) fn recorded(world: &Rc<World>) -> LoadedState {
    let loaded = load_now(world);
    loaded.unwrap_or_else(|error| {
        world.violate(Law::Readable, || error.to_string());
        LoadedState::default()
    })
}

fn load_now(world: &Rc<World>) -> Result<LoadedState, StateError> {
    match world.place {
        Place::Disk => load(world, world.platter.borrow().clone()),
        Place::Bucket => bucket::load(world),
    }
}

fn load(world: &Rc<World>, platter: Platter) -> Result<LoadedState, StateError> {
    let disk = ProcessDisk::over(world, &Rc::new(Process::reader()), Rc::new(RefCell::new(platter)));
    let store = FileStore::on(Rc::new(RefCell::new(disk)), Path::new(STATE), "a reader");
    store.load().now_or_never().unwrap()
}

/// When a request leaves a process.
pub(crate) fn may_send(world: &Rc<World>, process: &Process, operation: &Operation) {
    let holder = match world.place {
        Place::Disk => world.platter.borrow().lock_holder(),
        Place::Bucket => bucket::lock_holder(&world.shelf.borrow()),
    };
    world.demand(Law::OneAtATime, holder == Some(process.id), || {
        format!("process {} sends {operation}, and the lock is held by {holder:?}", process.id)
    });
    let planned = process.planned.borrow();
    let account = world.account.borrow();
    let is_planned = match operation {
        Operation::Page { .. } => return,
        Operation::Upload { name, key } => planned.uploads(name, key.blob()),
        Operation::Delete(id) => planned.deletes(id),
        Operation::Promote(id) => {
            let is_promoted = account.get(id).is_none_or(|stored| planned.promotes(&stored.row));
            let is_restored = planned.restores.as_ref() == Some(id) && account.displaced.contains(id);
            // Listings do not show what someone else has just changed.
            let may_not_know = !account.is_undisturbed(process.started.get());
            let is_named = account.get(id).is_some_and(|stored| process.names_primary(stored.row.blob()));
            is_promoted || is_named || keeps_primary(&account, id) || is_restored || may_not_know
        }
    };
    world.demand(Law::NothingUnplanned, is_planned, || format!("{operation} is sent, and it is not planned"));
    if let Operation::Delete(id) = operation
        && let Some(stored) = account.get(id).filter(|stored| !stored.ours)
        && process.is_desired(stored.row.blob())
    {
        let is_recorded = recorded(world).state.is_some_and(|state| state.managed(id).is_some());
        world.demand(Law::ForeignRowsStay, is_recorded, || format!("{operation} is sent, and that row is not ours"));
    }
}

/// Whether a row is the primary, had no upload taken its place.
fn keeps_primary(account: &Account, id: &KeyId) -> bool {
    account.expected_primary.as_ref().is_none_or(|expected| expected == id)
}

/// Before a request changes the account.
pub(crate) fn may_change(world: &Rc<World>, process: &Process, operation: &Operation) {
    let account = world.account.borrow();
    let planned = process.planned.borrow();
    match operation {
        Operation::Upload { key, .. } if account.mode.duplicate_key == DuplicateKey::SecondRow => {
            let is_replaced = |stored: &Stored| planned.is_replaced_by(&stored.row.id, key.blob());
            let mut ours = account.with_blob(key.blob()).filter(|stored| stored.ours);
            let is_new =
                ours.all(|stored| is_replaced(stored) || account.is_twin(stored) || stored.undeleted.is_some());
            world.demand(Law::Once, is_new, || format!("{operation}: it is there, and we have made it"));
        }
        // The beliefs of a process that has ended may be outdated.
        Operation::Delete(id) if !process.is_dead.get() => {
            let is_there = |blob: &_| {
                account.is_robbed(blob, process.started.get())
                    || account.with_blob(blob).any(|stored| stored.row.id != *id)
            };
            if let Some(new) = planned.replacement(id) {
                world.demand(Law::NeverWithout, is_there(new), || {
                    format!("{operation}: what is to take its place is not there")
                });
            }
            let blob = account.get(id).and_then(|stored| stored.row.blob());
            if let Some(blob) = blob.filter(|blob| process.is_desired(Some(blob))) {
                world.demand(Law::NeverWithout, is_there(blob), || format!("{operation}: its key is desired"));
            }
        }
        Operation::Page { .. } | Operation::Upload { .. } | Operation::Promote(_) | Operation::Delete(_) => {}
    }
}

/// When a process has listed the account.
pub(crate) fn listing_is_whole(world: &World, process: &Process, listing: &Listing) {
    if listing.rows().is_empty() {
        return;
    }
    let account = world.account.borrow();
    let start = process.started.get();
    let old = account.rows().filter(|stored| stored.row.is_user_key && stored.is_shown_from(start));
    // For a while, an acknowledged deletion is believed instead of listings.
    let mut old = old.filter(|stored| stored.undeleted.is_none());
    let missing = old.find(|stored| listing.by_id(&stored.row.id).is_none());
    world.demand(Law::ListingIsWhole, missing.is_none(), || format!("{missing:?} is not listed"));
}

/// When a process has made its plan, from a listing.
pub(crate) fn gone_is_true(world: &World, process: &Process) {
    let account = world.account.borrow();
    for id in &process.planned.borrow().gone {
        world.demand(Law::GoneIsTrue, account.get(id).is_none(), || format!("{id} is said to be gone"));
    }
}

/// Before an upload is said to have left nothing on the account. The process has `appended` records of these rows.
pub(crate) fn may_settle(world: &Rc<World>, blob: &KeyBlob, appended: &BTreeSet<KeyId>) {
    let is_under_way = world.kernel.is_upload_under_way(blob);
    world.demand(Law::PendingIsKept, !is_under_way, || "an upload is said to be settled that is under way".to_owned());
    let account = world.account.borrow();
    let mut ours = account.with_blob(blob).filter(|stored| stored.ours && !account.is_unknowable(stored)).peekable();
    if ours.peek().is_none() {
        return;
    }
    let state = recorded(world).state;
    for Stored { row, .. } in ours {
        let is_recorded =
            appended.contains(&row.id) || state.as_ref().is_some_and(|state| state.managed(&row.id).is_some());
        world.demand(Law::PendingIsKept, is_recorded, || format!("{} is there and not recorded", row.id));
    }
}

/// After an apply that ended, before anything else happens.
pub(crate) fn outcome_is_true(world: &Rc<World>, process: &Process, outcome: &Outcome) {
    let loaded = load_now(world);
    if let Err(error) = &loaded {
        world.violate(Law::Readable, || error.to_string());
    }
    let state = loaded.unwrap_or_default().state;
    let is_recorded = |id: &KeyId| {
        let is_printed = |entry: &JournalEntry| matches!(entry, JournalEntry::Record(record) if record.id == *id);
        state.as_ref().is_some_and(|state| state.managed(id).is_some()) || outcome.unsaved.iter().any(is_printed)
    };
    // What it says was true when it wrote its state. It can have been stopped after that, and another one worked since.
    let is_succeeded = world.place == Place::Bucket && bucket::is_succeeded(world, process.id);
    let was_recorded = |id: &KeyId| is_succeeded && bucket::was_recorded(world, id);
    for step in &outcome.steps {
        let (ActionKind::Upload | ActionKind::Adopt, Status::Done { id }) = (step.kind, &step.status) else { continue };
        world.demand(Law::Reported, is_recorded(id) || was_recorded(id), || {
            format!("{} is said to be {id}, which is not recorded", step.name)
        });
    }
    if is_succeeded {
        return;
    }
    let account = world.account.borrow();
    for finding in outcome.findings() {
        let is_true = match finding {
            Finding::Missing { id, .. } => account.get(id).is_none(),
            // Someone can have deleted it since.
            Finding::Remains { id, .. } | Finding::Again { id, .. } | Finding::MixedLeft { id, .. } => {
                account.had(id, process.started.get())
            }
            Finding::Copies { ids, .. } => ids.iter().all(|id| account.had(id, process.started.get())),
            Finding::Unreadable { rows } => rows.iter().all(|row| account.had(&row.id, process.started.get())),
            Finding::NotPrimary { name } => {
                let primary = account.primary().map(|stored| &stored.row.id);
                let names = |id: &KeyId| {
                    let record = state.as_ref().and_then(|state| state.managed(id));
                    record.map_or_else(|| id.to_string(), |record| record.name.to_string())
                };
                primary.is_none_or(|id| names(id) != *name) || !account.is_undisturbed(process.started.get())
            }
            Finding::NotRestored { .. } | Finding::PrimaryRestored { .. } | Finding::PrimaryMoved { .. } => true,
        };
        world.demand(Law::FindingsAreTrue, is_true, || format!("{finding:?}"));
    }
    if outcome.is_success() && process.is_observing {
        success_is_true(world, &account, process);
    }
}

fn success_is_true(world: &World, account: &Account, process: &Process) {
    let start = process.started.get();
    for key in process.desired.keys.iter().filter(|key| !key.is_expired(today())) {
        let blob = key.key.blob();
        let is_there = account.with_blob(blob).next().is_some() || account.is_robbed(blob, start);
        world.demand(Law::SuccessIsTrue, is_there, || format!("{} is not on the account", key.name));
    }
    // Until listings must show it, a run cannot know that an upload without a response took the place of the primary.
    if account.is_settled(start) {
        world.demand(Law::Primary, is_primary_right(account, process), || {
            format!("the primary is {:?}, not {:?}", account.primary(), account.expected_primary)
        });
    }
}

/// Whether the primary is the one of the manifest, or else the one that was the primary before the uploads.
fn is_primary_right(account: &Account, process: &Process) -> bool {
    let Some(primary) = account.primary() else { return true };
    let is_unknown = |stored: &Stored| stored.ours && account.is_unknowable(stored);
    if let Some(key) = process.desired.keys.iter().find(|key| key.primary && !key.is_expired(today())) {
        let is_named = primary.row.blob() == Some(key.key.blob());
        return is_named || account.with_blob(key.key.blob()).any(is_unknown);
    }
    let is_kept = |id: &&KeyId| account.get(id).is_none_or(|stored| stored.undeleted.is_none());
    let expected = account.expected_primary.as_ref().filter(is_kept);
    is_unknown(primary) || expected.is_none_or(|expected| *expected == primary.row.id)
}

/// The waits of one apply: before the plan, three for uploads, and one to verify.
const WAITS: u32 = 5;

/// The time that one of them takes at most, besides the lag of listings and the time in which a request can arrive.
const SLACK: Duration = Duration::from_secs(30);

/// The longest pause before a retry.
const RETRY: Duration = Duration::from_secs(62);

/// The sum of the pauses until a listing whose pages do not agree is given up.
const TORN: Duration = Duration::from_secs(76);

/// When a process has ended on its own.
pub(crate) fn ends_in_time(world: &World, process: &Process) {
    let torn = if world.account.borrow().page < 100 { TORN } else { Duration::ZERO };
    let waits = (LAG + process.timeout + ARRIVAL + SLACK + torn) * WAITS;
    let most = waits + process.waited.get() + RETRY * process.failures.get();
    let took = world.kernel.now().saturating_sub(process.started.get());
    world.demand(Law::EndsInTime, took <= most, || format!("process {} took {took:?} of {most:?}", process.id));
}

/// Whether nothing is left to do.
pub(crate) fn is_done(world: &Rc<World>, process: &Process) -> Result<(), String> {
    let state = recorded(world).state;
    let listing = world.account.borrow().listing();
    let plan = plan_of(&process.desired, state.as_ref(), Some(&listing));
    if plan.is_empty() { Ok(()) } else { Err(show(&plan)) }
}

/// Whether every listing shows the right primary.
pub(crate) fn primary_has_come(world: &World, process: &Process) -> bool {
    let account = world.account.borrow();
    account.is_primary_shown(world.kernel.now()) && is_primary_right(&account, process)
}

/// In the end, when everything is as the manifest says, or the account refuses for ever that it is.
pub(crate) fn in_the_end(world: &Rc<World>, process: &Process, converged: bool) {
    let state = recorded(world).state;
    let account = world.account.borrow();
    let record_of = |id: &KeyId| state.as_ref().and_then(|state| state.managed(id));
    let is_recorded = |row: &Row| record_of(&row.id).is_some_and(|record| row.blob() == Some(&record.public_key));
    // A deletion without effect is tried again until listings do not show the row.
    let is_deleted = |id: &KeyId| state.as_ref().is_some_and(|state| state.last_apply.deleted.contains_key(id));
    let is_known = |row: &Row| is_recorded(row) || is_deleted(&row.id);
    let ours = || account.rows().filter(|stored| stored.ours && !is_known(&stored.row));
    for Stored { row, .. } in ours().filter(|stored| !account.is_unknowable(stored)) {
        world.violate(Law::Recorded, || format!("{} ({}) is ours and not recorded", row.id, row.name));
    }
    if !converged || ours().next().is_some() {
        return;
    }
    let is_left = |stored: &&Stored| stored.undeleted.is_some() && !process.is_desired(stored.row.blob());
    if let Some(left) = account.rows().find(is_left).filter(|_| !account.mode.keeps_primary) {
        world.violate(Law::Converges, || format!("{} was deleted without effect, and stays", left.row.id));
    }
    let is_right = is_primary_right(&account, process);
    world.demand(Law::Primary, is_right, || {
        format!("in the end the primary is {:?}, not {:?}", account.primary(), account.expected_primary)
    });
    let wanted: Vec<_> = process.desired.keys.iter().filter(|key| !key.is_expired(today())).collect();
    let records: Vec<_> = state.iter().flat_map(|state| state.records.values()).collect();
    for record in &records {
        let is_there = account.get(&record.id).is_some_and(|it| it.row.blob() == Some(&record.public_key));
        world.demand(Law::Recorded, is_there, || format!("{} ({}) is recorded and gone", record.id, record.name));
    }
    world.demand(Law::Converges, wanted.len() == records.len(), || format!("{} records", records.len()));
    for key in wanted {
        let blob = key.key.blob();
        let ours = account.with_blob(blob).filter(|stored| stored.ours && stored.undeleted.is_none()).count();
        world.demand(Law::Once, ours <= 1, || format!("{} is there {ours} times", key.name));
        let recorded = records.iter().filter(|record| record.public_key == *blob && record.name == key.name).count();
        world.demand(Law::Recorded, recorded == 1, || format!("{} is recorded {recorded} times", key.name));
    }
    let pending = state.iter().flat_map(|state| state.pending.values()).next();
    world.demand(Law::Converges, pending.is_none(), || format!("{pending:?} is pending"));
}
