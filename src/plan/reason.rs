//! The reason for each action.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::explained::{Explained, HasExplanation};
use crate::manifest::RevokedKey;
use crate::names::KeyId;
use crate::terminal::phrase::Phrase;

/// The reason for an action, for readers only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Reason {
    /// Upload: the key is not on the account.
    Absent,
    /// Upload: the key is recorded, but its row is no longer on the account.
    Gone,
    /// Upload, offline: the key is not in the state.
    Unrecorded,
    /// Adopt: the key is on the account, but not in the state.
    Present,
    /// Adopt: the key is recorded with another id, which is no longer on the account.
    OtherId {
        #[schemars(with = "String")]
        id: KeyId,
    },
    /// Adopt: the row was to be deleted after a replacement, but no other row contains the key.
    Needed,
    /// Update: the manifest has other attributes than the state.
    Changed,
    /// Replace: the manifest has a different key with this name.
    OtherKey,
    /// Replace: the manifest has a new `accountName`, and the API cannot rename keys.
    Renamed {
        /// The name on the account.
        from: String,
    },
    /// Promote: the key is the primary in the manifest, but not on the account.
    NotPrimary,
    /// Promote: a new key is the primary in the manifest.
    NewPrimary,
    /// Delete or forget: the key is not in the manifest.
    Undesired,
    /// Delete or forget: `--destroy` removes every managed key.
    Destroyed,
    /// Delete or forget: the key has expired.
    Expired {
        /// The last day on which the key was desired.
        #[schemars(with = "String", extend("format" = "date"))]
        until: Date,
    },
    /// Delete, forget or replace: the manifest revokes the old key.
    Revoked {
        /// Why, according to the manifest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Delete: another row contains a key that is removed.
    CopyOfRemoved,
    /// Delete or forget: an earlier run replaced the row, but did not delete it.
    LeftOver,
    /// Delete: the same, and the key stays on the account in another row.
    Superseded,
    /// Delete: an earlier run deleted the row, but the account still has it.
    Undeleted,
    /// Promote: an upload of an interrupted run became the primary key.
    Restored,
    /// Forget: the same key is recorded with another id.
    Copy,
}

impl HasExplanation for Reason {
    fn explanation(&self) -> Phrase {
        self.phrase()
    }
}

impl Reason {
    pub(super) fn revoked(entry: &RevokedKey) -> Self {
        Self::Revoked { because: entry.reason.clone() }
    }

    /// Returns its `code` in JSON.
    pub fn code(&self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        json.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }

    /// Whether the reason is the usual one for its action, and adds nothing to a review.
    pub fn is_routine(&self) -> bool {
        match self {
            Self::Absent
            | Self::Unrecorded
            | Self::Present
            | Self::Changed
            | Self::OtherKey
            | Self::NotPrimary
            | Self::NewPrimary
            | Self::Undesired
            | Self::Destroyed => true,
            Self::Gone
            | Self::OtherId { .. }
            | Self::Needed
            | Self::Renamed { .. }
            | Self::Expired { .. }
            | Self::Revoked { .. }
            | Self::CopyOfRemoved
            | Self::LeftOver
            | Self::Superseded
            | Self::Undeleted
            | Self::Restored
            | Self::Copy => false,
        }
    }

    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Absent => Phrase::new("not on the account"),
            Self::Gone => Phrase::new("recorded, but no longer on the account"),
            Self::Unrecorded => Phrase::new("not in the state"),
            Self::Present => Phrase::new("already on the account, but not in the state"),
            Self::OtherId { id } => {
                Phrase::new("recorded with id ").named(id).then(", but the account has it with another id")
            }
            Self::Needed => Phrase::new("an earlier run replaced this row, but no other row contains the key"),
            Self::Changed => Phrase::new("changed in the manifest"),
            Self::OtherKey => Phrase::new("the manifest has a different key with this name"),
            Self::Renamed { from } => Phrase::new("named ")
                .foreign(from)
                .then(" on the account; the API cannot rename keys, so it is replaced"),
            Self::NotPrimary => Phrase::new("the manifest makes it the primary key"),
            Self::NewPrimary => Phrase::new("the manifest makes it the primary key once it is uploaded"),
            Self::Undesired => Phrase::new("no longer in the manifest"),
            Self::Destroyed => Phrase::new("--destroy removes every managed key"),
            Self::Expired { until } => Phrase::new(format!("expired; its last day was {until}")),
            Self::Revoked { because: None } => Phrase::new("revoked in the manifest"),
            Self::Revoked { because: Some(because) } => Phrase::new("revoked in the manifest: ").foreign(because),
            Self::CopyOfRemoved => Phrase::new("another row with a key that is removed"),
            Self::LeftOver => Phrase::new("already replaced by an earlier run"),
            Self::Superseded => Phrase::new("already replaced by an earlier run; the key stays in another row"),
            Self::Undeleted => Phrase::new("deleted by an earlier run, but still on the account"),
            Self::Restored => Phrase::new("it was the primary key before an apply that was interrupted"),
            Self::Copy => Phrase::new("duplicate; the same key is recorded with another id"),
        }
    }

    pub(super) fn serialize_explained<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Explained::new(self).serialize(serializer)
    }
}
