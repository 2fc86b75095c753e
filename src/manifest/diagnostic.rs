//! What is wrong with a manifest, and where.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::code::Code;
use super::limits::MAX_PROBLEMS;
use super::source::{Place, Source};

/// The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// The manifest can be read, and breaks a rule of its own `policy`.
    Policy,
    /// The manifest is used.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, in kebab case.
    pub code: Code,
    pub severity: Severity,
    /// The manifest file.
    pub file: Arc<Path>,
    /// The part of the file to underline; none if the file as a whole is at issue.
    pub range: Option<Range<usize>>,
    /// Lower case, one line, safe for a terminal.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to the problem.
    pub related: Vec<Related>,
}

/// Another place that belongs to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub place: Place,
    pub label: &'static str,
}

/// Every problem of a manifest, sorted by file and place, with the texts that are needed to show them.
#[derive(Debug, Default)]
pub struct Report {
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read.
    pub sources: Vec<Source>,
    /// How many problems of each severity are not in `diagnostics`.
    unlisted: HashMap<Severity, usize>,
}

impl Report {
    /// Returns the worst severity, or none if there is no problem.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|d| d.severity).min()
    }

    /// Counts the problems of a severity, also those that are too many to be in `diagnostics`.
    pub fn count(&self, severity: Severity) -> usize {
        let is_problem = |d: &&Diagnostic| d.severity == severity && d.code != Code::TooManyProblems;
        self.diagnostics.iter().filter(is_problem).count() + self.unlisted.get(&severity).copied().unwrap_or_default()
    }

    /// Sums up in one line: `2 errors, 1 warning in 3 files`.
    pub fn summary(&self) -> String {
        let counts = [
            (self.count(Severity::Error), "error", "errors"),
            (self.count(Severity::Policy), "policy violation", "policy violations"),
            (self.count(Severity::Warning), "warning", "warnings"),
        ];
        let parts: Vec<String> = counts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        let found = if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") };
        let files = self.sources.len();
        format!("{found} in {files} {}", if files == 1 { "file" } else { "files" })
    }
}

impl Diagnostic {
    /// Makes a problem of a file as a whole.
    pub(crate) fn of_file(severity: Severity, code: Code, file: &Arc<Path>, message: impl Into<String>) -> Self {
        let file = Arc::clone(file);
        Self { code, severity, file, range: None, message: message.into(), help: None, related: Vec::new() }
    }

    /// Makes a problem of a part of a file.
    pub(crate) fn at(
        severity: Severity,
        code: Code,
        file: &Arc<Path>,
        range: &Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self { range: Some(range.clone()), ..Self::of_file(severity, code, file, message) }
    }

    /// Makes an error of a part of a file.
    pub(crate) fn error(code: Code, file: &Arc<Path>, range: &Range<usize>, message: impl Into<String>) -> Self {
        Self::at(Severity::Error, code, file, range, message)
    }

    pub(crate) fn private_key(file: &Arc<Path>, range: &Range<usize>) -> Self {
        let message = "this is a private key; its text is not shown";
        let help = "replace it with the line of the `.pub` file next to it. Others may have seen this key: create a new one and \
                    remove this one everywhere";
        Self::error(Code::KeyPrivate, file, range, message).help(help)
    }

    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that belongs to it.
    pub(crate) fn related(mut self, file: &Arc<Path>, range: &Range<usize>, label: &'static str) -> Self {
        self.related.push(Related { place: Place { file: Arc::clone(file), range: range.clone() }, label });
        self
    }

    /// Whether a place of the problem is redacted. A redacted value cannot be judged.
    fn is_about_redacted(&self, sources: &HashMap<&Path, &Source>) -> bool {
        // The report of the redaction itself, or of a line in which none is reported.
        if matches!(self.code, Code::KeyPrivate | Code::UnsafeCharacter | Code::ManifestLineTooLong) {
            return false;
        }
        let is_redacted = |file: &Path, range| sources.get(file).is_some_and(|source| source.is_redacted(range));
        self.range.as_ref().is_some_and(|range| is_redacted(&self.file, range))
            || self.related.iter().any(|Related { place, .. }| is_redacted(&place.file, &place.range))
    }
}

/// Collects the problems of all files.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Diagnostic>,
    errors: usize,
    policies: usize,
    warnings: usize,
}

impl Problems {
    /// Adds one problem, or only counts it if too many of its severity are there.
    pub(crate) fn add(&mut self, problem: Diagnostic) {
        let count = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Policy => &mut self.policies,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_PROBLEMS {
            self.found.push(problem);
        }
    }

    /// Returns whether one more error would only be counted, so that its message is not needed.
    pub(crate) fn are_full(&self) -> bool {
        self.errors >= MAX_PROBLEMS
    }

    pub(crate) fn have_errors(&self) -> bool {
        self.errors > 0
    }

    /// Reports all problems sorted by file and place, without those about redacted text; then, for each severity, how many
    /// are not listed.
    pub(crate) fn into_report(mut self, sources: Vec<Source>) -> Report {
        let by_path = sources.iter().map(|source| (source.path(), source)).collect();
        self.found.retain(|problem| !problem.is_about_redacted(&by_path));
        self.found.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.range.as_ref().map(|range| range.start), d.severity, d.code);
            a.file.cmp(&b.file).then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
        });
        let counts = [
            (Severity::Error, self.errors, "errors"),
            (Severity::Policy, self.policies, "policy violations"),
            (Severity::Warning, self.warnings, "warnings"),
        ];
        let mut unlisted = HashMap::new();
        for (severity, count, what) in counts {
            let more = count.saturating_sub(MAX_PROBLEMS);
            if let (1.., Some(first)) = (more, sources.first()) {
                let message = format!("{more} more {what} are not shown; the limit is {MAX_PROBLEMS}");
                self.found.push(Diagnostic::of_file(severity, Code::TooManyProblems, &first.shared_path(), message));
            }
            unlisted.insert(severity, more);
        }
        Report { diagnostics: self.found, sources, unlisted }
    }
}
