//! A row, and the events that change rows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRow {
    /// Never given to another row.
    pub id: String,
    /// Any text.
    pub name: String,
    /// Any text.
    pub public_key: String,
    pub is_primary: bool,
    /// False for a system key.
    pub is_user_key: bool,
    pub created_at: Timestamp,
    /// When the row was added, or became or ceased to be the primary.
    pub updated_at: Timestamp,
}

/// A row to add without checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// Any text.
    pub name: String,
    /// Any text.
    pub public_key: String,
    pub is_primary: bool,
    /// False for a system key.
    pub is_user_key: bool,
}

/// A change of the account. It can be replayed under any [`Behaviour`](crate::emulator::Behaviour).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(in crate::emulator) enum RowEvent {
    /// If the row is the primary, the previous primary no longer is.
    Upload(StoredRow),
    Promote {
        id: String,
        at: Timestamp,
    },
    /// The heir, if there is one, becomes the primary.
    Delete {
        id: String,
        heir: Option<String>,
        at: Timestamp,
    },
}
