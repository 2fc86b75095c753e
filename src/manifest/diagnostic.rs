//! What is wrong with a manifest, and where.

use std::path::Path;
use std::sync::Arc;

use super::Place;
use super::source::Source;

/// How bad a problem is; the worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// The manifest can be read, and breaks a rule of its own `policy`.
    Policy,
    /// Worth a look; the manifest is used.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code, kebab case.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The manifest file.
    pub file: Arc<Path>,
    /// Where in the file; nothing if the file as a whole is at issue.
    pub span: Option<Span>,
    /// What is wrong: lower case, one line, safe for a terminal.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
}

/// What to underline, on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters, at least 1; more than the line has if the value goes on below.
    pub length: u32,
}

/// Another place that belongs to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// How many characters to underline there, as in [`Span`].
    pub length: u32,
    /// What is there.
    pub text: String,
}

/// Every problem of a manifest, sorted by file, line and column, with what is needed to show them.
#[derive(Debug, Default)]
pub struct Report {
    /// The problems.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read.
    pub sources: Vec<Source>,
}

impl Severity {
    /// Returns the word for it: `error`, `policy` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Policy => "policy",
            Self::Warning => "warning",
        }
    }
}

impl Report {
    /// The worst that was found, or nothing if there is no problem at all.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|d| d.severity).min()
    }

    /// Counts the problems of one severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }

    /// Says in one line what was found: `2 errors, 1 warning in 3 files`.
    pub fn summary(&self) -> String {
        let counts = [
            (self.count(Severity::Error), "error", "errors"),
            (self.count(Severity::Policy), "violation of the policy", "violations of the policy"),
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
