//! The manifest: which keys the account should hold, as YAML files that people review.
//!
//! [`load`] finds the files, reads them and answers with the [`Desired`] set, or with *every* problem of all files.
//! Reading is three steps: text to a tree with places (`yaml`), tree to fields (`read`), fields of all files to one
//! set (`merge`). Only `files` and `key_file` touch the disk.

mod bounded;
mod characters;
mod cursor;
mod diagnostic;
mod entry;
mod excerpt;
mod fields;
mod files;
mod key_file;
mod merge;
mod policy;
mod problems;
mod read;
mod reading;
mod render;
mod render_machine;
mod schema;
mod secret;
mod source;
mod span;
mod suggest;
mod syntax;
mod tree;
mod yaml;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

pub use diagnostic::{Diagnostic, Related, Report, Severity, Span};
pub use schema::schema;
pub use source::Source;

pub(crate) use policy::days_until;

use self::key_file::Disk;
use self::problems::Problems;
use self::read::KeyFiles;
use crate::names::{KeyName, UserId};
use crate::public_key::PublicKey;
use crate::terminal::sanitize;

/// How many days before its last day a key is warned of.
pub const EXPIRES_SOON_DAYS: i64 = 30;

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
    let mut problems = Problems::default();
    let sources = files::read_all(paths, &mut problems);
    finish(sources, &Disk, today, problems)
}

/// Reads texts into one desired set: [`load`] behind the search for files.
fn finish(mut sources: Vec<Source>, key_files: &dyn KeyFiles, today: Date, mut problems: Problems) -> Loaded {
    let contents = sources.iter_mut().map(|source| read::read(source, key_files, &mut problems)).collect();
    let desired = merge::merge(contents, today, &mut problems);
    sources.iter_mut().for_each(Source::seal);
    let desired = if problems.forbid_use() { None } else { Some(desired) };
    let first_file = sources.first().map(Source::shared_path);
    Loaded { desired, report: Report { diagnostics: problems.finish(first_file.as_ref()), sources } }
}
