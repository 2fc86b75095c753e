//! The keys and rows of an action.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attribute::AttributeChange;
use crate::account::Row;
use crate::manifest::Glob;
use crate::names::{AccountName, KeyId, KeyName};
use crate::public_key::{Fingerprint, KeyBlob, KeyContent, KeyKind, PublicKey};
use crate::state::{Origin, Pending, Record, UploadRequest};

/// A desired key to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    #[serde(with = "view")]
    #[schemars(with = "KeyView")]
    pub key: PublicKey,
    /// The name on the account, if it is not that in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub account_name: Option<AccountName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day on which the key is desired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub expires: Option<Date>,
    /// Whether later plans that would remove or replace the key are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// The attributes that differ from the recorded ones of this key, or of the key that it replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AttributeChange>,
    /// Recorded ids of this key that are no longer on the account, and are removed from the state.
    #[serde(rename = "staleIds", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub stale: Vec<KeyId>,
}

/// A row to delete or forget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OldKey {
    /// The recorded name of the key, or the name on the account if the key is not recorded.
    #[serde(rename = "recordedName")]
    #[schemars(with = "String")]
    pub name: KeyName,
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The name on the account.
    pub account_name: String,
    #[serde(rename = "key", with = "view")]
    #[schemars(with = "KeyView")]
    pub blob: KeyBlob,
    /// All keys of the row, if it has several or something before a key.
    #[serde(rename = "mixedKeys", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub mixed: Vec<KeyBlob>,
    /// The recorded owner, who loses access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The recorded last day of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub expires: Option<Date>,
    /// Whether that day has passed and the manifest has no later one, so that the removal was approved with the expiry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_expired: bool,
    /// Whether the state protects the key, and the manifest does not revoke it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// Whether it is the primary key of the account. False if the account was not listed.
    pub is_primary: bool,
}

/// A row that is neither recorded nor in an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnmanagedRow {
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The name on the account.
    pub account_name: String,
    /// The fingerprint of the key, if the row shows one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub fingerprint: Option<Fingerprint>,
    /// The fingerprints of all keys, if the row has several or something before a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub mixed: Vec<Fingerprint>,
    /// Whether the policy excepts it by its name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_expected: bool,
}

impl UnmanagedRow {
    /// Takes rows by name, then id. `except` are the names that the policy expects.
    pub(super) fn sorted<'r>(rows: impl Iterator<Item = &'r Row>, except: &[Glob]) -> Vec<Self> {
        let unmanaged = |row: &Row| Self {
            id: row.id.clone(),
            account_name: row.name.clone(),
            fingerprint: row.blob().map(KeyBlob::fingerprint),
            mixed: match &row.content {
                KeyContent::Mixed(keys) => keys.iter().map(KeyBlob::fingerprint).collect(),
                KeyContent::One(_) | KeyContent::Unreadable => Vec::new(),
            },
            is_expected: except.iter().any(|glob| glob.matches(&row.name)),
        };
        let mut rows: Vec<_> = rows.map(unmanaged).collect();
        rows.sort_by(|a, b| (&a.account_name, &a.id).cmp(&(&b.account_name, &b.id)));
        rows
    }
}

/// A row of the account to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountRow {
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The name on the account, which can differ from the name in the manifest.
    pub account_name: String,
    /// The time when the row was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created_at: Option<Timestamp>,
    /// How the key came to be managed. Also `uploaded` if the run that uploaded it was killed before it recorded the key.
    pub origin: Origin,
}

/// A row of the account, by its id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedRow {
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The name on the account.
    pub account_name: String,
}

/// A public key in JSON. All fields except `publicKey` and `comment` are derived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyView {
    /// The type and the base64 data, without a comment.
    #[schemars(with = "String")]
    public_key: KeyBlob,
    /// The fingerprint, as `ssh-keygen -l` prints it.
    #[schemars(with = "String")]
    fingerprint: Fingerprint,
    /// The type, as `ssh-keygen -l` prints it, if known.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'static, str>>,
    /// The length in bits, as `ssh-keygen -l` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bits: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    comment: String,
}

impl NewKey {
    /// Builds the record of the key in a row.
    pub fn record(&self, name: &KeyName, row: &AccountRow) -> Record {
        let Self { key, account_name, owner, expires, protect, changes: _, stale: _ } = self;
        Record {
            account_name: account_name.as_ref().map(ToString::to_string),
            owner: owner.clone(),
            expires: *expires,
            protect: *protect,
            ..row.record(name, key.blob())
        }
    }

    /// Compares a record of the key, or of one that it replaces, with the entry, which has the name `wanted`.
    pub(super) fn changes_to(&self, record: &Record, wanted: &KeyName) -> Vec<AttributeChange> {
        let Record {
            name,
            account_name,
            owner,
            expires,
            protect,
            id: _,
            public_key: _,
            fingerprint: _,
            row_name: _,
            origin: _,
            created_at: _,
        } = record;
        let wanted_name = self.account_name.as_ref().map(AccountName::as_str);
        let mut changes = Vec::new();
        if *name != *wanted {
            changes.push(AttributeChange::Name { from: name.clone(), to: wanted.clone() });
        }
        if account_name.as_deref() != wanted_name {
            changes
                .push(AttributeChange::AccountName { from: account_name.clone(), to: wanted_name.map(str::to_owned) });
        }
        if *owner != self.owner {
            changes.push(AttributeChange::Owner { from: owner.clone(), to: self.owner.clone() });
        }
        if *expires != self.expires {
            changes.push(AttributeChange::Expires { from: *expires, to: self.expires });
        }
        if *protect != self.protect {
            changes.push(AttributeChange::Protect { from: *protect, to: self.protect });
        }
        changes
    }

    /// Builds the intent to upload the key. `before` are the rows that contain it already, or can.
    pub fn intent(&self, name: &KeyName, before: Vec<KeyId>, request: UploadRequest) -> Pending {
        let Self { key, account_name, owner, expires, protect, changes: _, stale: _ } = self;
        Pending {
            name: name.clone(),
            public_key: key.blob().clone(),
            sent_name: self.name_to_send(name).to_owned(),
            account_name: account_name.as_ref().map(ToString::to_string),
            owner: owner.clone(),
            expires: *expires,
            protect: *protect,
            before,
            requests: vec![request],
            id: None,
        }
    }

    /// Returns the name that the key gets on the account when it is uploaded.
    pub fn name_to_send<'k>(&'k self, name: &'k KeyName) -> &'k str {
        self.account_name.as_ref().map_or(name.as_str(), AccountName::as_str)
    }
}

impl AccountRow {
    pub fn new(row: &Row, origin: Origin) -> Self {
        Self { id: row.id.clone(), account_name: row.name.clone(), created_at: row.created_at, origin }
    }

    /// Builds the record of the key in this row, without the attributes of the manifest.
    pub fn record(&self, name: &KeyName, blob: &KeyBlob) -> Record {
        let Self { id, account_name, created_at, origin } = self;
        Record {
            name: name.clone(),
            id: id.clone(),
            public_key: blob.clone(),
            fingerprint: blob.fingerprint(),
            row_name: (account_name != name.as_str()).then(|| account_name.clone()),
            account_name: None,
            owner: None,
            expires: None,
            protect: false,
            origin: *origin,
            created_at: *created_at,
        }
    }
}

impl NamedRow {
    pub fn of(row: &Row) -> Self {
        Self { id: row.id.clone(), account_name: row.name.clone() }
    }
}

impl From<&KeyBlob> for KeyView {
    fn from(blob: &KeyBlob) -> Self {
        let kind = blob.kind();
        Self {
            public_key: blob.clone(),
            fingerprint: blob.fingerprint(),
            kind: kind.map(|kind| Cow::Borrowed(kind.name())),
            bits: kind.map(KeyKind::bits),
            comment: String::new(),
        }
    }
}

impl From<&PublicKey> for KeyView {
    fn from(key: &PublicKey) -> Self {
        Self { comment: key.comment().to_owned(), ..Self::from(key.blob()) }
    }
}

impl TryFrom<KeyView> for KeyBlob {
    type Error = String;

    fn try_from(view: KeyView) -> Result<Self, String> {
        Ok(view.public_key)
    }
}

impl TryFrom<KeyView> for PublicKey {
    type Error = String;

    fn try_from(view: KeyView) -> Result<Self, String> {
        let line = format!("{} {}", view.public_key, view.comment);
        Self::parse(line.trim_end()).map_err(|error| format!("invalid public key: {error}"))
    }
}

/// Serializes and deserializes a key as a [`KeyView`].
pub(super) mod view {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::KeyView;

    pub(in crate::plan) fn serialize<'k, K, S: Serializer>(key: &'k K, serializer: S) -> Result<S::Ok, S::Error>
    where
        KeyView: From<&'k K>,
    {
        KeyView::from(key).serialize(serializer)
    }

    pub(in crate::plan) fn deserialize<'de, K, D: Deserializer<'de>>(deserializer: D) -> Result<K, D::Error>
    where
        K: TryFrom<KeyView, Error = String>,
    {
        K::try_from(KeyView::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
