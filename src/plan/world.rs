//! What a plan compares, ready to be looked up: the world as it is, and what is wanted of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::compare::Input;
use super::{Change, Drift, Drifted, Note, OldKey};
use crate::account::{Listing, Row};
use crate::manifest::{DesiredKey, EXPIRES_SOON_DAYS, days_until};
use crate::names::{KeyId, KeyName};
use crate::public_key::KeyBlob;
use crate::state::{Record, State};

/// What is recorded and observed.
pub(super) struct World<'a> {
    recorded: Option<&'a State>,
    /// By name, then id, so that nothing depends on chance.
    pub(super) records: Vec<&'a Record>,
    records_by_blob: HashMap<&'a KeyBlob, Vec<&'a Record>>,
    /// By id; nothing without a refresh.
    rows: Option<BTreeMap<&'a KeyId, &'a Row>>,
    rows_by_blob: HashMap<&'a KeyBlob, Vec<&'a Row>>,
}

/// What the manifest wants today, and where it is.
pub(super) struct Wanted<'a> {
    /// By name.
    pub(super) keys: Vec<&'a DesiredKey>,
    /// Where each of them is.
    pub(super) holders: Vec<Holder<'a>>,
    /// The one that is to be the primary.
    pub(super) primary: Option<&'a DesiredKey>,
    /// What the manifest lists and no longer wants, with the last day on which it did.
    pub(super) expired: HashMap<&'a KeyBlob, Date>,
    /// Whether nothing is wanted because everything is to go.
    pub(super) is_destroyed: bool,
    /// The blobs of the keys that must not be replaced or deleted, those that expired among them.
    protected: HashSet<&'a KeyBlob>,
    /// Their names.
    protected_names: HashSet<&'a KeyName>,
    by_blob: HashMap<&'a KeyBlob, usize>,
}

/// Where a wanted key is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder<'a> {
    /// Nowhere.
    Nowhere,
    /// Perhaps on the account: an upload was begun, and nobody has looked since.
    Pending,
    /// In a row that is recorded, and, where the account was listed, is there.
    Recorded(&'a Record),
    /// In a row that is not recorded.
    Unrecorded(&'a Row),
}

impl<'a> World<'a> {
    pub(super) fn new(recorded: Option<&'a State>, observed: Option<&'a Listing>) -> Self {
        let records = recorded.map(State::sorted).unwrap_or_default();
        let mut records_by_blob: HashMap<_, Vec<_>> = HashMap::with_capacity(records.len());
        for &record in &records {
            records_by_blob.entry(&record.public_key).or_default().push(record);
        }
        let rows: Option<BTreeMap<_, _>> =
            observed.map(|listing| listing.rows().iter().map(|row| (&row.id, row)).collect());
        let mut rows_by_blob: HashMap<_, Vec<_>> = HashMap::new();
        for &row in rows.iter().flat_map(BTreeMap::values) {
            if let Some(blob) = &row.blob {
                rows_by_blob.entry(blob).or_default().push(row);
            }
        }
        Self { recorded, records, records_by_blob, rows, rows_by_blob }
    }

    pub(super) fn is_refreshed(&self) -> bool {
        self.rows.is_some()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().flat_map(BTreeMap::values).copied()
    }

    pub(super) fn rows_with(&self, blob: &KeyBlob) -> impl Iterator<Item = &'a Row> {
        self.rows_by_blob.get(blob).into_iter().flatten().copied()
    }

    pub(super) fn primary(&self) -> Option<&'a Row> {
        self.rows().find(|row| row.is_primary)
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = (&'a KeyBlob, &'a KeyName)> {
        self.recorded.into_iter().flat_map(|state| &state.pending)
    }

    pub(super) fn is_pending(&self, blob: &KeyBlob) -> bool {
        self.recorded.is_some_and(|state| state.pending.contains_key(blob))
    }

    /// Whether a row is one that we recorded, with the key that we recorded.
    pub(super) fn is_managed(&self, row: &Row) -> bool {
        let record = self.recorded.and_then(|state| state.records.get(&row.id));
        record.is_some_and(|record| is_row_of(row, record))
    }

    /// Whether the row of a record is there; without a refresh it is believed to be.
    pub(super) fn is_live(&self, record: &Record) -> bool {
        !self.is_refreshed() || self.row_of(record).is_some()
    }

    pub(super) fn row_of(&self, record: &Record) -> Option<&'a Row> {
        let row = self.rows.as_ref()?.get(&record.id)?;
        is_row_of(row, record).then_some(*row)
    }

    pub(super) fn old_key(&self, record: &Record) -> OldKey {
        OldKey {
            name: record.name.clone(),
            id: record.id.clone(),
            blob: record.public_key.clone(),
            is_primary: self.row_of(record).is_some_and(|row| row.is_primary),
        }
    }

    /// Whether a run that did not end has uploaded the row: it holds what was intended, under the name that was.
    pub(super) fn is_orphan(&self, row: &Row) -> bool {
        let intended = || self.recorded?.pending.get(row.blob.as_ref()?);
        intended().is_some_and(|name| row.name == name.as_str()) && !self.is_managed(row)
    }

    /// Whether the recorded row of a key can stay its row: recorded under its name, or called so on the account.
    pub(super) fn keeps_row(&self, record: &Record, key: &DesiredKey) -> bool {
        let account_name = || match self.row_of(record) {
            Some(row) => row.name.as_str(),
            None => record.account_name.as_deref().unwrap_or(record.name.as_str()),
        };
        record.name == key.name || account_name() == key.name.as_str()
    }

    /// The row that holds a wanted key: of several the recorded one, then the one of the same name, then the primary,
    /// then the oldest. A recorded row that the key has to leave, for want of a way to rename it, gives way to one that
    /// has the name already, and to one that is perhaps being uploaded.
    fn holder(&self, key: &DesiredKey) -> Holder<'a> {
        let blob = key.key.blob();
        let records = self.records_by_blob.get(blob).into_iter().flatten().copied();
        let best = records.filter(|record| self.is_live(record)).min_by_key(|record| {
            (record.name != key.name, self.row_of(record).map(|row| preference(row, &key.name)), &record.id)
        });
        let others = self.rows_with(blob).filter(|row| !self.is_managed(row));
        match (best, others.min_by_key(|row| preference(row, &key.name))) {
            (Some(record), _) if self.keeps_row(record, key) => Holder::Recorded(record),
            (_, Some(row)) if row.name == key.name.as_str() => Holder::Unrecorded(row),
            _ if !self.is_refreshed() && self.is_pending(blob) => Holder::Pending,
            (Some(record), _) => Holder::Recorded(record),
            (None, Some(row)) => Holder::Unrecorded(row),
            (None, None) => Holder::Nowhere,
        }
    }

    pub(super) fn drift(&self) -> Vec<Drift> {
        let Some(rows) = &self.rows else { return Vec::new() };
        let drifted = |record: &Record| match rows.get(&record.id) {
            None => Some(Drifted::Deleted),
            Some(row) if !is_row_of(row, record) => Some(Drifted::OtherKey),
            Some(row) => {
                let known = record.account_name.as_deref().unwrap_or(record.name.as_str());
                (row.name != known).then(|| Drifted::Renamed { from: known.to_owned(), to: row.name.clone() })
            }
        };
        let drift = |record: &&Record| {
            let change = drifted(record)?;
            Some(Drift { name: record.name.clone(), id: record.id.clone(), change })
        };
        self.records.iter().filter_map(drift).collect()
    }

    pub(super) fn notes(&self, wanted: &Wanted<'_>) -> Vec<Note> {
        let mut notes = Vec::new();
        for key in &wanted.keys {
            let surplus = |row: &&Row| !wanted.is_held(row) && !self.is_managed(row) && !self.is_orphan(row);
            let mut ids: Vec<_> = self.rows_with(key.key.blob()).filter(surplus).map(|row| row.id.clone()).collect();
            if !ids.is_empty() {
                ids.sort();
                notes.push(Note::Copies { name: key.name.clone(), ids });
            }
        }
        let unreadable = self.rows().filter(|row| row.blob.is_none() && !self.is_managed(row)).count();
        if unreadable > 0 {
            notes.push(Note::Unreadable { rows: unreadable });
        }
        if !self.is_refreshed() {
            let names: BTreeSet<_> = self.pending().map(|(_, name)| name.clone()).collect();
            if !names.is_empty() {
                notes.push(Note::Pending { names: names.into_iter().collect() });
            }
        }
        notes
    }
}

impl<'a> Wanted<'a> {
    pub(super) fn new(input: &Input<'a>, world: &World<'a>) -> Self {
        let Input { desired, today, destroy, recorded: _, observed: _, endpoint: _ } = *input;
        // From the day after `expires` a key is no longer wanted.
        let expiry = |key: &DesiredKey| key.expires.filter(|&last| last < today);
        let protected = || desired.keys.iter().filter(|key| key.protect);
        let keys: Vec<_> = desired.keys.iter().filter(|key| !destroy && expiry(key).is_none()).collect();
        Self {
            holders: keys.iter().map(|key| world.holder(key)).collect(),
            primary: keys.iter().copied().find(|key| key.primary),
            expired: desired.keys.iter().filter_map(|key| Some((key.key.blob(), expiry(key)?))).collect(),
            is_destroyed: destroy,
            protected: protected().map(|key| key.key.blob()).collect(),
            protected_names: protected().map(|key| &key.name).collect(),
            by_blob: keys.iter().enumerate().map(|(index, key)| (key.key.blob(), index)).collect(),
            keys,
        }
    }

    /// The wanted keys that have their last day soon.
    pub(super) fn expiring(&self, today: Date) -> Vec<Note> {
        let soon = |key: &&DesiredKey| {
            let last = key.expires?;
            let days = days_until(today, last);
            (days <= EXPIRES_SOON_DAYS).then(|| Note::ExpiresSoon { name: key.name.clone(), last, days })
        };
        self.keys.iter().filter_map(soon).collect()
    }

    pub(super) fn with_blob(&self, blob: &KeyBlob) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        self.at(*self.by_blob.get(blob)?)
    }

    pub(super) fn with_name(&self, name: &KeyName) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        self.at(self.keys.binary_search_by(|key| key.name.cmp(name)).ok()?)
    }

    /// Whether a row that is not recorded is the one that a wanted key is in.
    pub(super) fn is_held(&self, row: &Row) -> bool {
        let holder = row.blob.as_ref().and_then(|blob| self.with_blob(blob));
        matches!(holder, Some((_, _, Holder::Unrecorded(held))) if held.id == row.id)
    }

    /// Whether the manifest protects a key from a change: by its blob, or by the name whose key would be another one.
    pub(super) fn protects(&self, change: &Change) -> bool {
        let protects = |old: &OldKey| self.protected.contains(&old.blob) || self.protected_names.contains(&old.name);
        match change {
            Change::Replace { old, .. } => old.iter().any(protects),
            Change::Delete(old) => protects(old),
            Change::Upload(_) | Change::Adopt { .. } | Change::Promote { .. } | Change::Forget(_) => false,
        }
    }

    fn at(&self, index: usize) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        Some((index, *self.keys.get(index)?, *self.holders.get(index)?))
    }
}

/// A listing may leave out the key; the id is then all there is to go by.
fn is_row_of(row: &Row, record: &Record) -> bool {
    row.blob.as_ref().is_none_or(|blob| *blob == record.public_key)
}

/// Smaller is better: the same name, then the primary, then the oldest.
fn preference<'r>(row: &'r Row, name: &KeyName) -> (bool, bool, bool, Option<Timestamp>, &'r KeyId) {
    (row.name != name.as_str(), !row.is_primary, row.created_at.is_none(), row.created_at, &row.id)
}
