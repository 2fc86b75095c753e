//! The primary key after apply.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plan;
use crate::account::Row;
use crate::names::{KeyId, KeyName};

/// The primary key after apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Primary {
    /// The key that the manifest or an action makes the primary.
    Key(KeyName),
    /// The row that is the primary before apply and stays it.
    Row(PrimaryRow),
}

/// The row that is the primary of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrimaryRow {
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The name on the account.
    pub account_name: String,
}

impl PrimaryRow {
    pub(super) fn of(row: &Row) -> Self {
        Self { id: row.id.clone(), account_name: row.name.clone() }
    }
}

impl Plan {
    /// Returns the primary key after apply, whether or not the manifest names one. `None` if there is none, or if it is
    /// unknown: the account was not listed, or has no primary and may choose one.
    pub fn primary_after(&self) -> Option<Primary> {
        let promoted = || self.actions.iter().find(|action| action.change.promotes()).map(|action| &action.name);
        if let Some(name) = self.primary.as_ref().or_else(promoted) {
            return Some(Primary::Key(name.clone()));
        }
        let row = self.primary_row.as_ref()?;
        let deletions = self.actions.iter().filter(|action| action.change.deletes());
        let is_deleted = deletions.flat_map(|action| action.change.old_rows()).any(|old| old.id == row.id);
        (!is_deleted).then(|| Primary::Row(row.clone()))
    }
}
