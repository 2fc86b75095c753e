//! Compares desired, recorded and observed keys, and decides what to change.
//!
//! First, each desired key is matched with the row that contains it. Then each record is kept, replaced or removed. Keys
//! are compared by blob before name: a blob with another name is the same key, a name with another blob is another key.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::action::{Action, Change};
use super::key::{AccountRow, NewKey, OldKey, UnmanagedRow};
use super::matching::{Holder, Inventory, Matching};
use super::note::{find_drift, find_notes};
use super::reason::Reason;
use super::{Base, Plan};
use crate::account::{Endpoint, Listing};
use crate::manifest::{Desired, DesiredKey, RevokedKey, UnmanagedPolicy};
use crate::names::{KeyId, KeyName};
use crate::public_key::KeyBlob;
use crate::state::{Origin, Record, State};

/// The complete input of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    pub desired: &'a Desired,
    pub recorded: Option<&'a State>,
    /// Missing if the account was not listed.
    pub observed: Option<&'a Listing>,
    pub endpoint: &'a Endpoint,
    /// Keys are desired up to and including their last day.
    pub today: Date,
    /// Delete every managed key. Keys that the manifest protects stay protected.
    pub destroy: bool,
}

pub fn compare(input: Input<'_>) -> Plan {
    let Input { desired, recorded, observed, endpoint, today, destroy } = input;
    let inventory = &Inventory::new(recorded, observed);
    let matching = &Matching::new(desired, today, destroy, inventory);

    let replaced = vec![Replaced::default(); matching.keys.len()];
    let mut comparison = Comparison { inventory, matching, replaced, actions: Vec::new() };
    for record in &inventory.records {
        comparison.decide(record);
    }
    comparison.delete_other_rows();
    let Comparison { replaced, mut actions, .. } = comparison;

    let mut unchanged = 0;
    for ((key, holder), replaced) in matching.keys.iter().zip(&matching.holders).zip(replaced) {
        if let Some((change, reason)) = promotion(key, *holder, &replaced, inventory) {
            actions.push(action(&key.name, change, reason));
        }
        match placement(key, *holder, replaced, matching, inventory) {
            Some((change, reason)) => actions.push(action(&key.name, change, reason)),
            None if matches!(holder, Holder::Pending) => {}
            None => unchanged += 1,
        }
    }
    actions.extend(restoration(&actions, matching, inventory));
    for action in &mut actions {
        action.protected = matching.protects(&action.change);
    }
    actions.sort_by(|a, b| a.order().cmp(&b.order()));

    let deletes = actions.iter().any(|action| action.change.deletes());
    Plan {
        endpoint: endpoint.clone(),
        user_id: (observed.and_then(|listing| listing.user_id().cloned()))
            .or_else(|| recorded.and_then(|state| state.user_id.clone())),
        user_seen: observed.is_some_and(|listing| listing.user_id().is_some()),
        pin: desired.account.clone(),
        base: Base { lineage: recorded.map(|state| state.lineage), serial: recorded.map_or(0, |state| state.serial) },
        refreshed: observed.is_some(),
        unmanaged: unmanaged(&actions, inventory, desired),
        refuses_unmanaged: desired.unmanaged == UnmanagedPolicy::Refuse,
        violations: desired.refused_violations().to_vec(),
        actions,
        left_out: 0,
        primary: matching.primary.map(|key| key.name.clone()),
        unchanged,
        managed: inventory.records.len(),
        drift: find_drift(inventory),
        notes: find_notes(inventory, matching, today, deletes),
    }
}

/// The records that a desired key replaces.
#[derive(Debug, Clone, Default)]
struct Replaced {
    /// Rows that are deleted once the key is on the account.
    old: Vec<OldKey>,
    /// Records of the same key that no longer have a row on the account.
    stale: Vec<KeyId>,
}

struct Comparison<'c, 'a> {
    inventory: &'c Inventory<'a>,
    matching: &'c Matching<'a>,
    /// By the index of the desired key.
    replaced: Vec<Replaced>,
    actions: Vec<Action>,
}

impl Comparison<'_, '_> {
    fn decide(&mut self, record: &Record) {
        let Self { inventory, matching, .. } = *self;
        let is_live = inventory.is_live(record);
        if let Some((index, key, holder)) = matching.with_blob(&record.public_key) {
            match holder {
                // One new row replaces every recorded row of a renamed key.
                Holder::Recorded(held) if is_live && !inventory.keeps_row(held, key) => self.replace(index, record),
                Holder::Unrecorded(_) if is_live => self.replace(index, record),
                Holder::Recorded(held) if held.id == record.id => {}
                // Without a listing, the other row may no longer exist, and this one may be the last.
                Holder::Recorded(_) if !inventory.is_refreshed() => {}
                Holder::Recorded(_) => self.delete_or_forget(record, Reason::Copy),
                Holder::Unrecorded(_) | Holder::Nowhere | Holder::Pending => self.mark_stale(index, record),
            }
        } else if let Some((index, key, holder)) = matching.with_name(&record.name).filter(|_| is_live) {
            match holder {
                Holder::Recorded(held) if held.name == key.name => self.delete_or_forget(record, Reason::LeftOver),
                // The new key may not be on the account.
                Holder::Pending => {}
                _ => self.replace(index, record),
            }
        } else {
            let reason = match matching.expired.get(&record.public_key) {
                _ if let Some(revoked) = matching.revoked(&record.public_key) => revoked_reason(revoked),
                _ if matching.is_destroyed => Reason::Destroyed,
                Some((_, until)) => Reason::Expired { until: *until },
                None => Reason::Undesired,
            };
            self.delete_or_forget(record, reason);
        }
    }

    /// Deletes the unrecorded rows of keys that must not be on the account: of those that are revoked or have expired, and
    /// of those whose recorded rows are deleted.
    fn delete_other_rows(&mut self) {
        let Self { inventory, matching, .. } = *self;
        let replaced = self.replaced.iter().flat_map(|replaced| &replaced.old).map(|old| (&old.blob, &old.name));
        let deleted = self.actions.iter().filter(|action| action.change.deletes());
        let deleted = deleted.map(|action| (action.change.blob(), &action.name));
        let removed: HashMap<KeyBlob, KeyName> =
            replaced.chain(deleted).map(|(blob, name)| (blob.clone(), name.clone())).collect();
        for row in inventory.rows() {
            let Some(blob) = row.blob.as_ref().filter(|_| !inventory.is_managed(row)) else { continue };
            if matching.with_blob(blob).is_some() {
                continue;
            }
            let (name, reason) = if let Some(revoked) = matching.revoked(blob) {
                let name = KeyName::recorded(&row.name);
                (name, revoked_reason(revoked))
            } else if let Some((name, until)) = matching.expired.get(blob) {
                ((*name).clone(), Reason::Expired { until: *until })
            } else if let Some(name) = removed.get(blob) {
                (name.clone(), Reason::CopyOfRemoved)
            } else {
                continue;
            };
            let (id, is_primary) = (row.id.clone(), row.is_primary);
            let change = Change::Delete(OldKey { name: name.clone(), id, blob: blob.clone(), is_primary });
            self.actions.push(action(&name, change, reason));
        }
    }

    fn delete_or_forget(&mut self, record: &Record, reason: Reason) {
        let old = self.inventory.old_key(record);
        let change = if self.inventory.is_live(record) { Change::Delete(old) } else { Change::Forget(old) };
        self.actions.push(action(&record.name, change, reason));
    }

    fn replace(&mut self, index: usize, record: &Record) {
        if let Some(replaced) = self.replaced.get_mut(index) {
            replaced.old.push(self.inventory.old_key(record));
        }
    }

    fn mark_stale(&mut self, index: usize, record: &Record) {
        if let Some(replaced) = self.replaced.get_mut(index) {
            replaced.stale.push(record.id.clone());
        }
    }
}

fn revoked_reason(revoked: &RevokedKey) -> Reason {
    Reason::Revoked { because: revoked.reason.clone() }
}

fn action(name: &KeyName, change: Change, reason: Reason) -> Action {
    Action { name: name.clone(), change, reason, protected: false }
}

/// Decides how to get a desired key onto the account and into the state, if it is missing there.
fn placement(
    key: &DesiredKey,
    holder: Holder<'_>,
    replaced: Replaced,
    matching: &Matching<'_>,
    inventory: &Inventory<'_>,
) -> Option<(Change, Reason)> {
    let Replaced { old, stale } = replaced;
    let gone = stale.first().cloned();
    let renamed = old.iter().find(|old| old.blob == *key.key.blob()).map(|old| old.name.clone());
    let (row, reason) = match holder {
        Holder::Pending => return None,
        Holder::Recorded(record) if renamed.is_none() && record.name == key.name => return None,
        Holder::Recorded(record) if renamed.is_none() => {
            (Some(recorded_row(record, inventory)), Reason::NameAgrees { from: record.name.clone() })
        }
        Holder::Unrecorded(row) => {
            let reason = gone.map_or(Reason::Present, |id| Reason::OtherId { id });
            (Some(AccountRow::new(row, Origin::Adopted)), reason)
        }
        Holder::Nowhere if !inventory.is_refreshed() => (None, Reason::Unrecorded),
        Holder::Nowhere if gone.is_some() => (None, Reason::Gone),
        // The reason of a renamed key follows.
        Holder::Recorded(_) | Holder::Nowhere => (None, Reason::Absent),
    };
    let new = NewKey {
        key: key.key.clone(),
        account_name: key.account_name.clone(),
        owner: key.owner.clone(),
        expires: key.expires,
        stale,
    };
    if !old.is_empty() {
        let is_primary = matches!(holder, Holder::Unrecorded(row) if row.is_primary);
        let promote = matching.primary.is_none() && !is_primary && old.iter().any(|old| old.is_primary);
        let reason = renamed.map_or(Reason::OtherKey, |from| Reason::Renamed { from });
        return Some((Change::Replace { key: new, row, old, promote }, reason));
    }
    Some(match row {
        Some(row) => (Change::Adopt { key: new, row }, reason),
        None => (Change::Upload(new), reason),
    })
}

/// Decides whether to promote a key: if it is the primary in the manifest, but not on the account.
fn promotion(
    key: &DesiredKey,
    holder: Holder<'_>,
    replaced: &Replaced,
    inventory: &Inventory<'_>,
) -> Option<(Change, Reason)> {
    if !key.primary {
        return None;
    }
    let is_replaced = |record: &Record| replaced.old.iter().any(|old| old.id == record.id);
    let (id, reason) = match holder {
        Holder::Recorded(record) if is_replaced(record) => (None, Reason::NewPrimary),
        Holder::Recorded(record) => match inventory.row_of(record) {
            Some(row) if !row.is_primary => (Some(row.id.clone()), Reason::NotPrimary),
            _ => return None,
        },
        Holder::Unrecorded(row) if row.is_primary => return None,
        Holder::Unrecorded(row) => (Some(row.id.clone()), Reason::NotPrimary),
        Holder::Pending => return None,
        Holder::Nowhere => (None, Reason::NewPrimary),
    };
    let instead_of = inventory.primary().map(|row| row.name.clone());
    Some((Change::Promote { blob: key.key.blob().clone(), id, instead_of }, reason))
}

/// Makes the primary again what was the primary before an interrupted run, if an upload of that run took its place.
fn restoration(actions: &[Action], matching: &Matching<'_>, inventory: &Inventory<'_>) -> Option<Action> {
    let former = inventory.row(inventory.former_primary()?)?;
    let primary = inventory.primary()?;
    let is_uploaded = inventory.record(&primary.id).is_some_and(|record| record.origin == Origin::Uploaded);
    let changes_primary = |action: &Action| {
        let deletes_it = action.change.deletes() && action.change.old_rows().iter().any(|old| old.id == former.id);
        action.change.promotes() || deletes_it
    };
    if primary.id == former.id || !is_uploaded || matching.primary.is_some() || actions.iter().any(changes_primary) {
        return None;
    }
    let record = inventory.record(&former.id);
    let blob = former.blob.clone().or_else(|| record.map(|record| record.public_key.clone()))?;
    let name = record.map_or_else(|| KeyName::recorded(&former.name), |record| record.name.clone());
    let change = Change::Promote { blob, id: Some(former.id.clone()), instead_of: Some(primary.name.clone()) };
    Some(action(&name, change, Reason::Restored))
}

fn recorded_row(record: &Record, inventory: &Inventory<'_>) -> AccountRow {
    inventory.row_of(record).map_or_else(
        || AccountRow {
            id: record.id.clone(),
            account_name: record.account_name.clone().unwrap_or_else(|| record.name.to_string()),
            created_at: record.created_at,
            origin: record.origin,
        },
        |row| AccountRow::new(row, record.origin),
    )
}

/// Returns the rows that are neither recorded nor in an action, by name, then id.
fn unmanaged(actions: &[Action], inventory: &Inventory<'_>, desired: &Desired) -> Vec<UnmanagedRow> {
    let ours: HashSet<&KeyId> = actions
        .iter()
        .flat_map(|Action { change, .. }| {
            let deleted = if let Change::Delete(old) = change { Some(&old.id) } else { None };
            change.row().map(|row| &row.id).into_iter().chain(deleted)
        })
        .collect();
    let rows = inventory.rows().filter(|row| !inventory.is_managed(row) && !ours.contains(&row.id));
    let mut rows: Vec<_> = rows
        .map(|row| UnmanagedRow {
            id: row.id.clone(),
            account_name: row.name.clone(),
            fingerprint: row.blob.as_ref().map(KeyBlob::fingerprint),
            is_expected: desired.expects_unmanaged(&row.name),
        })
        .collect();
    rows.sort_by(|a, b| (&a.account_name, &a.id).cmp(&(&b.account_name, &b.id)));
    rows
}
