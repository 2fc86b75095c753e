//! Uploads whose outcome is unknown.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{KeyId, KeyName};
use crate::public_key::KeyBlob;

/// An upload whose outcome is unknown: it is in progress, or its response was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pending {
    /// The name in the manifest.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// Type and base64 of the key.
    #[schemars(with = "String")]
    pub public_key: KeyBlob,
    /// The name that was sent.
    pub sent_name: String,
    /// `accountName` in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// `owner` in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `expires` in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub expires: Option<Date>,
    /// `protect` in the manifest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// The rows that contained the key before, or that could contain it because they showed none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub before: Vec<KeyId>,
    /// The requests, at least one.
    #[schemars(length(min = 1))]
    pub requests: Vec<UploadRequest>,
    /// The id in a response that did not show the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub id: Option<KeyId>,
}

/// A request to upload a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadRequest {
    /// When it was prepared, by the clock of the machine that sent it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The timeout with which it was sent.
    pub timeout_seconds: u64,
}
