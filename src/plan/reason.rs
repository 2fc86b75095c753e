//! Why an action is planned.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::explained::Explained;
use crate::names::{KeyId, KeyName};
use crate::terminal::phrase::Phrase;

/// Explains an action; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Reason {
    /// Upload: the key is not on the account.
    Absent,
    /// Upload: the key is recorded, but its row is gone.
    Gone,
    /// Upload, offline: the key is not in the state.
    Unrecorded,
    /// Adopt: the key is on the account, but not in the state.
    Present,
    /// Adopt: a run that was interrupted uploaded the key.
    Interrupted,
    /// Adopt: the key is recorded under another id, and that row is gone.
    OtherId {
        #[schemars(with = "String")]
        id: KeyId,
    },
    /// Adopt: the key is recorded under another name, and the account has it under the name of the manifest.
    NameAgrees {
        #[schemars(with = "String")]
        from: KeyName,
    },
    /// Replace: the manifest has another key under the name.
    OtherKey,
    /// Replace: the manifest has the key under another name, and the API cannot rename.
    Renamed {
        #[schemars(with = "String")]
        from: KeyName,
    },
    /// Promote: the manifest makes the key the primary, and the account does not.
    NotPrimary,
    /// Promote: the manifest makes a new key the primary.
    NewPrimary,
    /// Delete or forget: the key is not in the manifest.
    Undesired,
    /// Delete or forget: every managed key is to be deleted.
    Destroyed,
    /// Delete or forget: the last day of the key is over.
    Expired {
        #[schemars(with = "String", extend("format" = "date"))]
        until: Date,
    },
    /// Delete or forget: a replacement of the key that was interrupted left its row behind.
    LeftOver,
    /// Delete: a run that was interrupted uploaded the key, and the manifest does not have it.
    Orphan,
    /// Delete or forget: another recorded row holds the same key.
    Copy,
}

impl Reason {
    /// Returns the `code` that the plan's file has for it.
    pub fn code(&self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        json.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }

    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Absent => Phrase::new("not on the account"),
            Self::Gone => Phrase::new("recorded, but gone from the account"),
            Self::Unrecorded => Phrase::new("not in the state"),
            Self::Present => Phrase::new("already on the account, not recorded"),
            Self::Interrupted => Phrase::new("uploaded by a run that was interrupted"),
            Self::OtherId { id } => {
                Phrase::new("recorded as ").named(id).then(", which is gone; the account has it in another row")
            }
            Self::NameAgrees { from } => {
                Phrase::new("recorded as ").named(from).then("; the account already calls it by this name")
            }
            Self::OtherKey => Phrase::new("the manifest has another key under this name"),
            Self::Renamed { from } => {
                Phrase::new("was ").named(from).then("; the API cannot rename, so it is uploaded anew")
            }
            Self::NotPrimary => Phrase::new("the manifest makes it the primary key"),
            Self::NewPrimary => Phrase::new("the manifest makes it the primary key, once it is uploaded"),
            Self::Undesired => Phrase::new("no longer in the manifest"),
            Self::Destroyed => Phrase::new("every managed key is to be deleted"),
            Self::Expired { until } => Phrase::new(format!("expired: it was wanted until {until}")),
            Self::LeftOver => Phrase::new("another key has replaced it under this name"),
            Self::Orphan => Phrase::new("uploaded by a run that was interrupted, and not in the manifest"),
            Self::Copy => Phrase::new("another recorded row holds the same key"),
        }
    }

    pub(super) fn serialize_explained<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Explained::new(self, &self.phrase()).serialize(serializer)
    }
}
