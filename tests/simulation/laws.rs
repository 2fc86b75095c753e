//! The laws that must hold after every step, after every apply, and at the end.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::rc::Rc;

use futures_util::FutureExt as _;
use keyform::apply::{Outcome, Status};
use keyform::names::KeyId;
use keyform::plan::ActionKind;
use keyform::state::{FileStore, JournalEntry, LoadedState, StateError, Store as _};

use crate::disk::{Platter, ProcessDisk};
use crate::kernel::Process;
use crate::network::Operation;
use crate::support::world::{plan_of, show, today};
use crate::world::{JOURNAL, STATE, World};
use keyform::emulator::DuplicateKey;

/// A law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// Each key is stored by us once.
    Once,
    /// Every row of ours is recorded, or will be as soon as someone looks.
    Recorded,
    /// Nothing unmanaged is promoted or deleted.
    Untouched,
    /// A key goes only when what takes its place is there.
    NeverWithout,
    /// The state can be read, at any moment, by anyone.
    Readable,
    /// Two applies never change the account at the same time.
    OneAtATime,
    /// What an apply says it did is in the state, in its journal, or printed.
    Told,
    /// An apply comes to its end.
    Ends,
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

/// What anyone reads who looks at the disk now.
pub(crate) fn recorded(world: &Rc<World>) -> LoadedState {
    let loaded = load(world, world.platter.borrow().clone());
    loaded.unwrap_or_else(|error| {
        world.violate(Law::Readable, || error.to_string());
        LoadedState::default()
    })
}

fn load(world: &Rc<World>, platter: Platter) -> Result<LoadedState, StateError> {
    let disk = ProcessDisk::over(world, &Rc::new(Process::reader()), Rc::new(RefCell::new(platter)));
    let store = FileStore::on(Rc::new(RefCell::new(disk)), Path::new(STATE), "a reader");
    store.load().now_or_never().unwrap()
}

/// When a request leaves a process.
pub(crate) fn may_send(world: &Rc<World>, process: &Process, operation: &Operation) {
    let holder = world.platter.borrow().lock_holder();
    world.demand(Law::OneAtATime, holder == Some(process.id), || {
        format!("process {} sends {operation}, and the lock is held by {holder:?}", process.id)
    });
    let target = match operation {
        Operation::Promote(id) | Operation::Delete(id) => id,
        Operation::Page { .. } | Operation::Upload { .. } => return,
    };
    let is_foreign = world.account.borrow().get(target).is_some_and(|stored| !stored.ours);
    if is_foreign {
        let is_recorded = || recorded(world).state.is_some_and(|state| state.records.contains_key(target));
        let is_managed = !process.orphans.borrow().contains(target) && is_recorded();
        world.demand(Law::Untouched, is_managed, || format!("{operation} is sent, and that row is not ours"));
    }
}

/// Before a request changes the account.
pub(crate) fn may_change(world: &Rc<World>, process: &Process, operation: &Operation) {
    let account = world.account.borrow();
    match operation {
        Operation::Upload { name, key } if account.mode.duplicate_key == DuplicateKey::SecondRow => {
            let twin = account.with_blob(key.blob()).find(|stored| stored.ours && stored.row.name == name.as_str());
            world.demand(Law::Once, twin.is_none(), || format!("{operation}: it is there, and we have made it"));
        }
        // The beliefs of a process that has died may be outdated.
        Operation::Delete(id) if !process.is_dead.get() => {
            let is_there =
                |blob: &_| account.robbed.contains(blob) || account.with_blob(blob).any(|stored| stored.row.id != *id);
            if let Some(new) = process.replaces.borrow().get(id) {
                world.demand(Law::NeverWithout, is_there(new), || {
                    format!("{operation}: what is to take its place is not there")
                });
            }
            let blob = account.get(id).and_then(|stored| stored.row.blob.as_ref());
            let wanted =
                |blob: &&_| process.desired.keys.iter().any(|key| key.key.blob() == *blob && !key.is_expired(today()));
            if let Some(blob) = blob.filter(wanted) {
                world.demand(Law::NeverWithout, is_there(blob), || format!("{operation}: its key is desired"));
            }
        }
        Operation::Page { .. } | Operation::Upload { .. } | Operation::Promote(_) | Operation::Delete(_) => {}
    }
}

/// After an apply that came to its end, before anything else happens.
pub(crate) fn is_told(world: &Rc<World>, outcome: &Outcome) {
    let loaded = load(world, world.platter.borrow().clone());
    if let Err(error) = &loaded {
        world.violate(Law::Readable, || error.to_string());
    }
    let state = loaded.unwrap_or_default().state;
    let is_recorded = |id: &KeyId| {
        let is_printed = |entry: &JournalEntry| matches!(entry, JournalEntry::Record(record) if record.id == *id);
        state.as_ref().is_some_and(|state| state.records.contains_key(id)) || outcome.unsaved.iter().any(is_printed)
    };
    for step in &outcome.steps {
        let (ActionKind::Upload | ActionKind::Adopt, Status::Done { id }) = (step.kind, &step.status) else { continue };
        world.demand(Law::Told, is_recorded(id), || format!("{} is said to be {id}, which is not recorded", step.name));
    }
}

/// Whether nothing is left to do.
pub(crate) fn is_done(world: &Rc<World>, process: &Process) -> Result<(), String> {
    let state = recorded(world).state;
    let listing = world.account.borrow().listing();
    let plan = plan_of(&process.desired, state.as_ref(), Some(&listing));
    if plan.is_empty() { Ok(()) } else { Err(show(&plan)) }
}

/// In the end, when everything is as the manifest says, or the account refuses for ever that it is.
pub(crate) fn in_the_end(world: &Rc<World>, process: &Process, converged: bool) {
    let state = recorded(world).state;
    let account = world.account.borrow();
    let record_of = |id: &KeyId| state.as_ref().and_then(|state| state.records.get(id));
    for stored in account.rows.iter().filter(|stored| stored.ours) {
        let row = &stored.row;
        let is_recorded = record_of(&row.id).is_some_and(|record| row.blob.as_ref() == Some(&record.public_key));
        world.demand(Law::Recorded, is_recorded, || format!("{} ({}) is ours and not recorded", row.id, row.name));
    }
    if !converged {
        return;
    }
    let records: Vec<_> = state.iter().flat_map(|state| state.records.values()).collect();
    for record in &records {
        let is_there = account.get(&record.id).is_some_and(|it| it.row.blob.as_ref() == Some(&record.public_key));
        world.demand(Law::Recorded, is_there, || format!("{} ({}) is recorded and gone", record.id, record.name));
    }
    let wanted: Vec<_> = process.desired.keys.iter().filter(|key| !key.is_expired(today())).collect();
    world.demand(Law::Converges, wanted.len() == records.len(), || format!("{} records", records.len()));
    for key in wanted {
        let blob = key.key.blob();
        let ours = account.with_blob(blob).filter(|stored| stored.ours).count();
        world.demand(Law::Once, ours <= 1, || format!("{} is there {ours} times", key.name));
        let recorded = records.iter().filter(|record| record.public_key == *blob && record.name == key.name).count();
        world.demand(Law::Recorded, recorded == 1, || format!("{} is recorded {recorded} times", key.name));
    }
    let pending = state.iter().flat_map(|state| state.pending.values()).next();
    world.demand(Law::Converges, pending.is_none(), || format!("{pending:?} is pending"));
}
