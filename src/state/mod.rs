//! The state: what keyform recorded of the account, and the ids that only it knows.
//!
//! A state is a JSON file that people commit ([`file`](mod@file)), and, while an apply runs or after one that died, a
//! [`journal`] beside it of what was learned since. Every reader sees the two together. Writing is one process's at a
//! time, behind the traits [`Store`] and [`Session`]; [`FileStore`] keeps both in files.

pub mod disk;
pub mod error;
pub mod file;
mod file_store;
pub mod journal;
#[cfg(test)]
mod sample;
mod store;

use std::collections::HashMap;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use error::StateError;
pub use file_store::{FileSession, FileStore};
pub use journal::Entry;
pub use store::{Loaded, Session, Store, lock_within};

use crate::account::Endpoint;
use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::{Fingerprint, KeyBlob};

/// What keyform knows to be its own on one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Tells this state from every other; given once, when it is made.
    pub lineage: Uuid,
    /// Counts the applies that changed it.
    pub serial: u64,
    /// The API whose account it describes.
    pub endpoint: Endpoint,
    /// Whose account it is; unknown until the account has shown a row.
    pub user_id: Option<UserId>,
    /// The managed keys. Ids tell rows apart; one name may stand here twice while its old key waits to be deleted.
    ///
    /// In no certain order, see [`State::sorted`]: finding a place in an order, text by text, took a tenth of an upload's
    /// time. Those of a file lie in memory as they lie in it, by name: a plan of 100,000 keys takes a tenth less for it.
    pub records: IndexMap<KeyId, Record>,
    /// Uploads that were begun and whose end is unknown, by blob: never sent again until a listing has looked.
    pub pending: HashMap<KeyBlob, KeyName>,
}

/// A managed key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// The name in the manifest.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// The id of the row on the account.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// Type and base64 of the key, without its comment.
    #[schemars(with = "String")]
    pub public_key: KeyBlob,
    /// The fingerprint of the key, as `ssh-keygen -l` prints it.
    #[schemars(with = "String", regex(pattern = "^SHA256:[A-Za-z0-9+/]{43}$"))]
    pub fingerprint: Fingerprint,
    /// The name of the row on the account, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// How the key came to be managed.
    pub origin: Origin,
    /// When the account added the row, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created_at: Option<Timestamp>,
}

/// How a key came to be managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// keyform uploaded it.
    Uploaded,
    /// It was on the account before keyform knew of it.
    Adopted,
}

impl State {
    /// Makes an empty state for an account.
    pub fn new(lineage: Uuid, endpoint: Endpoint) -> Self {
        Self { lineage, serial: 0, endpoint, user_id: None, records: IndexMap::new(), pending: HashMap::new() }
    }

    /// Takes in one thing that was learned.
    pub fn learn(&mut self, entry: Entry) {
        match entry {
            Entry::Intend { name, public_key } => {
                self.pending.insert(public_key, name);
            }
            Entry::Settle { public_key } => {
                self.pending.remove(&public_key);
            }
            Entry::Record(record) => {
                self.pending.remove(&record.public_key);
                self.records.insert(record.id.clone(), record);
            }
            Entry::Drop { id } => {
                self.records.swap_remove(&id);
            }
            Entry::Account { user_id } => self.user_id = Some(user_id),
        }
    }

    /// Returns the entries that turn `earlier` into this state.
    pub fn changes_since(&self, earlier: &Self) -> Vec<Entry> {
        let Self { lineage: _, serial: _, endpoint: _, user_id, records, pending } = self;
        let mut changes = Vec::new();
        if let Some(user_id) = user_id.as_ref().filter(|_| *user_id != earlier.user_id) {
            changes.push(Entry::Account { user_id: user_id.clone() });
        }
        for (public_key, name) in pending {
            if earlier.pending.get(public_key) != Some(name) {
                changes.push(Entry::Intend { name: name.clone(), public_key: public_key.clone() });
            }
        }
        for public_key in earlier.pending.keys().filter(|public_key| !pending.contains_key(*public_key)) {
            changes.push(Entry::Settle { public_key: public_key.clone() });
        }
        for record in self.sorted() {
            if earlier.records.get(&record.id) != Some(record) {
                changes.push(Entry::Record(record.clone()));
            }
        }
        for id in earlier.records.keys().filter(|id| !records.contains_key(*id)) {
            changes.push(Entry::Drop { id: id.clone() });
        }
        changes
    }

    /// Whether the state already says what an entry says.
    pub fn includes(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Intend { name, public_key } => self.pending.get(public_key) == Some(name),
            Entry::Settle { public_key } => !self.pending.contains_key(public_key),
            Entry::Record(record) => self.records.get(&record.id) == Some(record),
            Entry::Drop { id } => !self.records.contains_key(id),
            Entry::Account { user_id } => self.user_id.as_ref() == Some(user_id),
        }
    }

    /// The records by name, then id: the order in which people see them.
    pub fn sorted(&self) -> Vec<&Record> {
        let mut records: Vec<_> = self.records.values().collect();
        records.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        records
    }

    /// Whether it describes the account at this endpoint, and of this user where both are known.
    pub fn check_account(&self, endpoint: &Endpoint, user_id: Option<&UserId>) -> Result<(), StateError> {
        if self.endpoint != *endpoint {
            return Err(StateError::OtherEndpoint { state: self.endpoint.clone(), chosen: endpoint.clone() });
        }
        match (&self.user_id, user_id) {
            (Some(state), Some(account)) if state != account => {
                Err(StateError::OtherUser { state: state.clone(), account: account.clone() })
            }
            _ => Ok(()),
        }
    }
}
