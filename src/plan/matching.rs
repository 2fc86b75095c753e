//! Matches desired keys with rows of the account.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;

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
    /// By id.
    pub(super) replaced: Vec<&'a Record>,
}

/// The keys that are desired today, and the rows that contain them.
pub(super) struct Matching<'a> {
    /// By name.
    pub(super) keys: Vec<&'a DesiredKey>,
    /// The holder of each key, in the same order.
    pub(super) holders: Vec<Holder<'a>>,
    /// The desired primary key.
    pub(super) primary: Option<&'a DesiredKey>,
    /// The expired keys of the manifest, with their last days.
    pub(super) expired: HashMap<&'a KeyBlob, (&'a DesiredKey, Date)>,
    revoked: HashMap<&'a Fingerprint, &'a RevokedKey>,
    /// The keys of the manifest that have not expired, also if all are to be destroyed.
    listed: HashSet<&'a KeyBlob>,
    /// Whether every managed key is to be deleted, so that none is desired.
    pub(super) is_destroyed: bool,
    by_blob: HashMap<&'a KeyBlob, usize>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Holder<'a> {
    Nowhere,
    /// Unknown: an upload was started, and no listing has settled it.
    Pending,
    /// In the row of this record. The row exists if the account was listed.
    Recorded(&'a Record),
    /// In the row of this record, which has another name on the account than the manifest now asks for. The API cannot
    /// rename rows, so a new one must be uploaded.
    Misnamed(&'a Record),
    /// In a row that was replaced and is still to be deleted.
    Replaced(&'a Record),
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
        let replaced = recorded.into_iter().flat_map(|state| state.replaced.values()).collect();
        Self { recorded, observed, records, records_by_blob, replaced }
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

    /// Whether a row is recorded with the key that it contains, or is to be deleted because it was replaced.
    pub(super) fn is_managed(&self, row: &Row) -> bool {
        let record = self.recorded.and_then(|state| state.managed(&row.id));
        record.is_some_and(|record| is_row_of(row, record))
    }

    /// Returns the key of a row that an earlier run deleted. The account should not have it any more.
    pub(super) fn deleted_key(&self, row: &Row) -> Option<&'a KeyBlob> {
        let deleted = self.recorded?.last_apply.deleted.get(&row.id)?;
        row.content.can_be(&deleted.public_key).then_some(&deleted.public_key)
    }

    /// Whether the row of a record exists, as far as is known.
    pub(super) fn is_live(&self, record: &Record) -> bool {
        !self.is_refreshed() || self.row_of(record).is_some()
    }

    pub(super) fn row_of(&self, record: &Record) -> Option<&'a Row> {
        self.observed?.by_id(&record.id).filter(|row| is_row_of(row, record))
    }

    /// Returns the name of a recorded row on the account.
    pub(super) fn row_name(&self, record: &'a Record) -> &'a str {
        self.row_of(record).map_or_else(|| record.row_name(), |row| row.name.as_str())
    }

    /// Whether a key cannot stay in its recorded row, because the manifest has a new `accountName`.
    fn is_misnamed(&self, record: &'a Record, key: &DesiredKey) -> bool {
        let Some(wanted) = &key.account_name else { return false };
        record.account_name.as_deref() != Some(wanted.as_str()) && self.row_name(record) != wanted.as_str()
    }

    /// Finds the row that contains a desired key. Of several, the recorded one is preferred, then one with the same name,
    /// then the primary, then the oldest. If the key cannot stay in its recorded row, a row that already has the name is
    /// preferred, and so is one that may have been uploaded.
    fn holder(&self, key: &DesiredKey) -> Holder<'a> {
        let blob = key.key.blob();
        let records = self.records_by_blob.get(blob).into_iter().flatten().copied();
        let best = records.filter(|record| self.is_live(record)).min_by_key(|record| {
            let row = self.row_of(record).map(|row| preference(row, key.name_to_send()));
            (self.is_misnamed(record, key), record.name != key.name, row, &record.id)
        });
        let others = self.rows_with(blob).filter(|row| !self.is_managed(row));
        let other = others.min_by_key(|row| preference(row, key.name_to_send()));
        let is_last = |record: &&Record| record.public_key == *blob && self.is_live(record) && !self.is_pending(blob);
        let replaced = || self.replaced.iter().copied().find(is_last);
        match (best, other) {
            (Some(record), _) if !self.is_misnamed(record, key) => Holder::Recorded(record),
            (None, _) if let Some(record) = replaced() => Holder::Replaced(record),
            (_, Some(row)) if row.name == key.name_to_send() => Holder::Unrecorded(row),
            _ if self.is_pending(blob) => Holder::Pending,
            (Some(record), _) => Holder::Misnamed(record),
            (None, Some(row)) => Holder::Unrecorded(row),
            (None, None) => Holder::Nowhere,
        }
    }
}

impl<'a> Matching<'a> {
    /// Matches the keys that have not expired by `today`, or none of them if all are to be destroyed.
    pub(super) fn new(desired: &'a Desired, today: Date, destroy: bool, inventory: &Inventory<'a>) -> Self {
        let expired_on = |key: &DesiredKey| key.expires.filter(|&last| last < today);
        let keys: Vec<_> = desired.keys.iter().filter(|key| !destroy && expired_on(key).is_none()).collect();
        Self {
            holders: keys.iter().map(|key| inventory.holder(key)).collect(),
            primary: keys.iter().copied().find(|key| key.primary),
            expired: desired.keys.iter().filter_map(|key| Some((key.key.blob(), (key, expired_on(key)?)))).collect(),
            listed: desired.keys.iter().filter(|key| expired_on(key).is_none()).map(|key| key.key.blob()).collect(),
            revoked: desired.revoked.iter().map(|revoked| (&revoked.fingerprint, revoked)).collect(),
            is_destroyed: destroy,
            by_blob: keys.iter().enumerate().map(|(index, key)| (key.key.blob(), index)).collect(),
            keys,
        }
    }

    /// Whether the manifest lists a key that has not expired.
    pub(super) fn is_listed(&self, blob: &KeyBlob) -> bool {
        self.listed.contains(blob)
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
        let holder = row.blob().and_then(|blob| self.with_blob(blob));
        matches!(holder, Some((_, _, Holder::Unrecorded(held))) if held.id == row.id)
    }

    fn at(&self, index: usize) -> Option<(usize, &'a DesiredKey, Holder<'a>)> {
        Some((index, *self.keys.get(index)?, *self.holders.get(index)?))
    }
}

/// Whether a row belongs to a record. A row without a public key in the listing is matched by its id alone.
pub(super) fn is_row_of(row: &Row, record: &Record) -> bool {
    row.content.can_be(&record.public_key)
}

/// Orders rows by preference, the best first: the same name, then the primary, then the oldest.
fn preference<'r>(row: &'r Row, name: &str) -> (bool, bool, bool, Option<Timestamp>, &'r KeyId) {
    (row.name != name, !row.is_primary, row.created_at.is_none(), row.created_at, &row.id)
}
