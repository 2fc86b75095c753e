//! Whether the actions of a saved plan follow from the state that it was made from.
//!
//! Anyone who can write a plan file can change it. What the digest leaves out, and what decides about rows of others, is
//! compared with the state here: which rows may go, who owns them, and what is recorded of them. The manifest is not read
//! again, so what it alone decides stays as the file says, and the digest has it.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::{AccountRow, Action, Change, NamedRow, NewKey, OldKey, Plan, Reason};
use crate::names::{KeyId, KeyName};
use crate::public_key::KeyBlob;
use crate::state::{Origin, Record, State};

/// The state and the actions of a plan, indexed.
pub(super) struct Grounds<'a> {
    plan: &'a Plan,
    recorded: Option<&'a State>,
    today: Date,
    records: HashMap<&'a KeyBlob, Vec<&'a Record>>,
    /// The rows that the plan deletes or forgets, and how often it deletes them.
    removals: HashMap<&'a KeyId, usize>,
    /// The rows that the plan records.
    kept_rows: HashSet<&'a KeyId>,
    /// The actions that record each key.
    new_keys: HashMap<&'a KeyBlob, Vec<&'a Action>>,
    new_names: HashMap<&'a KeyName, usize>,
}

impl<'a> Grounds<'a> {
    pub(super) fn new(plan: &'a Plan, recorded: Option<&'a State>, today: Date) -> Self {
        let mut grounds = Self {
            plan,
            recorded,
            today,
            records: HashMap::new(),
            removals: HashMap::new(),
            kept_rows: HashSet::new(),
            new_keys: HashMap::new(),
            new_names: HashMap::new(),
        };
        for record in recorded.into_iter().flat_map(|state| state.records.values().chain(state.replaced.values())) {
            grounds.records.entry(&record.public_key).or_default().push(record);
        }
        for action in &plan.actions {
            for old in action.change.old_rows() {
                *grounds.removals.entry(&old.id).or_default() += usize::from(action.change.deletes());
            }
            grounds.kept_rows.extend(action.change.row().map(|row| &row.id));
            if let Some(key) = action.change.new_key() {
                grounds.new_keys.entry(key.key.blob()).or_default().push(action);
                *grounds.new_names.entry(&action.name).or_default() += 1;
            }
        }
        grounds
    }

    /// Says why the state does not support an action, if so.
    pub(super) fn missing(&self, action: &Action) -> Option<String> {
        let old = action.change.old_rows().iter().find_map(|old| self.unfounded_removal(action, old));
        old.or_else(|| match &action.change {
            Change::Promote { blob, row, owner } => {
                self.unfounded_promotion(&action.name, blob, row.as_ref(), owner.as_deref())
            }
            change => self.unfounded_record(action, change.new_key()?, change.row()),
        })
    }

    /// Says why the key that the manifest makes the primary cannot be it after apply, if so.
    pub(super) fn primary(&self) -> Option<String> {
        let Plan { actions, primary, primary_row, refreshed, .. } = self.plan;
        if actions.iter().filter(|action| action.change.promotes()).count() > 1 {
            return Some("the plan promotes more than one key".to_owned());
        }
        let name = primary.as_ref().filter(|_| *refreshed)?;
        let is_promoted = || actions.iter().any(|action| action.name == *name && action.change.promotes());
        let holds = |row: &NamedRow| self.name_after(&row.id) == Some(name);
        let is_pending =
            || self.recorded.is_some_and(|state| state.pending.values().any(|pending| pending.name == *name));
        let is_primary = is_promoted() || primary_row.as_ref().is_some_and(holds) || is_pending();
        (!is_primary).then(|| format!("the plan neither promotes {name} nor is it the primary key"))
    }

    /// Says which record, as the plan shows it, is not in the state.
    pub(super) fn other_record(&self) -> Option<String> {
        let is_known = |record: &&Record| self.recorded.is_some_and(|state| state.managed(&record.id) == Some(*record));
        let other = self.plan.recorded.iter().find(|record| !is_known(record))?;
        Some(format!("the state has another record of id {}", other.id))
    }

    /// Returns the name of a row in the state after apply.
    fn name_after(&self, id: &KeyId) -> Option<&'a KeyName> {
        let recording = self.plan.actions.iter().find(|action| action.change.row().is_some_and(|row| row.id == *id));
        recording.map(|action| &action.name).or_else(|| Some(&self.recorded?.records.get(id)?.name))
    }

    /// Returns the record of a row with this key.
    fn record(&self, id: &KeyId, blob: &KeyBlob) -> Option<&'a Record> {
        self.recorded?.managed(id).filter(|record| record.public_key == *blob)
    }

    fn records_of(&self, blob: &KeyBlob) -> impl Iterator<Item = &'a Record> {
        self.records.get(blob).into_iter().flatten().copied()
    }

    fn unfounded_removal(&self, action: &Action, old: &OldKey) -> Option<String> {
        let id = &old.id;
        if self.removals.get(id).is_some_and(|&count| count > 1) {
            return Some(format!("the plan deletes id {id} more than once"));
        }
        let is_deleted = matches!(action.change, Change::Delete(_));
        if is_deleted && self.kept_rows.contains(id) {
            return Some(format!("the plan also records id {id}"));
        }
        if is_deleted && action.reason != Reason::Superseded && self.new_keys.contains_key(&old.blob) {
            return Some("the plan also records this key".to_owned());
        }
        let is_recorded = self.record(id, &old.blob);
        let says = |record: &Record| self.differs(record, old, &action.reason);
        let unfounded = match (is_recorded, self.records_of(&old.blob).next()) {
            (Some(record), _) => says(record).map(|field| format!("the state has another {field} for id {id}")),
            // Another row of a key goes only if all its recorded rows do.
            (None, Some(_)) if action.reason != Reason::Undeleted => {
                let is_founded = self.records_of(&old.blob).all(|record| self.is_to_go(record))
                    && self.records_of(&old.blob).any(|record| says(record).is_none());
                (!is_founded).then(|| unmatched(id))
            }
            (None, _) => (!self.may_go_unrecorded(action, old)).then(|| unmatched(id)),
        };
        unfounded.or_else(|| self.untrue_reason(action, old))
    }

    /// Whether the plan removes a recorded row, or did so before a selection left that out.
    fn is_to_go(&self, record: &Record) -> bool {
        let mut left_out = self.plan.partial.iter().flat_map(|partial| &partial.left_out);
        self.removals.contains_key(&record.id) || left_out.any(|left| left.name == record.name)
    }

    /// Returns what the state has otherwise of a key.
    fn differs(&self, record: &Record, old: &OldKey, reason: &Reason) -> Option<&'static str> {
        let Record { name, public_key, owner, expires, protect, .. } = record;
        let is_revoked = matches!(reason, Reason::Revoked { .. });
        let has_expired = expires.is_some_and(|last| last < self.today);
        [
            (*name != old.name, "name"),
            (*public_key != old.blob, "key"),
            (*owner != old.owner, "owner"),
            (*expires != old.expires || old.has_expired && !has_expired, "expiry"),
            (*protect != old.protect && (old.protect || !is_revoked), "protection"),
        ]
        .into_iter()
        .find_map(|(differs, field)| differs.then_some(field))
    }

    /// Whether a row may go whose key is not recorded: if the manifest says so, or an earlier run deleted it.
    fn may_go_unrecorded(&self, action: &Action, old: &OldKey) -> bool {
        let is_plain = old.expires.is_none() && !old.has_expired && !old.protect;
        let has_own_name = old.name == KeyName::recorded(&old.account_name) && old.owner.is_none();
        let was_deleted = || {
            let deleted = self.recorded.and_then(|state| state.last_apply.deleted.get(&old.id));
            deleted.is_some_and(|row| row.public_key == old.blob)
        };
        is_plain
            && match action.reason {
                Reason::Revoked { .. } => has_own_name,
                Reason::Expired { .. } => matches!(action.change, Change::Delete(_)),
                Reason::Undeleted => has_own_name && was_deleted(),
                _ => false,
            }
    }

    /// Says why a reason cannot be true that a reviewer would rely on.
    fn untrue_reason(&self, action: &Action, old: &OldKey) -> Option<String> {
        match action.reason {
            Reason::Expired { until } if until >= self.today => Some(format!("its last day is {until}")),
            Reason::Superseded => {
                let stays = |record: &Record| !self.removals.contains_key(&record.id);
                let is_kept = self.new_keys.contains_key(&old.blob) || self.records_of(&old.blob).any(stays);
                (!is_kept).then(|| "no other row of this key is recorded".to_owned())
            }
            _ => None,
        }
    }

    fn unfounded_record(&self, action: &Action, key: &NewKey, row: Option<&AccountRow>) -> Option<String> {
        let blob = key.key.blob();
        if self.new_keys.get(blob).is_some_and(|actions| actions.len() > 1) {
            return Some("the plan records this key more than once".to_owned());
        }
        if self.new_names.get(&action.name).is_some_and(|&count| count > 1) {
            return Some("the plan records this name more than once".to_owned());
        }
        let recorded = row.and_then(|row| self.record(&row.id, blob));
        if matches!(action.change, Change::Update { .. }) && recorded.is_none() {
            return row.map(|row| unmatched(&row.id));
        }
        if let Some(id) = key.stale.iter().find(|id| self.record(id, blob).is_none()) {
            return Some(unmatched(id));
        }
        let origin = recorded.map_or(Origin::Adopted, |record| record.origin);
        if row.is_some_and(|row| row.origin != origin) {
            return Some("the state has another origin for its row".to_owned());
        }
        let ids = action.change.old_rows().iter().map(|old| &old.id).chain(&key.stale);
        let bases = ids.filter_map(|id| self.recorded?.records.get(id)).chain(recorded);
        let mut changes = bases.map(|record| key.changes_to(record, &action.name)).peekable();
        let is_founded =
            if changes.peek().is_none() { key.changes.is_empty() } else { changes.any(|found| found == key.changes) };
        (!is_founded).then(|| "the state has other attributes than the plan changes".to_owned())
    }

    fn unfounded_promotion(
        &self,
        name: &KeyName,
        blob: &KeyBlob,
        row: Option<&NamedRow>,
        owner: Option<&str>,
    ) -> Option<String> {
        let recording = self.new_keys.get(blob).and_then(|actions| actions.first());
        let (known_name, known_owner) = match (recording, row) {
            (Some(action), _) => (action.name.clone(), action.owner()),
            (None, None) => return Some("the plan does not upload this key".to_owned()),
            (None, Some(row)) => match self.recorded.and_then(|state| state.records.get(&row.id)) {
                Some(record) => (record.name.clone(), record.owner.as_deref()),
                None => (KeyName::recorded(&row.account_name), None),
            },
        };
        let is_founded = known_name == *name && known_owner == owner;
        (!is_founded).then(|| "the state has another name or owner for this key".to_owned())
    }
}

fn unmatched(id: &KeyId) -> String {
    format!("id {id} does not match a key in the state")
}
