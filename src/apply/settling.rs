//! What became of uploads without a valid response, as far as a listing shows it. No I/O.

use std::collections::{BTreeSet, HashSet};

use super::progress::Progress;
use crate::account::{Listing, Row};
use crate::names::KeyName;
use crate::plan::{AccountRow, Change, OldKey};
use crate::public_key::KeyBlob;
use crate::state::{Entry, Origin};

/// What a listing shows of an uncertain upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sighting<'l> {
    /// It was carried out: this row is new and holds the key.
    Stored(&'l Row),
    /// A row of the same name shows no key, so it can be the one. Sending again could make a second row.
    Unreadable,
    /// It was not carried out.
    Absent,
}

impl Progress<'_> {
    /// Looks for the row of an upload. Of several, it takes one with the name that was sent, then the oldest.
    pub(super) fn sighting<'l>(&self, listing: &'l Listing, name: &KeyName, blob: &KeyBlob) -> Sighting<'l> {
        let is_known = |row: &Row| self.state.records.contains_key(&row.id) || self.plan.knows_copy(&row.id);
        let new_rows = listing.holding(blob).filter(|row| !is_known(row));
        if let Some(row) = new_rows.min_by_key(|row| (row.name != name.as_str(), row.created_at, &row.id)) {
            return Sighting::Stored(row);
        }
        let hides_key = |row: &Row| row.blob.is_none() && row.name == name.as_str();
        if listing.rows().iter().any(hides_key) { Sighting::Unreadable } else { Sighting::Absent }
    }

    /// Returns the records of the rows that a killed run uploaded and this plan deletes: only the intents of that run
    /// show that they are ours. They must be recorded before a new intent for the same key replaces the old one.
    pub(super) fn orphans(&self) -> Vec<Entry> {
        let deleted = self.plan.actions.iter().filter_map(|action| match &action.change {
            Change::Delete(old) if !self.state.records.contains_key(&old.id) => Some(old),
            _ => None,
        });
        let record = |old: &OldKey| {
            let account_name = old.name.to_string();
            let row = AccountRow { id: old.id.clone(), account_name, created_at: None, origin: Origin::Uploaded };
            Entry::Record(row.record(&old.name, &old.blob))
        };
        deleted.map(record).collect()
    }

    /// Returns the ends of the intents that the listing of the plan has settled: all those that the plan does not deal
    /// with. A plan that was limited to some keys says nothing about the others.
    pub(super) fn settled_intents(&self) -> Vec<Entry> {
        if !self.plan.refreshed || self.plan.left_out > 0 {
            return Vec::new();
        }
        let placed = self.plan.actions.iter().filter_map(|action| action.change.new_key());
        let placed: HashSet<_> = placed.map(|key| key.key.blob()).collect();
        let pending: BTreeSet<_> = self.state.pending.keys().filter(|blob| !placed.contains(blob)).collect();
        pending.into_iter().map(settle).collect()
    }
}

/// Ends the intent to upload a key.
pub(super) fn settle(blob: &KeyBlob) -> Entry {
    Entry::Settle { public_key: blob.clone() }
}
