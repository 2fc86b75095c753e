//! Matches desired keys with rows of the account.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::action::Change;
use super::key::OldKey;
use crate::account::{Listing, Row};
use crate::manifest::{Desired, DesiredKey, RevokedKey};
use crate::names::{KeyId, KeyName};
use crate::public_key::{Fingerprint, KeyBlob};
use crate::state::{Pending, Record, State};

/// The recorded and observed keys, indexed.
pub(super) struct Inventory<'a> {
    recorded: Option<&'a State>,
    /// Without a listing, the rows of all records are taken to exist.
    pub(super) observed: Option<&'a Listing>,
    /// By name, then id.
    pub(super) records: Vec<&'a Record>,
    records_by_blob: HashMap<&'a KeyBlob, Vec<&'a Record>>,
}

/// The keys that are desired today, and the rows that contain them.
pub(super) struct Matching<'a> {
    /// By name.
    pub(super) keys: Vec<&'a DesiredKey>,
    /// The holder of each key, in the same order.
    pub(super) holders: Vec<Holder<'a>>,
    /// The desired primary key.
    pub(super) primary: Option<&'a DesiredKey>,
    /// The expired keys of the manifest, with their names and last days.
    pub(super) expired: HashMap<&'a KeyBlob, (&'a KeyName, Date)>,
    revoked: HashMap<&'a Fingerprint, &'a RevokedKey>,
    /// Whether every managed key is to be deleted, so that none is desired.
    pub(super) is_destroyed: bool,
    /// Includes expired keys.
    protected: HashSet<&'a KeyBlob>,
    protected_names: HashSet<&'a KeyName>,
    by_blob: HashMap<&'a KeyBlob, usize>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Holder<'a> {
    Nowhere,
    /// Unknown: an upload was started, and no listing has settled it.
    Pending,
    /// In the row of this record. The row exists if the account was listed.
    Recorded(&'a Record),
    /// In a row that is not recorded.
    Unrecorded(&'a Row),
}

impl<'a> Inventory<'a> {
    pub(super) fn new(recorded: Option<&'a State>, observed: Option<&'a Listing>) -> Self {
        let records = recorded.map(State::sorted).unwrap_or_default();
        let mut records_by_blob: HashMap<_, Vec<_>> = HashMap::with_capacity(records.len());
        for &record in &records {
            records_by_blob.entry(&record.public_key).or_default().push(record);
        }
        Self { recorded, observed, records, records_by_blob }
    }

    pub(super) fn is_refreshed(&self) -> bool {
        self.observed.is_some()
    }

    /// Returns all rows, by id.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'a Row> {
        self.observed.into_iter().flat_map(Listing::rows)
    }

    pub(super) fn rows_with(&self, blob: &KeyBlob) -> impl Iterator<Item = &'a Row> {
        self.observed.into_iter().flat_map(|listing| listing.holding(blob))
    }

    pub(super) fn primary(&self) -> Option<&'a Row> {
        self.observed?.primary()
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &'a Pending> {
        self.recorded.into_iter().flat_map(|state| state.pending.values())
    }

    /// Returns the primary before the uploads of an interrupted run.
    pub(super) fn former_primary(&self) -> Option<&'a KeyId> {
        self.recorded?.former_primary.as_ref()
    }

    pub(super) fn record(&self, id: &KeyId) -> Option<&'a Record> {
        self.recorded?.records.get(id)
    }

    pub(super) fn row(&self, id: &KeyId) -> Option<&'a Row> {
        self.observed?.by_id(id)
    }

    pub(super) fn is_pending(&self, blob: &KeyBlob) -> bool {
        self.recorded.is_some_and(|state| state.pending.contains_key(blob))
    }

    /// Whether a row is recorded with the key that it contains.
    pub(super) fn is_managed(&self, row: &Row) -> bool {
        let record = self.recorded.and_then(|state| state.records.get(&row.id));
        record.is_some_and(|record| is_row_of(row, record))
    }

    /// Whether the row of a record exists, as far as is known.
    pub(super) fn is_live(&self, record: &Record) -> bool {
        !self.is_refreshed() || self.row_of(record).is_some()
    }

    pub(super) fn row_of(&self, record: &Record) -> Option<&'a Row> {
        self.observed?.by_id(&record.id).filter(|row| is_row_of(row, record))
    }

    pub(super) fn old_key(&self, record: &Record) -> OldKey {
        OldKey {
            name: record.name.clone(),
            id: record.id.clone(),
            blob: record.public_key.clone(),
            is_primary: self.row_of(record).is_some_and(|row| row.is_primary),
        }
    }

    /// Whether a key can stay in its recorded row: either the record or the row has its name.
    pub(super) fn keeps_row(&self, record: &Record, key: &DesiredKey) -> bool {
        let account_name = || match self.row_of(record) {
            Some(row) => row.name.as_str(),
            None => record.account_name.as_deref().unwrap_or(record.name.as_str()),
        };
        record.name == key.name || account_name() == key.name.as_str()
    }

    /// Finds the row that contains a desired key. Of several, the recorded one is preferred, then one with the same name,
    /// then the primary, then the oldest. If the key cannot stay in its recorded row, because the API cannot rename keys, a
    /// row that already has the name is preferred, and so is one that may have been uploaded.
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
            _ if self.is_pending(blob) => Holder::Pending,
            (Some(record), _) => Holder::Recorded(record),
            (None, Some(row)) => Holder::Unrecorded(row),
            (None, None) => Holder::Nowhere,
        }
    }
}

impl<'a> Matching<'a> {
    /// Matches the keys that have not expired by `today`, or none of them if all are to be destroyed.
    pub(super) fn new(desired: &'a Desired, today: Date, destroy: bool, inventory: &Inventory<'a>) -> Self {
        let expired_on = |key: &DesiredKey| key.expires.filter(|&last| last < today);
        let protected = || desired.keys.iter().filter(|key| key.protect);
        let keys: Vec<_> = desired.keys.iter().filter(|key| !destroy && expired_on(key).is_none()).collect();
        Self {
            holders: keys.iter().map(|key| inventory.holder(key)).collect(),
            primary: keys.iter().copied().find(|key| key.primary),
            expired: desired
                .keys
                .iter()
                .filter_map(|key| Some((key.key.blob(), (&key.name, expired_on(key)?))))
                .collect(),
            revoked: desired.revoked.iter().map(|revoked| (&revoked.fingerprint, revoked)).collect(),
            is_destroyed: destroy,
            protected: protected().map(|key| key.key.blob()).collect(),
            protected_names: protected().map(|key| &key.name).collect(),
            by_blob: keys.iter().enumerate().map(|(index, key)| (key.key.blob(), index)).collect(),
            keys,
        }
    }

    /// Returns the entry that revokes a key.
    pub(super) fn revoked(&self, blob: &KeyBlob) -> Option<&'a RevokedKey> {
        if self.revoked.is_empty() { None } else { self.revoked.get(&blob.fingerprint()).copied() }
    }

    pub(super) fn with_blob(&self, blob: &KeyBlob) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        self.at(*self.by_blob.get(blob)?)
    }

    pub(super) fn with_name(&self, name: &KeyName) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        self.at(self.keys.binary_search_by(|key| key.name.cmp(name)).ok()?)
    }

    /// Whether an unrecorded row is the holder of a desired key.
    pub(super) fn is_holder(&self, row: &Row) -> bool {
        let holder = row.blob.as_ref().and_then(|blob| self.with_blob(blob));
        matches!(holder, Some((_, _, Holder::Unrecorded(held))) if held.id == row.id)
    }

    /// Whether the manifest protects an old key of a change, by its blob or by its name.
    pub(super) fn protects(&self, change: &Change) -> bool {
        let protects = |old: &OldKey| self.revoked(&old.blob).is_none() && self.is_protected(old);
        change.deletes() && change.old_rows().iter().any(protects)
    }

    fn is_protected(&self, old: &OldKey) -> bool {
        self.protected.contains(&old.blob) || self.protected_names.contains(&old.name)
    }

    fn at(&self, index: usize) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        Some((index, *self.keys.get(index)?, *self.holders.get(index)?))
    }
}

/// Whether a row belongs to a record. A row without a public key in the listing is matched by its id alone.
pub(super) fn is_row_of(row: &Row, record: &Record) -> bool {
    row.blob.as_ref().is_none_or(|blob| *blob == record.public_key)
}

/// Orders rows by preference, the best first: the same name, then the primary, then the oldest.
fn preference<'r>(row: &'r Row, name: &KeyName) -> (bool, bool, bool, Option<Timestamp>, &'r KeyId) {
    (row.name != name.as_str(), !row.is_primary, row.created_at.is_none(), row.created_at, &row.id)
}
