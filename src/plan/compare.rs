//! Compares desired, recorded and observed, and says what has to change.
//!
//! First each wanted key finds the row that holds it. Then each record finds out whether it is that row, whether a
//! wanted key takes its place, or whether it has to go. Blobs decide before names: a key that was renamed is the same
//! key, and a name that was given to another key is another key.

use std::collections::HashSet;

use jiff::civil::Date;

use super::world::{Holder, Wanted, World};
use super::{AccountRow, Action, Base, Change, NewKey, Note, OldKey, Plan, Reason};
use crate::account::{Endpoint, Listing};
use crate::manifest::{Desired, DesiredKey};
use crate::names::{KeyId, KeyName};
use crate::state::{Origin, Record, State};

/// All that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What the manifest lists.
    pub desired: &'a Desired,
    /// What the state holds; nothing if there is none.
    pub recorded: Option<&'a State>,
    /// What the account lists; nothing without a refresh.
    pub observed: Option<&'a Listing>,
    /// The API whose account it is.
    pub endpoint: &'a Endpoint,
    /// Today's date: what expired before it is no longer wanted.
    pub today: Date,
    /// Whether nothing is wanted at all: every managed key is to go. What the manifest protects stays protected.
    pub destroy: bool,
}

/// Says what has to change.
pub fn compare(input: Input<'_>) -> Plan {
    let world = World::new(input.recorded, input.observed);
    let wanted = Wanted::new(&input, &world);

    let mut fates = Fates { places: vec![Place::default(); wanted.keys.len()], actions: Vec::new() };
    for record in &world.records {
        fates.decide(record, &wanted, &world);
    }
    fates.orphans(&wanted, &world);

    let Fates { places, mut actions } = fates;
    let mut unchanged = 0;
    for ((key, holder), place) in wanted.keys.iter().zip(&wanted.holders).zip(places) {
        let name = &key.name;
        if key.primary
            && let Some((change, reason)) = promotion(key, *holder, &place, &world)
        {
            actions.push(action(name, change, reason));
        }
        match placement(key, *holder, place, &wanted, &world) {
            Some((change, reason)) => actions.push(action(name, change, reason)),
            // What is pending may be anywhere.
            None if matches!(holder, Holder::Pending) => {}
            None => unchanged += 1,
        }
    }
    for action in &mut actions {
        action.protected = wanted.protects(&action.change);
    }
    actions.sort_by(|a, b| a.order().cmp(&b.order()));

    let mut notes = wanted.expiring(input.today);
    notes.extend(world.notes(&wanted));
    if input.observed.is_none() && actions.iter().any(|action| action.change.deletes()) {
        notes.push(Note::PrimaryUnknown);
    }
    Plan {
        endpoint: input.endpoint.clone(),
        user_id: (input.observed.and_then(|listing| listing.user_id().cloned()))
            .or_else(|| input.recorded.and_then(|state| state.user_id.clone())),
        user_seen: input.observed.is_some_and(|listing| listing.user_id().is_some()),
        pin: input.desired.account.clone(),
        base: Base {
            lineage: input.recorded.map(|state| state.lineage),
            serial: input.recorded.map_or(0, |state| state.serial),
        },
        refreshed: input.observed.is_some(),
        unmanaged: unmanaged(&actions, &world),
        actions,
        left_out: 0,
        primary: wanted.primary.map(|key| key.name.clone()),
        unchanged,
        managed: world.records.len(),
        drift: world.drift(),
        notes,
    }
}

/// What a wanted key takes the place of.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Live rows that go once the key is there.
    old: Vec<OldKey>,
    /// Its own records whose rows are gone.
    stale: Vec<KeyId>,
}

/// What becomes of the records.
struct Fates {
    /// For each wanted key, in their order.
    places: Vec<Place>,
    /// What goes without anything taking its place.
    actions: Vec<Action>,
}

impl Fates {
    fn decide(&mut self, record: &Record, wanted: &Wanted<'_>, world: &World<'_>) {
        if let Some((index, key, holder)) = wanted.with_blob(&record.public_key) {
            match holder {
                // One new row takes the place of every row that we have of a renamed key.
                Holder::Recorded(held) if world.is_live(record) && !world.keeps_row(held, key) => {
                    self.replaces(index, world.old_key(record));
                }
                Holder::Unrecorded(_) if world.is_live(record) => self.replaces(index, world.old_key(record)),
                Holder::Recorded(held) if held.id == record.id => {}
                // Where nobody has looked, the other row may be gone, and this one the last.
                Holder::Recorded(_) if !world.is_refreshed() => {}
                Holder::Recorded(_) => self.goes(record, Reason::Copy, world),
                Holder::Unrecorded(_) | Holder::Nowhere | Holder::Pending => self.is_stale(index, record),
            }
        } else if let Some((index, key, holder)) = wanted.with_name(&record.name).filter(|_| world.is_live(record)) {
            match holder {
                Holder::Recorded(held) if held.name == key.name => self.goes(record, Reason::LeftOver, world),
                // Nothing may go for the sake of a key that perhaps is not there.
                Holder::Pending => {}
                _ => self.replaces(index, world.old_key(record)),
            }
        } else {
            let reason = match wanted.expired.get(&record.public_key) {
                _ if wanted.is_destroyed => Reason::Destroyed,
                Some(&last) => Reason::Expired(last),
                None => Reason::Undesired,
            };
            self.goes(record, reason, world);
        }
    }

    /// What a run that did not end uploaded, and nobody wants any more, is ours to delete: its intent is recorded, and
    /// was so before the key was there.
    fn orphans(&mut self, wanted: &Wanted<'_>, world: &World<'_>) {
        for (blob, name) in world.pending() {
            for row in world.rows_with(blob).filter(|row| world.is_orphan(row) && !wanted.is_held(row)) {
                let (id, is_primary) = (row.id.clone(), row.is_primary);
                let change = Change::Delete(OldKey { name: name.clone(), id, blob: blob.clone(), is_primary });
                self.actions.push(action(name, change, Reason::Orphan));
            }
        }
    }

    fn goes(&mut self, record: &Record, reason: Reason, world: &World<'_>) {
        let old = world.old_key(record);
        let change = if world.is_live(record) { Change::Delete(old) } else { Change::Forget(old) };
        self.actions.push(action(&record.name, change, reason));
    }

    fn replaces(&mut self, index: usize, old: OldKey) {
        if let Some(place) = self.places.get_mut(index) {
            place.old.push(old);
        }
    }

    fn is_stale(&mut self, index: usize, record: &Record) {
        if let Some(place) = self.places.get_mut(index) {
            place.stale.push(record.id.clone());
        }
    }
}

fn action(name: &KeyName, change: Change, reason: Reason) -> Action {
    Action { name: name.clone(), change, reason, protected: false }
}

/// How a wanted key comes to its place; nothing if it is there.
fn placement(
    key: &DesiredKey,
    holder: Holder<'_>,
    place: Place,
    wanted: &Wanted<'_>,
    world: &World<'_>,
) -> Option<(Change, Reason)> {
    let Place { old, stale } = place;
    let gone = stale.first().cloned();
    let renamed = old.iter().find(|old| old.blob == *key.key.blob()).map(|old| old.name.clone());
    let (row, reason) = match holder {
        Holder::Pending => return None,
        Holder::Recorded(record) if renamed.is_none() && record.name == key.name => return None,
        Holder::Recorded(record) if renamed.is_none() => {
            (Some(recorded_row(record, world)), Reason::NameAgrees { from: record.name.clone() })
        }
        Holder::Unrecorded(row) => {
            let interrupted = world.is_pending(key.key.blob());
            let reason = match gone {
                Some(id) => Reason::OtherId(id),
                None if interrupted => Reason::Interrupted,
                None => Reason::Present,
            };
            // What a run that was killed has uploaded is keyform's own.
            let origin = if interrupted { Origin::Uploaded } else { Origin::Adopted };
            (Some(AccountRow::new(row, origin)), reason)
        }
        Holder::Nowhere if !world.is_refreshed() => (None, Reason::Unrecorded),
        Holder::Nowhere if gone.is_some() => (None, Reason::Gone),
        // A renamed key: its reason is told below.
        Holder::Recorded(_) | Holder::Nowhere => (None, Reason::Absent),
    };
    let new = NewKey { key: key.key.clone(), owner: key.owner.clone(), expires: key.expires, stale };
    if !old.is_empty() {
        let is_primary = matches!(holder, Holder::Unrecorded(row) if row.is_primary);
        let promote = wanted.primary.is_none() && !is_primary && old.iter().any(|old| old.is_primary);
        let reason = renamed.map_or(Reason::OtherKey, |from| Reason::Renamed { from });
        return Some((Change::Replace { key: new, row, old, promote }, reason));
    }
    Some(match row {
        Some(row) => (Change::Adopt { key: new, row }, reason),
        None => (Change::Upload(new), reason),
    })
}

/// The promotion of the key that the manifest makes primary, unless it is the primary, or nobody looked.
fn promotion(key: &DesiredKey, holder: Holder<'_>, place: &Place, world: &World<'_>) -> Option<(Change, Reason)> {
    let gives_way = |record: &Record| place.old.iter().any(|old| old.id == record.id);
    let (id, reason) = match holder {
        Holder::Recorded(record) if gives_way(record) => (None, Reason::NewPrimary),
        Holder::Recorded(record) => match world.row_of(record) {
            Some(row) if !row.is_primary => (Some(row.id.clone()), Reason::NotPrimary),
            _ => return None,
        },
        Holder::Unrecorded(row) if row.is_primary => return None,
        Holder::Unrecorded(row) => (Some(row.id.clone()), Reason::NotPrimary),
        Holder::Pending => return None,
        Holder::Nowhere => (None, Reason::NewPrimary),
    };
    let instead_of = world.primary().map(|row| row.name.clone());
    Some((Change::Promote { blob: key.key.blob().clone(), id, instead_of }, reason))
}

fn recorded_row(record: &Record, world: &World<'_>) -> AccountRow {
    world.row_of(record).map_or_else(
        || AccountRow {
            id: record.id.clone(),
            account_name: record.account_name.clone().unwrap_or_else(|| record.name.to_string()),
            created_at: record.created_at,
            origin: record.origin,
        },
        |row| AccountRow::new(row, record.origin),
    )
}

fn unmanaged(actions: &[Action], world: &World<'_>) -> usize {
    let ours: HashSet<&KeyId> = actions
        .iter()
        .filter_map(|action| match &action.change {
            Change::Adopt { row, .. } => Some(&row.id),
            Change::Replace { row, .. } => row.as_ref().map(|row| &row.id),
            // An orphan has no record.
            Change::Delete(old) => Some(&old.id),
            Change::Upload(_) | Change::Promote { .. } | Change::Forget(_) => None,
        })
        .collect();
    world.rows().filter(|row| !world.is_managed(row) && !ours.contains(&row.id)).count()
}
