//! The state of one account.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use uuid::Uuid;

use super::entry::JournalEntry;
use super::error::AccountMismatch;
use super::last_apply::LastApply;
use super::pending::Pending;
use super::record::Record;
use crate::account::Endpoint;
use crate::names::{KeyId, UserId};
use crate::public_key::KeyBlob;

/// The keys that keyform manages on one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Identifies this state; drawn once, when it is created.
    pub lineage: Uuid,
    /// Increases by one with each save.
    pub serial: u64,
    pub endpoint: Endpoint,
    /// Unknown until the account has listed or returned a row.
    pub user_id: Option<UserId>,
    /// The managed rows.
    ///
    /// Unordered, see [`State::sorted`]: keeping an order by name took a tenth of an upload's time. Read from a file, they
    /// lie in memory in its order, which makes a plan of 100,000 keys a tenth faster.
    pub records: IndexMap<KeyId, Record>,
    /// Rows that others have replaced and that are still to be deleted. They have no id in common with `records`.
    pub replaced: BTreeMap<KeyId, Record>,
    /// Uploads with an unknown outcome. They are not sent again until a listing has shown whether they arrived.
    pub pending: HashMap<KeyBlob, Pending>,
    /// The primary before uploads that can have taken its place. `None` once it is certain that none did.
    pub former_primary: Option<KeyId>,
    pub last_apply: LastApply,
}

impl State {
    /// Makes an empty state with serial 0.
    pub fn new(lineage: Uuid, endpoint: Endpoint) -> Self {
        Self {
            lineage,
            serial: 0,
            endpoint,
            user_id: None,
            records: IndexMap::new(),
            replaced: BTreeMap::new(),
            pending: HashMap::new(),
            former_primary: None,
            last_apply: LastApply::default(),
        }
    }

    pub fn apply(&mut self, entry: JournalEntry) {
        match entry {
            JournalEntry::Intend(pending) => {
                self.pending.insert(pending.public_key.clone(), pending);
            }
            JournalEntry::Resend { public_key, request } => {
                if let Some(pending) = self.pending.get_mut(&public_key) {
                    pending.requests.push(request);
                }
            }
            JournalEntry::Answered { public_key, id } => {
                if let Some(pending) = self.pending.get_mut(&public_key) {
                    pending.id = Some(id);
                }
            }
            JournalEntry::Settle { public_key } => {
                self.pending.remove(&public_key);
            }
            JournalEntry::Write { at } => self.last_apply.note(at),
            JournalEntry::Record(record) => {
                self.pending.remove(&record.public_key);
                self.last_apply.deleted.remove(&record.id);
                self.replaced.remove(&record.id);
                self.records.insert(record.id.clone(), record);
            }
            JournalEntry::Replace(record) => {
                self.records.swap_remove(&record.id);
                self.replaced.insert(record.id.clone(), record);
            }
            JournalEntry::Drop { id } => self.forget(&id),
            JournalEntry::Delete(row) => {
                self.forget(&row.id);
                self.last_apply.note(row.at);
                self.last_apply.deleted.insert(row.id.clone(), row);
            }
            JournalEntry::Promote(row) => {
                self.last_apply.note(row.at);
                self.last_apply.promoted = Some(row);
            }
            JournalEntry::FormerPrimary { id } => self.former_primary = id,
            JournalEntry::Account { user_id } => self.user_id = Some(user_id),
        }
    }

    /// Returns the entries that turn `earlier` into this state, lineage, serial and endpoint aside.
    pub fn changes_since(&self, earlier: &Self) -> Vec<JournalEntry> {
        let Self {
            lineage: _,
            serial: _,
            endpoint: _,
            user_id,
            records: _,
            replaced,
            pending,
            former_primary,
            last_apply,
        } = self;
        let mut changes = Vec::new();
        if let Some(user_id) = user_id.as_ref().filter(|_| *user_id != earlier.user_id) {
            changes.push(JournalEntry::Account { user_id: user_id.clone() });
        }
        if *former_primary != earlier.former_primary {
            changes.push(JournalEntry::FormerPrimary { id: former_primary.clone() });
        }
        for (public_key, pending) in pending {
            if earlier.pending.get(public_key) != Some(pending) {
                changes.push(JournalEntry::Intend(pending.clone()));
            }
        }
        for public_key in earlier.pending.keys().filter(|public_key| !pending.contains_key(*public_key)) {
            changes.push(JournalEntry::Settle { public_key: public_key.clone() });
        }
        for record in self.sorted() {
            if earlier.records.get(&record.id) != Some(record) {
                changes.push(JournalEntry::Record(record.clone()));
            }
        }
        for record in replaced.values() {
            if earlier.replaced.get(&record.id) != Some(record) {
                changes.push(JournalEntry::Replace(record.clone()));
            }
        }
        let LastApply { at, deleted, promoted } = last_apply;
        for row in deleted.values().filter(|row| earlier.last_apply.deleted.get(&row.id) != Some(row)) {
            changes.push(JournalEntry::Delete(row.clone()));
        }
        if let Some(row) = promoted
            && earlier.last_apply.promoted.as_ref() != Some(row)
        {
            changes.push(JournalEntry::Promote(row.clone()));
        }
        if *at != earlier.last_apply.at {
            changes.push(JournalEntry::Write { at: *at });
        }
        let earlier_rows = earlier.records.keys().chain(earlier.replaced.keys());
        for id in earlier_rows.filter(|id| self.managed(id).is_none() && !deleted.contains_key(*id)) {
            changes.push(JournalEntry::Drop { id: id.clone() });
        }
        changes
    }

    /// Whether applying an entry would change nothing.
    pub fn includes(&self, entry: &JournalEntry) -> bool {
        match entry {
            JournalEntry::Intend(pending) => self.pending.get(&pending.public_key) == Some(pending),
            JournalEntry::Resend { public_key, request } => {
                self.pending.get(public_key).is_none_or(|pending| pending.requests.contains(request))
            }
            JournalEntry::Answered { public_key, id } => {
                self.pending.get(public_key).is_none_or(|pending| pending.id.as_ref() == Some(id))
            }
            JournalEntry::Write { at } => self.last_apply.at == *at,
            JournalEntry::Settle { public_key } => !self.pending.contains_key(public_key),
            JournalEntry::Record(record) => self.records.get(&record.id) == Some(record),
            JournalEntry::Replace(record) => self.replaced.get(&record.id) == Some(record),
            JournalEntry::Drop { id } => self.managed(id).is_none(),
            JournalEntry::Delete(row) => self.last_apply.deleted.get(&row.id) == Some(row),
            JournalEntry::Promote(row) => self.last_apply.promoted.as_ref() == Some(row),
            JournalEntry::FormerPrimary { id } => self.former_primary == *id,
            JournalEntry::Account { user_id } => self.user_id.as_ref() == Some(user_id),
        }
    }

    /// Returns the records by name, then id: the order in which they are shown and saved.
    pub fn sorted(&self) -> Vec<&Record> {
        let mut records: Vec<_> = self.records.values().collect();
        records.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        records
    }

    /// Returns the record of a row, also if it is still to be deleted after it was replaced.
    pub fn managed(&self, id: &KeyId) -> Option<&Record> {
        self.records.get(id).or_else(|| self.replaced.get(id))
    }

    fn forget(&mut self, id: &KeyId) {
        self.records.swap_remove(id);
        self.replaced.remove(id);
    }

    /// Refuses another endpoint, and another user if both are known.
    pub fn check_account(&self, endpoint: &Endpoint, user_id: Option<&UserId>) -> Result<(), AccountMismatch> {
        if self.endpoint != *endpoint {
            return Err(AccountMismatch::Endpoint { state: self.endpoint.clone(), chosen: endpoint.clone() });
        }
        match (&self.user_id, user_id) {
            (Some(state), Some(account)) if state != account => {
                Err(AccountMismatch::User { state: state.clone(), account: account.clone() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample::{blob, intend, record, state};

    #[test]
    fn the_changes_since_an_earlier_state_lead_from_it_to_the_later_one() {
        let mut base = state(4, &[1, 8, 9]);
        base.apply(JournalEntry::Replace(record(10)));
        base.apply(JournalEntry::Replace(record(11)));
        base.apply(intend(4));
        base.apply(intend(6));
        let mut later = base.clone();
        let user_id = UserId::new("user-2").unwrap();
        for entry in [
            intend(2),
            intend(3),
            JournalEntry::Settle { public_key: blob(3) },
            JournalEntry::Record(record(2)),
            JournalEntry::Record(Record { row_name: Some("other".to_owned()), ..record(9) }),
            JournalEntry::Replace(record(5)),
            JournalEntry::Replace(record(8)),
            JournalEntry::Record(record(11)),
            JournalEntry::Drop { id: record(10).id },
            JournalEntry::Drop { id: record(1).id },
            JournalEntry::Account { user_id },
            JournalEntry::Settle { public_key: blob(6) },
            intend(7),
        ] {
            later.apply(entry);
        }
        let changes = later.changes_since(&base);
        assert!(changes.iter().all(|entry| later.includes(entry) && !base.includes(entry)), "{changes:?}");
        assert_eq!(changes.len(), 10, "{changes:?}");
        for entry in changes {
            base.apply(entry);
        }
        assert_eq!(base, later);
        assert_eq!(later.changes_since(&base), []);
    }
}
