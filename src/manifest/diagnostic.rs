//! What is wrong with a manifest, and where.

use std::path::Path;
use std::sync::Arc;

use super::Place;

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
    /// How many characters, at least 1.
    pub length: u32,
}

/// Another place that belongs to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
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

/// A manifest file that was read.
#[derive(Debug)]
pub struct Source {
    /// The file, as it was named or found.
    pub path: Arc<Path>,
    /// Its text, without a byte order mark.
    pub text: String,
}

impl Report {
    /// The worst that was found, or nothing if there is no problem at all.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|d| d.severity).min()
    }

    /// Renders all problems for people, with ANSI styles if `style`.
    pub fn to_text(&self, style: bool) -> String {
        todo!("{style}")
    }

    /// Renders all problems as JSON, `formatVersion` 1.
    pub fn to_json(&self) -> serde_json::Value {
        todo!()
    }

    /// Renders all problems as GitHub workflow commands, one line each.
    pub fn to_github(&self) -> String {
        todo!()
    }
}
