//! The changes of a state that a journal holds, one per line.

use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::KeyBlob;

/// One change of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum JournalEntry {
    /// An upload is about to begin.
    Intend { name: KeyName, public_key: KeyBlob },
    /// An intended upload has certainly left nothing on the account.
    Settle { public_key: KeyBlob },
    /// A row is managed. Also ends the intended upload of its key.
    Record(Record),
    /// A row is no longer managed.
    Drop { id: KeyId },
    /// The user of the account is known.
    Account { user_id: UserId },
}
