//! Decides which rows must go: recorded ones that are not desired, those that were replaced, and every other row of the
//! same keys.

use std::collections::HashMap;

use jiff::civil::Date;

use super::action::{Action, Change};
use super::key::OldKey;
use super::matching::{Holder, Inventory, Matching};
use super::note::Note;
use super::reason::Reason;
use crate::account::Row;
use crate::manifest::DesiredKey;
use crate::names::{KeyId, KeyName};
use crate::public_key::{KeyBlob, KeyContent};
use crate::state::Record;

pub(super) struct Removals<'c, 'a> {
    inventory: &'c Inventory<'a>,
    matching: &'c Matching<'a>,
    today: Date,
    /// By the index of the desired key.
    pub(super) replaced: Vec<Replaced>,
    pub(super) actions: Vec<Action>,
    /// The mixed rows that contain a key to remove and that stay.
    pub(super) left: Vec<Note>,
    /// The records of the keys that are removed.
    removed: HashMap<&'a KeyBlob, &'a Record>,
}

/// The records that a desired key replaces.
#[derive(Debug, Clone, Default)]
pub(super) struct Replaced {
    /// Rows that are deleted once the key is on the account.
    pub(super) old: Vec<OldKey>,
    /// Records of the same key that no longer have a row on the account.
    pub(super) stale: Vec<KeyId>,
}

impl<'c, 'a> Removals<'c, 'a> {
    pub(super) fn find(inventory: &'c Inventory<'a>, matching: &'c Matching<'a>, today: Date) -> Self {
        let replaced = vec![Replaced::default(); matching.keys.len()];
        let mut removals = Self {
            inventory,
            matching,
            today,
            replaced,
            actions: Vec::new(),
            left: Vec::new(),
            removed: HashMap::new(),
        };
        for record in &inventory.records {
            removals.decide(record);
        }
        for record in &inventory.replaced {
            removals.decide_replaced(record);
        }
        removals.delete_other_rows();
        removals
    }

    fn decide(&mut self, record: &'a Record) {
        let Self { inventory, matching, .. } = *self;
        let is_live = inventory.is_live(record);
        if let Some((index, _, holder)) = matching.with_blob(&record.public_key) {
            match holder {
                Holder::Recorded(held) if held.id == record.id => {}
                // A second record is what a run left that was killed while it replaced the row.
                Holder::Recorded(_) if is_live && inventory.is_refreshed() => {
                    self.delete_or_forget(record, Reason::Superseded);
                }
                Holder::Recorded(_) if !is_live => self.delete_or_forget(record, Reason::Copy),
                // Without a listing, the other row may no longer exist, and this one may be the last.
                Holder::Recorded(_) => {}
                // The upload that may have been carried out is to replace it.
                Holder::Pending if is_live => {}
                Holder::Misnamed(_) | Holder::Unrecorded(_) if is_live => self.replace(index, record),
                Holder::Misnamed(_)
                | Holder::Unrecorded(_)
                | Holder::Replaced(_)
                | Holder::Nowhere
                | Holder::Pending => self.mark_stale(index, record),
            }
        } else if let Some((index, key, holder)) = matching.with_name(&record.name).filter(|_| is_live) {
            match holder {
                Holder::Recorded(held) | Holder::Misnamed(held) if held.name == key.name => {
                    self.delete_or_forget(record, Reason::LeftOver);
                }
                // The new key may not be on the account.
                Holder::Pending => {
                    if let Some(reason) = self.reason(record) {
                        self.delete_or_forget(record, reason);
                    }
                }
                _ => self.replace(index, record),
            }
        } else {
            let reason = self.reason(record).unwrap_or(Reason::Undesired);
            self.delete_or_forget(record, reason);
        }
    }

    /// Decides about a row that an earlier run replaced and did not delete.
    fn decide_replaced(&mut self, record: &'a Record) {
        match self.matching.with_blob(&record.public_key) {
            // It is the last row with this key, or may be.
            Some((_, _, Holder::Replaced(held))) if held.id == record.id => {}
            Some((_, _, Holder::Pending | Holder::Nowhere)) if self.inventory.is_live(record) => {}
            Some(_) if self.inventory.is_live(record) => self.delete_or_forget(record, Reason::Superseded),
            Some(_) => self.delete_or_forget(record, Reason::LeftOver),
            None => {
                let reason = self.reason(record).unwrap_or(Reason::LeftOver);
                self.delete_or_forget(record, reason);
            }
        }
    }

    /// Returns why the key of a record must not be on the account, unless it is only missing from the manifest.
    fn reason(&self, record: &Record) -> Option<Reason> {
        if let Some(revoked) = self.matching.revoked(&record.public_key) {
            return Some(Reason::revoked(revoked));
        }
        if self.matching.is_destroyed {
            return Some(Reason::Destroyed);
        }
        self.matching.expired.get(&record.public_key).map(|(_, until)| Reason::Expired { until: *until })
    }

    /// Deletes the unrecorded rows of keys that must not be on the account: of those that are revoked or have expired, and
    /// of those that are removed.
    fn delete_other_rows(&mut self) {
        let Self { inventory, matching, .. } = *self;
        for row in inventory.rows().filter(|row| !inventory.is_managed(row)) {
            if let KeyContent::Mixed(keys) = &row.content {
                self.judge_mixed(row, keys);
            }
            let Some(blob) = row.blob().or_else(|| inventory.deleted_key(row)) else { continue };
            if matching.with_blob(blob).is_some() {
                continue;
            }
            let record = self.removed.get(blob).copied();
            let (old, reason) = if let Some(revoked) = matching.revoked(blob) {
                (OldKey { protect: false, ..self.other_row(row, blob, record) }, Reason::revoked(revoked))
            } else if let Some((key, until)) = matching.expired.get(blob) {
                (self.expired_row(row, blob, record, key), Reason::Expired { until: *until })
            } else if record.is_some() {
                (self.other_row(row, blob, record), Reason::CopyOfRemoved)
            } else if inventory.deleted_key(row) == Some(blob) {
                (self.other_row(row, blob, record), Reason::Undeleted)
            } else {
                continue;
            };
            let name = old.name.clone();
            self.actions.push(Action::new(&name, Change::Delete(old), reason));
        }
    }

    /// Deletes a row with several keys or with options if one of its keys is revoked. If another one must be removed, the row
    /// is left: its other keys may be somebody's.
    fn judge_mixed(&mut self, row: &Row, keys: &[KeyBlob]) {
        if let Some((blob, revoked)) = keys.iter().find_map(|key| Some((key, self.matching.revoked(key)?))) {
            let old = self.other_row(row, blob, self.removed.get(blob).copied());
            let old = OldKey { mixed: keys.to_vec(), protect: false, ..old };
            self.actions.push(Action::new(&old.name.clone(), Change::Delete(old), Reason::revoked(revoked)));
            return;
        }
        let name = |key: &KeyBlob| {
            let expired = self.matching.expired.get(key).map(|(entry, _)| &entry.name);
            expired.or_else(|| self.removed.get(key).map(|record| &record.name)).cloned()
        };
        let is_desired = |key: &&KeyBlob| self.matching.with_blob(key).is_some();
        let names: Vec<_> = keys.iter().filter(|key| !is_desired(key)).filter_map(name).collect();
        if !names.is_empty() {
            self.left.push(Note::MixedLeft { id: row.id.clone(), account_name: row.name.clone(), names });
        }
    }

    /// Returns a row that is not recorded, but may have a key that is.
    fn other_row(&self, row: &Row, blob: &KeyBlob, record: Option<&Record>) -> OldKey {
        let (id, account_name, is_primary) = (row.id.clone(), row.name.clone(), row.is_primary);
        match record {
            Some(record) => OldKey { id, account_name, is_primary, ..self.old_key(record) },
            None => OldKey {
                name: KeyName::recorded(&row.name),
                id,
                account_name,
                blob: blob.clone(),
                mixed: Vec::new(),
                owner: None,
                expires: None,
                has_expired: false,
                protect: false,
                is_primary,
            },
        }
    }

    fn expired_row(&self, row: &Row, blob: &KeyBlob, record: Option<&Record>, key: &DesiredKey) -> OldKey {
        let old = self.other_row(row, blob, record);
        if record.is_some() { old } else { OldKey { name: key.name.clone(), owner: key.owner.clone(), ..old } }
    }

    fn old_key(&self, record: &Record) -> OldKey {
        let row = self.inventory.row_of(record);
        OldKey {
            name: record.name.clone(),
            id: record.id.clone(),
            account_name: row.map_or_else(|| record.row_name(), |row| row.name.as_str()).to_owned(),
            blob: record.public_key.clone(),
            mixed: Vec::new(),
            owner: record.owner.clone(),
            expires: record.expires,
            has_expired: record.expires.is_some_and(|last| last < self.today)
                && !self.matching.is_listed(&record.public_key),
            protect: record.protect && self.matching.revoked(&record.public_key).is_none(),
            is_primary: row.is_some_and(|row| row.is_primary),
        }
    }

    fn delete_or_forget(&mut self, record: &'a Record, reason: Reason) {
        self.note_removed(record);
        let old = self.old_key(record);
        let change = if self.inventory.is_live(record) { Change::Delete(old) } else { Change::Forget(old) };
        self.actions.push(Action::new(&record.name, change, reason));
    }

    fn replace(&mut self, index: usize, record: &'a Record) {
        self.note_removed(record);
        let old = self.old_key(record);
        if let Some(replaced) = self.replaced.get_mut(index) {
            replaced.old.push(old);
        }
    }

    fn note_removed(&mut self, record: &'a Record) {
        self.removed.entry(&record.public_key).or_insert(record);
    }

    fn mark_stale(&mut self, index: usize, record: &Record) {
        if let Some(replaced) = self.replaced.get_mut(index) {
            replaced.stale.push(record.id.clone());
        }
    }
}
