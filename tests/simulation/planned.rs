//! What a plan allows to be changed, read from the plan itself.

use std::collections::{HashMap, HashSet};

use keyform::account::Row;
use keyform::names::{KeyId, KeyName};
use keyform::plan::{Action, Change, NewKey, Plan, Reason};
use keyform::public_key::KeyBlob;

/// The changes that a plan allows.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    uploads: HashMap<KeyBlob, KeyName>,
    deletes: HashSet<KeyId>,
    /// The key that must be on the account before one of these rows is deleted.
    replaces: HashMap<KeyId, KeyBlob>,
    /// Rows that an earlier run has replaced, and could not delete.
    left_over: HashSet<KeyId>,
    /// Keys that become the primary.
    promotes: HashSet<KeyBlob>,
    /// The row that is made the primary again.
    pub(crate) restores: Option<KeyId>,
    /// Rows that are said to be gone.
    pub(crate) gone: Vec<KeyId>,
}

/// The name with which a key is uploaded.
fn sent_name(key: &NewKey, action: &Action) -> KeyName {
    KeyName::new(key.name_to_send(&action.name)).unwrap()
}

impl Planned {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut planned = Self::default();
        for action in &plan.actions {
            let change = &action.change;
            if change.deletes() {
                let old = || change.old_rows().iter().map(|old| old.id.clone());
                planned.deletes.extend(old());
                if action.reason == Reason::LeftOver {
                    planned.left_over.extend(old());
                }
            }
            match change {
                Change::Upload(new) => {
                    planned.uploads.insert(new.key.blob().clone(), sent_name(new, action));
                }
                Change::Replace { key, row, old, promote } => {
                    let blob = key.key.blob();
                    if row.is_none() {
                        planned.uploads.insert(blob.clone(), sent_name(key, action));
                    }
                    planned.replaces.extend(old.iter().map(|old| (old.id.clone(), blob.clone())));
                    planned.promotes.extend(promote.then(|| blob.clone()));
                }
                Change::Promote { row, .. } if action.reason == Reason::Restored => {
                    planned.restores = row.as_ref().map(|row| row.id.clone());
                }
                Change::Promote { blob, .. } => drop(planned.promotes.insert(blob.clone())),
                // Without a listing, nobody knows that it is gone.
                Change::Forget(old) if plan.refreshed => planned.gone.push(old.id.clone()),
                Change::Adopt { .. } | Change::Update { .. } | Change::Delete(_) | Change::Forget(_) => {}
            }
            let stale = change.new_key().map(|new| new.stale.iter().cloned()).into_iter().flatten();
            planned.gone.extend(stale);
        }
        planned
    }

    pub(crate) fn uploads(&self, name: &KeyName, blob: &KeyBlob) -> bool {
        self.uploads.get(blob) == Some(name)
    }

    /// The name with which the key of a row is uploaded.
    pub(crate) fn upload_of(&self, row: &Row) -> Option<String> {
        self.uploads.get(row.blob()?).map(KeyName::to_string)
    }

    pub(crate) fn deletes(&self, id: &KeyId) -> bool {
        self.deletes.contains(id)
    }

    /// The key that replaces a row.
    pub(crate) fn replacement(&self, id: &KeyId) -> Option<&KeyBlob> {
        self.replaces.get(id)
    }

    /// Whether an upload of a key takes the place of a row: that of the row's own replacement, or of a row that an earlier
    /// run put in its place.
    pub(crate) fn is_replaced_by(&self, id: &KeyId, blob: &KeyBlob) -> bool {
        self.replacement(id) == Some(blob)
            || self.left_over.contains(id) && self.replaces.values().any(|new| new == blob)
    }

    /// Whether it replaces a row. An account can answer with the very row that is replaced.
    pub(crate) fn replaces(&self) -> bool {
        !self.replaces.is_empty()
    }

    pub(crate) fn promotes(&self, row: &Row) -> bool {
        row.blob().is_some_and(|blob| self.promotes.contains(blob))
    }
}
