//! Options for what the documentation of the real API leaves open. Each default is the most likely behaviour.

use std::collections::BTreeSet;

use super::choice::choices;

/// How the emulated account behaves where the real one's behaviour is unknown or varies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    pub duplicate_key: DuplicateKey,
    pub duplicate_name: DuplicateName,
    pub auto_primary: AutoPrimary,
    pub delete_primary: DeletePrimary,
    pub key_text: KeyText,
    pub list_order: ListOrder,
    /// The maximum number of rows on a page; `None` for no maximum.
    pub max_limit: Option<u64>,
    pub over_limit: OverLimit,
    pub upload_status: UploadStatus,
    pub delete_body: DeleteBody,
    pub error_shape: ErrorShape,
    /// Fields that responses leave out.
    pub omit: BTreeSet<Omission>,
    /// Whether key objects and pages contain undocumented fields.
    pub unknown_fields: bool,
    /// The minimum number of system keys (`isUserKey: false`) on the account.
    pub system_keys: u32,
}

choices! {
    /// The response to the same key uploaded twice. Two keys are the same if their first two words are.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum DuplicateKey {
        /// A second row with its own id
        #[default]
        SecondRow = "second-row",
        /// The existing row, unchanged
        SameRow = "same-row",
        /// A 422 on `publicKey`
        Refuse = "refuse",
    }
}

/// The response to another key under a name that is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DuplicateName {
    /// A row like any other.
    #[default]
    Allow,
    /// A 422 on `name`.
    Refuse,
}

choices! {
    /// Which uploads become the primary key without a promotion.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum AutoPrimary {
        /// No upload
        Never = "never",
        /// The first upload while the account has no primary key
        #[default]
        WhenNone = "when-none",
        /// Every upload
        Always = "always",
    }
}

choices! {
    /// The effect of deleting the primary key.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum DeletePrimary {
        /// Leaves the account without a primary key
        #[default]
        Allow = "allow",
        /// A 422 on `key_id`
        Refuse = "refuse",
        /// Makes the oldest remaining user key the primary
        MoveToOldest = "move-to-oldest",
    }
}

/// How much of an uploaded key's text is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyText {
    /// All of it, byte by byte.
    #[default]
    AsSent,
    /// All but leading and trailing white space.
    Trimmed,
    /// Type and base64 only.
    WithoutComment,
}

choices! {
    /// The order of a listing.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum ListOrder {
        /// In order of upload
        #[default]
        OldestFirst = "oldest-first",
        /// In reverse order of upload
        NewestFirst = "newest-first",
        /// Random for each listing, the same for all its pages; a request for offset 0 starts a listing
        Shuffled = "shuffled",
        /// Random for each request, so that pages overlap and miss rows
        Unstable = "unstable",
    }
}

/// The response to a request for more rows than the maximum of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OverLimit {
    /// A page with the maximum number of rows, which states that limit.
    #[default]
    Clamp,
    /// A 422 on `limit`.
    Refuse,
}

/// The status of a successful upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UploadStatus {
    /// 200, as documented.
    #[default]
    Ok,
    /// 201, as seen.
    Created,
}

/// The body of the response to a successful deletion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeleteBody {
    /// A JSON object.
    #[default]
    Json,
    /// No body, with status 200.
    Empty,
    /// No body, with status 204.
    NoContent,
}

/// The shape of a 422.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorShape {
    /// `detail` for a malformed request, `errors` for a refused value.
    #[default]
    Mixed,
    /// `{"errors": [{"param", "details"}]}` for both.
    Errors,
    /// `{"detail": [{"type", "loc", "msg"}]}` for both.
    Detail,
}

/// Fields that responses may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Omission {
    /// `total_count` of a page.
    TotalCount,
    /// `offset`, `limit` and `status` of a page.
    PageFields,
    /// `publicKey` of the keys on a page.
    ListedPublicKey,
    /// `createdAt` and `updatedAt` of every key object.
    Timestamps,
}

impl Behaviour {
    pub fn omits(&self, field: Omission) -> bool {
        self.omit.contains(&field)
    }
}
