//! One change of one key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attribute::AttributeChange;
use super::explained::Explained;
use super::key::{AccountRow, KeyView, NamedRow, NewKey, OldKey, view};
use super::reason::Reason;
use crate::names::{KeyId, KeyName};
use crate::public_key::KeyBlob;

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Action {
    /// The name in the manifest, or the recorded name of a key that is not in the manifest.
    #[schemars(with = "String")]
    pub name: KeyName,
    #[serde(flatten)]
    pub change: Change,
    #[serde(serialize_with = "Reason::serialize_explained")]
    #[schemars(with = "Explained<Reason>")]
    pub reason: Reason,
}

/// What to do for one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Change {
    /// Upload the key, and record its id.
    Upload(NewKey),
    /// Record a row that is already on the account. Sends no request.
    Adopt {
        #[serde(flatten)]
        key: NewKey,
        /// The row that contains the key.
        row: AccountRow,
    },
    /// Record attributes that the manifest changes. Sends no request.
    Update {
        #[serde(flatten)]
        key: NewKey,
        /// The recorded row.
        row: AccountRow,
    },
    /// Replace keys with another one. They are deleted once it is on the account.
    Replace {
        #[serde(flatten)]
        key: NewKey,
        /// The row that contains the new key. If missing, the key is uploaded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<AccountRow>,
        /// The rows to delete, at least one.
        #[schemars(length(min = 1))]
        old: Vec<OldKey>,
        /// Whether an old row is the primary, so that the new one must be promoted before the old one is deleted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        promote: bool,
    },
    /// Make the key the primary.
    Promote {
        #[serde(rename = "key", with = "view")]
        #[schemars(with = "KeyView")]
        blob: KeyBlob,
        /// The row of the key. If missing, the plan uploads the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<NamedRow>,
        /// The owner, according to the manifest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    },
    /// Delete the row.
    Delete(OldKey),
    /// Remove the row from the state. Sends no request.
    Forget(OldKey),
}

/// The kind of an action, in the order in which plans list them and apply performs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    Upload,
    Adopt,
    Update,
    Replace,
    Promote,
    Delete,
    Forget,
}

impl Action {
    pub(super) fn new(name: &KeyName, change: Change, reason: Reason) -> Self {
        Self { name: name.clone(), change, reason }
    }

    /// Returns the sort key of actions in a plan. Only deletions of the same name and key differ in their ids alone.
    pub(super) fn order(&self) -> (ActionKind, &KeyName, &KeyBlob, Option<&KeyId>) {
        let id = match &self.change {
            Change::Delete(old) | Change::Forget(old) => Some(&old.id),
            Change::Upload(_)
            | Change::Adopt { .. }
            | Change::Update { .. }
            | Change::Replace { .. }
            | Change::Promote { .. } => None,
        };
        (self.change.kind(), &self.name, self.change.blob(), id)
    }

    /// Returns the owner of the key: the new one if the key gets one, otherwise the recorded one.
    pub fn owner(&self) -> Option<&str> {
        match &self.change {
            Change::Upload(key)
            | Change::Adopt { key, .. }
            | Change::Update { key, .. }
            | Change::Replace { key, .. } => key.owner.as_deref(),
            Change::Promote { owner, .. } => owner.as_deref(),
            Change::Delete(old) | Change::Forget(old) => old.owner.as_deref(),
        }
    }

    /// Returns the attributes that the manifest changes.
    pub fn attribute_changes(&self) -> &[AttributeChange] {
        self.change.new_key().map(|key| key.changes.as_slice()).unwrap_or_default()
    }

    /// Whether the action removes a key whose recorded expiry has passed. That was approved with the expiry.
    pub fn is_expired_removal(&self) -> bool {
        matches!(&self.change, Change::Delete(old) | Change::Forget(old) if old.has_expired)
    }

    /// Whether the action deletes a row of a key that the state protects.
    pub fn is_protected(&self) -> bool {
        self.change.deletes() && self.change.old_rows().iter().any(|old| old.protect)
    }
}

impl Change {
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Upload(_) => ActionKind::Upload,
            Self::Adopt { .. } => ActionKind::Adopt,
            Self::Update { .. } => ActionKind::Update,
            Self::Replace { .. } => ActionKind::Replace,
            Self::Promote { .. } => ActionKind::Promote,
            Self::Delete(_) => ActionKind::Delete,
            Self::Forget(_) => ActionKind::Forget,
        }
    }

    /// Returns the new key if there is one, otherwise the old key.
    pub fn blob(&self) -> &KeyBlob {
        match self {
            Self::Upload(new)
            | Self::Adopt { key: new, .. }
            | Self::Update { key: new, .. }
            | Self::Replace { key: new, .. } => new.key.blob(),
            Self::Promote { blob, .. } => blob,
            Self::Delete(old) | Self::Forget(old) => &old.blob,
        }
    }

    /// Returns the key that the change records.
    pub fn new_key(&self) -> Option<&NewKey> {
        match self {
            Self::Upload(key) | Self::Adopt { key, .. } | Self::Update { key, .. } | Self::Replace { key, .. } => {
                Some(key)
            }
            Self::Promote { .. } | Self::Delete(_) | Self::Forget(_) => None,
        }
    }

    /// Returns the row that contains the new key, if the account has one.
    pub fn row(&self) -> Option<&AccountRow> {
        match self {
            Self::Adopt { row, .. } | Self::Update { row, .. } => Some(row),
            Self::Replace { row, .. } => row.as_ref(),
            Self::Upload(_) | Self::Promote { .. } | Self::Delete(_) | Self::Forget(_) => None,
        }
    }

    /// Returns the rows that the change removes from the state.
    pub fn old_rows(&self) -> &[OldKey] {
        match self {
            Self::Replace { old, .. } => old,
            Self::Delete(old) | Self::Forget(old) => std::slice::from_ref(old),
            Self::Upload(_) | Self::Adopt { .. } | Self::Update { .. } | Self::Promote { .. } => &[],
        }
    }

    pub(super) fn old_rows_mut(&mut self) -> &mut [OldKey] {
        match self {
            Self::Replace { old, .. } => old,
            Self::Delete(old) | Self::Forget(old) => std::slice::from_mut(old),
            Self::Upload(_) | Self::Adopt { .. } | Self::Update { .. } | Self::Promote { .. } => &mut [],
        }
    }

    /// Whether the change deletes rows of the account.
    pub fn deletes(&self) -> bool {
        matches!(self, Self::Replace { .. } | Self::Delete(_))
    }

    /// Whether the key becomes the primary.
    pub fn promotes(&self) -> bool {
        matches!(self, Self::Promote { .. } | Self::Replace { promote: true, .. })
    }
}

impl ActionKind {
    pub const ALL: [Self; 7] =
        [Self::Upload, Self::Adopt, Self::Update, Self::Replace, Self::Promote, Self::Delete, Self::Forget];

    pub fn glyph(self) -> char {
        match self {
            Self::Upload => '+',
            Self::Adopt => '=',
            Self::Update => '~',
            Self::Replace => '±',
            Self::Promote => '^',
            Self::Delete => '-',
            Self::Forget => 'x',
        }
    }

    /// Returns its name in JSON.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Promote => "promote",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }
}
