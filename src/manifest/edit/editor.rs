//! The manifest files while they are edited in memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::change::FileChange;
use super::error::EditError;
use super::operation::Edit;
use super::{expected, lookup, skeleton, text};
use crate::manifest::code::Code;
use crate::manifest::desired::{Desired, Violation};
use crate::manifest::diagnostic::{Problems, Report};
use crate::manifest::source::{Place, Source, lines};
use crate::manifest::{LoadedManifest, files, read_sources};
use crate::public_key::compromised;

/// The manifest files, valid, as they are before an edit.
#[derive(Debug)]
pub struct Editor {
    today: Date,
    files: Vec<EditedFile>,
    before: Desired,
    /// The problems before the edit, none of which is an error.
    known: BTreeSet<(Code, String)>,
}

#[derive(Debug)]
struct EditedFile {
    path: Arc<Path>,
    /// The text on disk, without byte order mark.
    original: String,
    /// The text with the fields that an edit needs.
    text: String,
}

/// An edit that is possible and valid, and that is not written yet.
#[derive(Debug)]
pub struct Edited {
    /// The files that change.
    pub changes: Vec<FileChange>,
    /// The problems that the edit adds, none of which is an error.
    pub report: Report,
    /// The checks of the policy that keys no longer pass.
    pub new_violations: Vec<Violation>,
    /// The key files that no entry names any more.
    pub unused_key_files: Vec<PathBuf>,
    /// The manifest after the edit.
    pub desired: Desired,
}

impl Editor {
    /// Reads the manifest files.
    ///
    /// # Errors
    /// The problems of the manifest, if it has errors. A file that is empty, or a single one without `keys`, is fine.
    pub fn open(paths: &[PathBuf], today: Date) -> Result<Self, Report> {
        let mut problems = Problems::default();
        let sources = files::read_all(paths, &mut problems);
        let is_only = sources.len() == 1;
        let mut edited = Vec::new();
        let mut completed = Vec::new();
        for source in sources {
            let (path, original) = (source.shared_path(), source.text().to_owned());
            let text = if source.is_whole() && source.redactions().is_empty() {
                skeleton::complete(&path, &original, is_only)
            } else {
                original.clone()
            };
            completed.push(if text == original { source } else { Source::new(&path, text.clone()) });
            edited.push(EditedFile { path, original, text });
        }
        let LoadedManifest { desired, report } = read_sources(completed, problems, today, |_, _| {});
        match desired {
            Some(before) => {
                let known = report.diagnostics.into_iter().map(|problem| (problem.code, problem.message)).collect();
                Ok(Self { today, files: edited, before, known })
            }
            None => Err(report),
        }
    }

    /// Returns the manifest before the edit.
    pub fn desired(&self) -> &Desired {
        &self.before
    }

    /// Returns the files, in the order in which they were named or found.
    pub fn files(&self) -> impl Iterator<Item = &Arc<Path>> {
        self.files.iter().map(|file| &file.path)
    }

    /// Returns the line, from 1, in which a part of a file begins.
    pub fn line(&self, place: &Place) -> usize {
        let file = self.files.iter().find(|file| file.path == place.file);
        file.map_or(1, |file| line_of(&file.text, place.range.start))
    }

    /// Returns the files that contain a list: `keys` or `revoked`.
    pub fn files_with(&self, list: &str) -> Vec<Arc<Path>> {
        let has_list = |file: &&EditedFile| lookup::has_list(&file.path, &file.text, list);
        self.files.iter().filter(has_list).map(|file| Arc::clone(&file.path)).collect()
    }

    /// Applies edits in memory, and checks the result.
    pub fn edit(&self, edits: &[Edit]) -> Result<Edited, EditError> {
        let known: HashSet<_> = self.before.keys.iter().map(|known| known.key.blob()).collect();
        let new_keys = edits.iter().flat_map(Edit::new_keys).filter(|key| !known.contains(key.key.blob()));
        let new_keys: Vec<_> = new_keys.collect();
        let compromised = compromised(new_keys.iter().map(|key| &key.key));
        if let Some((&index, &compromise)) = compromised.first_key_value()
            && let Some(key) = new_keys.get(index)
        {
            return Err(EditError::Compromised { name: key.name.clone(), compromise });
        }
        let mut changes = Vec::new();
        let (mut key_files, mut used_key_files) = (BTreeMap::new(), BTreeMap::new());
        let mut sources = Vec::new();
        for file in &self.files {
            let text = text::edited(&file.path, &file.text, edits, &self.before)?;
            sources.push(Source::new(&file.path, text.clone()));
            key_files.append(&mut lookup::key_files(&file.path, &file.text));
            used_key_files.append(&mut lookup::key_files(&file.path, &text));
            if text != file.text {
                changes.push(FileChange { path: Arc::clone(&file.path), before: file.original.clone(), after: text });
            }
        }
        let LoadedManifest { desired, report } = read_sources(sources, Problems::default(), self.today, |_, _| {});
        let Some(desired) = desired else { return Err(EditError::Invalid(Box::new(report))) };
        let mut report = report;
        report.diagnostics.retain(|problem| !self.known.contains(&(problem.code, problem.message.clone())));
        if !expected::agrees(&desired, &self.before, edits) {
            return Err(EditError::Inexact);
        }
        let old: BTreeSet<_> = self.before.refused_violations().iter().collect();
        let new_violations = desired.refused_violations().iter().filter(|new| !old.contains(new)).cloned().collect();
        key_files.retain(|file, _| !used_key_files.contains_key(file));
        Ok(Edited { unused_key_files: key_files.into_values().collect(), changes, report, new_violations, desired })
    }
}

impl Edited {
    /// Returns the line, from 1, in which a part of an edited file begins.
    pub fn line(&self, place: &Place) -> usize {
        let change = self.changes.iter().find(|change| change.path == place.file);
        change.map_or(1, |change| line_of(&change.after, place.range.start))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    lines(text).take_while(|line| line.start <= at).count()
}
