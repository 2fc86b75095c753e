//! The manifest: which keys the account should hold, as YAML files that people review.
//!
//! [`load`] finds the files, reads them and returns the [`Desired`] set, or *every* problem of all files. Reading has three
//! steps: text to a tree with places (`yaml`), tree to fields (`read`), fields of all files to one set (`check`). Only
//! `files` and `key_file` access the disk.

mod bounded;
mod check;
mod code;
mod compromised;
mod conflict;
mod contents;
mod cursor;
mod desired;
mod diagnostic;
pub mod edit;
mod encoding;
mod entry;
mod fields;
mod files;
mod glob;
mod implicit;
mod key_field;
mod key_file;
mod limits;
mod name_pattern;
mod policy;
mod read;
mod revoked;
mod schema;
mod source;
mod suggest;
mod syntax;
mod tree;
mod violations;
mod yaml;

use std::path::PathBuf;

use jiff::civil::Date;

pub use self::desired::{Desired, DesiredKey, RevokedKey, Violation};
pub use self::diagnostic::{Diagnostic, Related, Report, Severity};
pub use self::glob::Glob;
pub use self::limits::EXPIRES_SOON_DAYS;
pub use self::policy::{PolicyCheck, PolicyLevel, UnmanagedPolicy};
pub use self::schema::{SCHEMA_FILE, schema, schema_line};
pub use self::source::{Location, Place, Source};
pub use code::Code;

pub(crate) use self::desired::days_until;

use self::contents::Contents;
use self::diagnostic::Problems;
use self::key_file::KeyFiles;

/// The result of [`load`].
#[derive(Debug)]
pub struct LoadedManifest {
    /// Present if, and only if, there is no error. Policy violations are in it.
    pub desired: Option<Desired>,
    pub report: Report,
}

/// Reads manifest files, and folders with all `*.yaml` and `*.yml` below them, into one desired set.
///
/// Never stops at the first problem. `today` decides what has expired or soon will. Compromised keys are accepted: plans
/// check the keys that they add.
pub fn load(paths: &[PathBuf], today: Date) -> LoadedManifest {
    read_all(paths, today, |_, _| {})
}

/// Reads as [`load`] does, and checks whether any of the keys is compromised.
///
/// Calls `progress` with the number of RSA keys after the check of each: these take milliseconds or more.
pub fn validate(paths: &[PathBuf], today: Date, mut progress: impl FnMut(usize)) -> LoadedManifest {
    read_all(paths, today, |contents, problems| compromised::check(contents, problems, &mut progress))
}

fn read_all(paths: &[PathBuf], today: Date, check: impl FnOnce(&[Contents], &mut Problems)) -> LoadedManifest {
    let mut problems = Problems::default();
    let sources = files::read_all(paths, &mut problems);
    read_sources(sources, problems, today, check)
}

fn read_sources(
    mut sources: Vec<Source>,
    mut problems: Problems,
    today: Date,
    check: impl FnOnce(&[Contents], &mut Problems),
) -> LoadedManifest {
    let mut key_files = KeyFiles::default();
    let contents: Vec<_> = sources.iter_mut().map(|source| read::read(source, &mut key_files, &mut problems)).collect();
    check(&contents, &mut problems);
    let desired = check::merge(contents, today, &mut problems);
    let desired = if problems.have_errors() { None } else { Some(desired) };
    LoadedManifest { desired, report: problems.into_report(sources) }
}
