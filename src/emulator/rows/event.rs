//! A row, and what can happen to it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A row of the emulated account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRow {
    /// Its id, never given to another row.
    pub id: String,
    /// The name: any text.
    pub name: String,
    /// The key as it is kept: any text.
    pub public_key: String,
    /// Whether it is the primary.
    pub is_primary: bool,
    /// False for a system key.
    pub is_user_key: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was added, or became or ceased to be the primary.
    pub updated_at: Timestamp,
}

/// A row to put on the account past the API, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// The name: any text.
    pub name: String,
    /// The key: any text.
    pub public_key: String,
    /// Whether it becomes the primary.
    pub is_primary: bool,
    /// False for a system key.
    pub is_user_key: bool,
}

/// A change of the account, complete in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(in crate::emulator) enum RowEvent {
    /// A row was added; if it is the primary, the primary of before no longer is.
    Upload(StoredRow),
    /// A row became the primary.
    Promote { id: String, at: Timestamp },
    /// A row went, and may have left being the primary to another.
    Delete { id: String, heir: Option<String>, at: Timestamp },
}
