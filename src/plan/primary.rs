//! The primary key after apply.

use serde::Serialize;

use super::Plan;
use super::key::NamedRow;
use crate::names::KeyName;
use crate::terminal::phrase::Phrase;

/// The primary key after apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Primary {
    /// The key that the manifest or an action makes the primary.
    Key(KeyName),
    /// The row that is the primary before apply and stays it.
    Row(NamedRow),
}

impl Primary {
    /// Names the key, or the row by its name on the account.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Key(name) => Phrase::default().named(name),
            Self::Row(NamedRow { id, account_name }) => {
                Phrase::default().foreign(account_name).then(" (").named(id).then(")")
            }
        }
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
