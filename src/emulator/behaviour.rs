//! What nobody knows of the real API, as options. Each default is the likeliest guess.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the emulated account behaves where the real one's behaviour is unknown or varies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// What the same key uploaded twice becomes.
    pub duplicate_key: DuplicateKey,
    /// What another key under a name that is taken becomes.
    pub duplicate_name: DuplicateName,
    /// Which uploads become the primary on their own.
    pub auto_primary: AutoPrimary,
    /// What deleting the primary does.
    pub delete_primary: DeletePrimary,
    /// How much of an uploaded key's text is kept.
    pub key_text: KeyText,
    /// The order of a listing.
    pub list_order: ListOrder,
    /// The most rows on a page; none is no bound.
    pub max_limit: Option<u64>,
    /// What asking for more than `max_limit` does.
    pub over_limit: OverLimit,
    /// The status of an upload that worked.
    pub upload_status: UploadStatus,
    /// The body of a deletion that worked.
    pub delete_body: DeleteBody,
    /// The shape of a 422.
    pub error_shape: ErrorShape,
    /// Fields that answers leave out.
    pub omit: BTreeSet<Omission>,
    /// Whether key objects and pages carry fields that no page documents.
    pub unknown_fields: bool,
    /// How many system keys (`isUserKey: false`) the account has at least.
    pub system_keys: u32,
}

/// Says what the same key uploaded twice becomes. The same is the same first two words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateKey {
    /// A second row with its own id
    #[default]
    SecondRow,
    /// The row that is there already, unchanged
    SameRow,
    /// A 422 on `publicKey`
    Refuse,
}

/// Says what another key under a name that is taken becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateName {
    /// A row like any other
    #[default]
    Allow,
    /// A 422 on `name`
    Refuse,
}

/// Says which uploads become the primary on their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AutoPrimary {
    /// None
    Never,
    /// One made while the account has no primary
    #[default]
    WhenNone,
    /// Every one
    Always,
}

/// Says what deleting the primary does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DeletePrimary {
    /// Leaves the account without a primary
    #[default]
    Allow,
    /// A 422 on `key_id`
    Refuse,
    /// Makes the oldest user key that is left the primary
    MoveToOldest,
}

/// Says how much of an uploaded key's text is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum KeyText {
    /// All of it, byte by byte
    #[default]
    AsSent,
    /// All but the white space at both ends
    Trimmed,
    /// Type and base64 only
    WithoutComment,
}

/// Says in which order a listing comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ListOrder {
    /// In order of upload
    #[default]
    OldestFirst,
    /// Against the order of upload
    NewestFirst,
    /// Another one for each listing, the same for all its pages; a request for offset 0 begins a listing
    Shuffled,
    /// Another one for each request, so that pages overlap and miss rows
    Unstable,
}

/// Says what asking for more rows than the bound of a page does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OverLimit {
    /// A page of the most rows, which states that limit
    #[default]
    Clamp,
    /// A 422 on `limit`
    Refuse,
}

/// Says which status an upload that worked has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum UploadStatus {
    /// 200, as documented
    #[default]
    #[value(name = "200")]
    #[serde(rename = "200")]
    Ok,
    /// 201, as seen
    #[value(name = "201")]
    #[serde(rename = "201")]
    Created,
}

/// Says which body a deletion that worked has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DeleteBody {
    /// A JSON object
    #[default]
    Json,
    /// None, with status 200
    Empty,
    /// None, with status 204
    NoContent,
}

/// Says which shape a 422 has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorShape {
    /// `detail` for a request that is malformed, `errors` for a value that is refused
    #[default]
    Mixed,
    /// `{"errors": [{"param", "details"}]}` for both
    Errors,
    /// `{"detail": [{"type", "loc", "msg"}]}` for both
    Detail,
}

/// Names a field that answers may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Omission {
    /// `total_count` of a page
    TotalCount,
    /// `offset`, `limit` and `status` of a page
    PageFields,
    /// `publicKey` of the keys on a page
    ListedPublicKey,
    /// `createdAt` and `updatedAt` of every key object
    Timestamps,
}

impl Behaviour {
    /// Whether answers leave a field out.
    pub fn omits(&self, field: Omission) -> bool {
        self.omit.contains(&field)
    }
}
