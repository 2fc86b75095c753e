//! The changes of a state that a journal holds, one per line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::last_apply::{DeletedRow, PromotedRow};
use super::pending::{Pending, UploadRequest};
use super::record::Record;
use crate::names::{KeyId, UserId};
use crate::public_key::KeyBlob;

/// One change of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum JournalEntry {
    /// An upload is about to begin.
    Intend(Pending),
    /// The request of a pending upload is about to be sent again.
    Resend { public_key: KeyBlob, request: UploadRequest },
    /// A response to a pending upload did not show the key, but had this id.
    Answered { public_key: KeyBlob, id: KeyId },
    /// A pending upload has left nothing on the account, and will not.
    Settle { public_key: KeyBlob },
    /// The account was changed at this time of the server, if it is known.
    Write {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    /// A row is managed. Also ends the pending upload of its key.
    Record(Record),
    /// Another row replaces this managed row, which is still to be deleted.
    Replace(Record),
    /// A row is no longer managed.
    Drop { id: KeyId },
    /// A row was deleted, and is no longer managed.
    Delete(DeletedRow),
    /// A row was made the primary.
    Promote(PromotedRow),
    /// The primary before the uploads that begin. An upload that takes its place has to give it back. Without an id, that
    /// is done.
    FormerPrimary {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<KeyId>,
    },
    /// The user of the account is known.
    Account { user_id: UserId },
}
