//! What became of uploads without a valid response, as far as a listing shows it. No I/O.

use std::collections::{BTreeSet, HashSet};

use super::facts::Facts;
use crate::account::{Listing, Row};
use crate::names::KeyName;
use crate::plan::{AccountRow, Change, OldKey};
use crate::public_key::KeyBlob;
use crate::state::{JournalEntry, Origin};

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

impl Facts<'_> {
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
    pub(super) fn orphans(&self) -> Vec<JournalEntry> {
        let deleted = self.plan.actions.iter().filter_map(|action| match &action.change {
            Change::Delete(old) if !self.state.records.contains_key(&old.id) => Some(old),
            _ => None,
        });
        let record = |old: &OldKey| {
            let account_name = old.name.to_string();
            let row = AccountRow { id: old.id.clone(), account_name, created_at: None, origin: Origin::Uploaded };
            JournalEntry::Record(row.record(&old.name, &old.blob))
        };
        deleted.map(record).collect()
    }

    /// Returns the ends of the intents that the listing of the plan has settled: all those that the plan does not deal
    /// with. A plan that was limited to some keys says nothing about the others.
    pub(super) fn settled_intents(&self) -> Vec<JournalEntry> {
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
pub(super) fn settle(blob: &KeyBlob) -> JournalEntry {
    JournalEntry::Settle { public_key: blob.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Endpoint;
    use crate::manifest::Desired;
    use crate::names::{KeyId, UserId};
    use crate::plan::{Input, Note, Plan, compare};
    use crate::state::State;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn name(text: &str) -> KeyName {
        KeyName::new(text).unwrap()
    }

    fn row(id: &str, name: &str, key: Option<&str>, month: u8) -> Row {
        Row {
            id: KeyId::new(id).unwrap(),
            user_id: UserId::new("user-1").unwrap(),
            name: name.to_owned(),
            public_key: key.map(str::to_owned),
            blob: key.and_then(KeyBlob::of_line),
            is_primary: false,
            is_user_key: true,
            created_at: Some(format!("2026-{month:02}-01T00:00:00Z").parse().unwrap()),
        }
    }

    fn empty_plan() -> Plan {
        compare(Input {
            desired: &Desired::default(),
            recorded: None,
            observed: None,
            endpoint: &Endpoint::default(),
            today: jiff::civil::date(2026, 6, 1),
            destroy: false,
        })
    }

    /// What a listing of these rows shows of an upload of `KEY` as `alice`: the id of its row, or else the sighting.
    fn sighting(rows: &[Row]) -> String {
        let mut plan = empty_plan();
        let copy = KeyId::new("copy").unwrap();
        plan.notes.push(Note::Copies { name: name("alice"), ids: vec![copy] });
        let mut state = State::new(uuid::Uuid::nil(), Endpoint::default());
        let blob = KeyBlob::of_line(KEY).unwrap();
        let recorded = AccountRow::new(&row("recorded", "alice", Some(KEY), 1), Origin::Uploaded);
        state.apply(JournalEntry::Record(recorded.record(&name("alice"), &blob)));
        let listing = Listing::new(rows.to_vec()).unwrap();
        match Facts::new(&plan, state).sighting(&listing, &name("alice"), &blob) {
            Sighting::Stored(row) => row.id.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_new_row_with_the_key_is_the_upload() {
        assert_eq!(sighting(&[row("1", "alice", Some(KEY), 3)]), "1");
        assert_eq!(sighting(&[row("1", "bob", Some(KEY), 3)]), "1");
        // The name that was sent counts more than age.
        assert_eq!(sighting(&[row("1", "bob", Some(KEY), 2), row("2", "alice", Some(KEY), 3)]), "2");
        assert_eq!(sighting(&[row("1", "alice", Some(KEY), 3), row("2", "alice", Some(KEY), 2)]), "2");
    }

    #[test]
    fn rows_that_were_known_before_are_not_the_upload() {
        let known = [row("recorded", "alice", Some(KEY), 1), row("copy", "alice", Some(KEY), 1)];
        assert_eq!(sighting(&known), "Absent");
        assert_eq!(sighting(&[]), "Absent");
    }

    #[test]
    fn a_row_that_hides_its_key_leaves_the_upload_uncertain() {
        assert_eq!(sighting(&[row("1", "alice", None, 3)]), "Unreadable");
        assert_eq!(sighting(&[row("1", "bob", None, 3)]), "Absent");
        assert_eq!(sighting(&[row("1", "alice", None, 3), row("2", "alice", Some(KEY), 3)]), "2");
    }
}
