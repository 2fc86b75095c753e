//! The manifest: which keys the account should hold, as YAML files that people review.
//!
//! [`load`] finds the files, reads them and answers with the [`Desired`] set, or with *every* problem of all files.
//! Reading is three steps: text to a tree with places (`yaml`), tree to fields (`read`), fields of all files to one
//! set (`merge`). Only `files` and `key_file` touch the disk.

mod diagnostic;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

pub use diagnostic::{Diagnostic, Related, Report, Severity, Source, Span};

use crate::names::{KeyName, UserId};
use crate::public_key::PublicKey;
use crate::terminal::sanitize;

/// What the manifest lists: every key valid, names and blobs unique, at most one primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The only account that may be acted on, if the manifest pins one.
    pub account: Option<UserId>,
    /// The keys, sorted by name.
    pub keys: Vec<DesiredKey>,
    /// The manifest files, in the order in which they were named or found.
    pub files: Vec<PathBuf>,
}

/// One key that the account should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredKey {
    /// Its name, unique in the manifest.
    pub name: KeyName,
    /// The key, whose blob is unique in the manifest.
    pub key: PublicKey,
    /// Whether it shall be the account's primary key.
    pub primary: bool,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day on which it is wanted: from the day after, it is expired.
    pub expires: Option<Date>,
    /// Whether a plan that would replace or delete it is refused.
    pub protect: bool,
    /// Where its entry begins.
    pub place: Place,
}

impl DesiredKey {
    /// Tells whether the key is expired on `today`: from the day after `expires`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}

/// A place in a manifest file. Shown as `file:line:column`, safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named or found.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display().to_string();
        write!(f, "{}:{}:{}", sanitize::escape(&file), self.line, self.column)
    }
}

/// What [`load`] answers.
#[derive(Debug)]
pub struct Loaded {
    /// The desired set: there if, and only if, the report holds nothing worse than warnings.
    pub desired: Option<Desired>,
    /// Every problem found, warnings too, with the texts that are needed to show them.
    pub report: Report,
}

/// Reads manifest files, and folders with all `*.yaml` and `*.yml` below them, into one desired set.
///
/// Never stops at the first problem. `today` decides what has expired or soon will.
pub fn load(paths: &[PathBuf], today: Date) -> Loaded {
    todo!("{paths:?} {today}")
}
