//! The latest writes. Until a listing must show them, they are believed instead of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::KeyId;
use crate::public_key::KeyBlob;

/// The latest writes to the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LastApply {
    /// The server's time of the last write. Missing if its response had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
    /// The rows that were deleted, until a listing must have shown it. Sorted by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "as_list")]
    #[schemars(with = "Vec<DeletedRow>")]
    pub deleted: BTreeMap<KeyId, DeletedRow>,
    /// The row that was made the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<PromotedRow>,
}

/// A row that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeletedRow {
    /// The id of the row.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// Type and base64 of its key.
    #[schemars(with = "String")]
    pub public_key: KeyBlob,
    /// The server's time when it was deleted. Missing if the response had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
}

/// A row that was made the primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromotedRow {
    /// The id of the row.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The server's time when it was promoted. Missing if the response had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
}

impl LastApply {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes a write at this time of the server. One without a time makes the time of the last write unknown.
    pub(super) fn note(&mut self, at: Option<Timestamp>) {
        self.at = at.map(|at| self.at.map_or(at, |earlier| earlier.max(at)));
    }
}

/// Writes deleted rows as a list.
mod as_list {
    use super::{BTreeMap, DeletedRow, Deserialize as _, Deserializer, KeyId, Serializer};

    pub(super) fn serialize<S: Serializer>(
        deleted: &BTreeMap<KeyId, DeletedRow>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(deleted.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<KeyId, DeletedRow>, D::Error> {
        let rows = Vec::<DeletedRow>::deserialize(deserializer)?;
        Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
    }
}
