//! The record of one managed key.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{KeyId, KeyName};
use crate::public_key::{Fingerprint, KeyBlob};

/// A managed key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// The name in the manifest.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// The id of the row on the account.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// Type and base64 of the key, without its comment.
    #[schemars(with = "String")]
    pub public_key: KeyBlob,
    /// The fingerprint of the key, as `ssh-keygen -l` prints it.
    #[schemars(with = "String", regex(pattern = "^SHA256:[A-Za-z0-9+/]{43}$"))]
    pub fingerprint: Fingerprint,
    /// The name of the row on the account, if it differs from `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_name: Option<String>,
    /// `accountName` in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// `owner` in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `expires` in the manifest: the last day on which the key is desired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub expires: Option<Date>,
    /// `protect` in the manifest: plans that would remove or replace the key are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// How the key came under management.
    pub origin: Origin,
    /// When the key was added, according to the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created_at: Option<Timestamp>,
}

impl Record {
    /// Returns the name of the row on the account when it was recorded.
    pub fn row_name(&self) -> &str {
        self.row_name.as_deref().unwrap_or(self.name.as_str())
    }
}

/// How a key came under management.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// keyform uploaded it.
    Uploaded,
    /// The key was already on the account.
    Adopted,
}
