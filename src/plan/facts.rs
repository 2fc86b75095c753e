//! What a reviewer should know of an action besides its key, owner and reason, and whom it affects.

use super::Plan;
use super::action::{Action, Change};
use super::attribute::AttributeChange;
use super::key::{OldKey, UnmanagedRow};
use super::note::listed;
use super::reason::Reason;
use crate::names::{AccountName, KeyName};
use crate::public_key::KeyBlob;
use crate::terminal::phrase::Phrase;

/// Whether a key opens more or less than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessChange {
    /// The key is deleted from every row.
    Loses,
    /// The entry has a new key, the key is recorded differently or stays in another row, or it becomes the primary.
    Changes,
    /// The key is added.
    Gains,
}

/// A sentence about an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub phrase: Phrase,
    /// Whether the fact is the usual one for such an action, and adds nothing to a review.
    pub is_routine: bool,
}

impl Fact {
    fn routine(phrase: Phrase) -> Self {
        Self { phrase, is_routine: true }
    }

    fn exceptional(phrase: Phrase) -> Self {
        Self { phrase, is_routine: false }
    }
}

impl Plan {
    pub fn access(&self, action: &Action) -> AccessChange {
        match &action.change {
            Change::Delete(_) if action.reason == Reason::Superseded => AccessChange::Changes,
            Change::Delete(old) if self.mixed_row_with(&old.blob).is_some() => AccessChange::Changes,
            Change::Delete(_) => AccessChange::Loses,
            Change::Upload(_) => AccessChange::Gains,
            Change::Adopt { .. }
            | Change::Update { .. }
            | Change::Replace { .. }
            | Change::Promote { .. }
            | Change::Forget(_) => AccessChange::Changes,
        }
    }

    /// Finds a row with several keys or with options that contains a key and that the plan leaves.
    fn mixed_row_with(&self, blob: &KeyBlob) -> Option<&UnmanagedRow> {
        let mut mixed = self.unmanaged.iter().filter(|row| !row.mixed.is_empty()).peekable();
        mixed.peek()?;
        let fingerprint = blob.fingerprint();
        mixed.find(|row| row.mixed.contains(&fingerprint))
    }
}

impl Change {
    /// Whether the change only adds rows to the state or removes them: access, owners and protection stay the same.
    pub fn is_record_only(&self) -> bool {
        matches!(self, Self::Adopt { .. } | Self::Forget(_))
    }

    /// Returns the old keys that the new one replaces. Empty if only their names on the account differ.
    pub fn replaced_keys(&self) -> impl Iterator<Item = &OldKey> {
        let (old, new) = match self {
            Self::Replace { key, old, .. } => (old.as_slice(), Some(key.key.blob())),
            _ => (&[][..], None),
        };
        old.iter().filter(move |old| Some(&old.blob) != new)
    }
}

impl Plan {
    /// Returns what a reviewer should know of an action besides its keys, owner and reason.
    pub fn facts(&self, action: &Action) -> Vec<Fact> {
        let mut facts: Vec<_> =
            action.attribute_changes().iter().map(|change| Fact::exceptional(change.phrase())).collect();
        facts.extend(self.move_of_primary(action).map(Fact::exceptional));
        facts.extend(row_facts(action));
        facts.extend(self.remaining_access(action).map(Fact::exceptional));
        if action.is_protected() {
            facts.push(Fact::exceptional(Phrase::new("the state protects this key")));
        }
        facts
    }

    /// Says where a key stays that the action removes.
    fn remaining_access(&self, action: &Action) -> Option<Phrase> {
        let removed = match &action.change {
            Change::Replace { .. } => action.change.replaced_keys().map(|old| &old.blob).collect(),
            Change::Delete(old) | Change::Forget(old) if action.reason != Reason::Superseded => vec![&old.blob],
            _ => Vec::new(),
        };
        let row = removed.into_iter().find_map(|blob| self.mixed_row_with(blob))?;
        let subject = if matches!(action.change, Change::Replace { .. }) { "the old key keeps" } else { "keeps" };
        let phrase = Phrase::new(format!("{subject} access through the row ")).foreign(&row.account_name);
        Some(phrase.then(" (").named(&row.id).then("), which has other keys or options"))
    }

    /// Says which key was the primary, if an action promotes another one.
    fn move_of_primary(&self, action: &Action) -> Option<Phrase> {
        let becomes = Phrase::new("becomes the primary key");
        let of_old = |phrase: Phrase| phrase.then(" in place of the old key of ").named(&action.name);
        let other = self.primary_row.as_ref().map(|row| &row.account_name);
        match (&action.change, other) {
            (Change::Promote { .. }, Some(other)) => Some(if *other != *action.name.as_str() {
                becomes.then(" in place of ").foreign(other)
            } else if self.replaces_primary(&action.name) {
                of_old(becomes)
            } else {
                // Any row of the account can have this name.
                becomes.then(" in place of another key named ").foreign(other).then(" on the account")
            }),
            (Change::Promote { .. }, None) if self.refreshed => Some(becomes.then("; the account has no primary key")),
            (Change::Promote { .. }, None) => Some(becomes),
            (Change::Replace { promote: true, .. }, _) => Some(of_old(becomes)),
            _ => None,
        }
    }

    fn replaces_primary(&self, name: &KeyName) -> bool {
        self.actions.iter().any(|Action { name: other, change, .. }| {
            let is_replaced = matches!(change, Change::Replace { .. });
            other == name && is_replaced && change.old_rows().iter().any(|old| old.is_primary)
        })
    }
}

fn row_facts(action: &Action) -> Vec<Fact> {
    let Action { name, change, reason } = action;
    let mut facts = Vec::new();
    if let Some(key) = change.new_key() {
        // Also said of the recorded key.
        let is_protected = key.protect && !action.is_protected();
        let says = |is: fn(&AttributeChange) -> bool| key.changes.iter().any(is);
        if let Some(last) = key.expires.filter(|_| !says(|change| matches!(change, AttributeChange::Expires { .. }))) {
            facts.push(Fact::exceptional(Phrase::new(format!("expires {last}"))));
        }
        if is_protected && !says(|change| matches!(change, AttributeChange::Protect { .. })) {
            facts.push(Fact::exceptional(Phrase::new("protected from removal")));
        }
    }
    match change {
        Change::Upload(key) => {
            let named = |name: &AccountName| Fact::exceptional(named_on_account(name.as_str()));
            facts.extend(key.account_name.iter().map(named));
        }
        Change::Adopt { key: _, row } => {
            facts.push(Fact::routine(Phrase::new("id ").named(&row.id)));
            let is_other = row.account_name != name.as_str();
            facts.extend(is_other.then(|| Fact::exceptional(named_on_account(&row.account_name))));
        }
        Change::Replace { key: _, row, old, promote: _ } => {
            if let Some(row) = row {
                let present = Phrase::new("the new key is already on the account, id ").named(&row.id);
                facts.push(Fact::exceptional(present));
            }
            facts.push(Fact::routine(Phrase::new("deletes id ").list(old.iter().map(|old| &old.id))));
        }
        Change::Delete(old) | Change::Forget(old) => {
            facts.extend(old.is_primary.then(|| Fact::exceptional(Phrase::new("the primary key"))));
            let is_other = old.account_name != name.as_str();
            facts.extend(is_other.then(|| Fact::exceptional(named_on_account(&old.account_name))));
            facts.extend(old.mixed_phrase().map(Fact::exceptional));
            // Rows with the same key and name differ in their ids only.
            facts.push(Fact { phrase: Phrase::new("id ").named(&old.id), is_routine: reason.is_routine() });
        }
        Change::Promote { row, .. } => {
            let other = row.as_ref().map(|row| row.account_name.as_str()).filter(|other| *other != name.as_str());
            facts.extend(other.map(|other| Fact::exceptional(named_on_account(other))));
        }
        Change::Update { .. } => {}
    }
    facts
}

fn named_on_account(name: &str) -> Phrase {
    Phrase::new("named ").foreign(name).then(" on the account")
}

impl OldKey {
    /// Returns what else the row contains.
    fn mixed_phrase(&self) -> Option<Phrase> {
        let others = self.mixed.iter().filter(|key| **key != self.blob);
        let others: Vec<_> = others.map(KeyBlob::fingerprint).collect();
        (!self.mixed.is_empty()).then(|| match others.as_slice() {
            [] => Phrase::new("the row has something before the key"),
            others => listed(Phrase::new("the row also contains "), others),
        })
    }

    /// Returns how the key was recorded, as far as the entry that replaces it differs.
    pub fn replaced_phrase(&self, name: &KeyName) -> Phrase {
        let mut phrase = Phrase::new("replaces ");
        if self.name != *name {
            phrase = phrase.named(&self.name).then(" ");
        }
        phrase.then(type_of(&self.blob)).then(" ").named(&self.blob.fingerprint())
    }
}

impl UnmanagedRow {
    /// Names the row and its key.
    pub fn phrase(&self) -> Phrase {
        let phrase = Phrase::default().foreign(&self.account_name);
        match &self.fingerprint {
            Some(fingerprint) => phrase.then(" (").named(fingerprint).then(")"),
            None if self.mixed.is_empty() => phrase.then(" (no readable key)"),
            None => listed(phrase.then(" (several keys or options: "), &self.mixed).then(")"),
        }
    }
}

/// Formats the type and length as `ssh-keygen -l` does: `ED25519 256`.
fn type_of(blob: &KeyBlob) -> String {
    blob.kind().map_or_else(|| "key".to_owned(), |kind| kind.to_string())
}
