//! The desired set: what all manifest files together say.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use crate::names::{KeyName, UserId};
use crate::public_key::PublicKey;

/// The keys that the account should hold. Names and blobs are unique, and at most one key is primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The only account that may be acted on, if the manifest pins one.
    pub account: Option<UserId>,
    /// Sorted by name.
    pub keys: Vec<DesiredKey>,
    /// The manifest files, in the order in which they were named or found.
    pub files: Vec<PathBuf>,
}

/// One key that the account should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredKey {
    pub name: KeyName,
    pub key: PublicKey,
    pub primary: bool,
    pub owner: Option<String>,
    /// The last day on which the key is wanted.
    pub expires: Option<Date>,
    /// Whether plans that would replace or delete the key are refused.
    pub protect: bool,
    /// The entry in the manifest: from its first field to the end of its last value, without the `-` before it.
    pub place: Place,
}

impl DesiredKey {
    /// Returns whether the key is expired on `today`: from the day after `expires`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}

/// A part of a manifest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named or found.
    pub file: Arc<Path>,
    /// Bytes of its text, a byte order mark not counted.
    pub range: Range<usize>,
}

/// Counts the days from `today` to `day`, negative if that is past.
pub(crate) fn days_until(today: Date, day: Date) -> i64 {
    today.duration_until(day).as_hours() / 24
}
