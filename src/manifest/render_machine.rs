//! Renders problems for programs: as JSON, and as commands of a GitHub workflow.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::diagnostic::{Diagnostic, Related, Report, Severity};
use crate::terminal::sanitize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson<'r> {
    format_version: u32,
    valid: bool,
    files: Vec<String>,
    errors: usize,
    policy: usize,
    warnings: usize,
    diagnostics: Vec<DiagnosticJson<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiagnosticJson<'r> {
    code: &'static str,
    severity: &'static str,
    file: String,
    line: Option<u32>,
    column: Option<u32>,
    length: Option<u32>,
    message: &'r str,
    help: Option<&'r str>,
    related: Vec<RelatedJson<'r>>,
}

#[derive(Serialize)]
struct RelatedJson<'r> {
    file: String,
    line: u32,
    column: u32,
    text: &'r str,
}

impl Report {
    /// Renders all problems as JSON, `formatVersion` 1. `length` is left out where a value goes on below its line.
    pub fn to_json(&self) -> Value {
        let report = ReportJson {
            format_version: 1,
            valid: self.worst().is_none_or(|worst| worst == Severity::Warning),
            files: self.sources.iter().map(|source| shown(source.path())).collect(),
            errors: self.count(Severity::Error),
            policy: self.count(Severity::Policy),
            warnings: self.count(Severity::Warning),
            diagnostics: self.diagnostics.iter().map(json).collect(),
        };
        serde_json::to_value(report).unwrap_or_default()
    }

    /// Renders all problems as commands of a GitHub workflow, one line each: it shows them in the pull request, beside the
    /// line they are about.
    pub fn to_github(&self) -> String {
        self.diagnostics.iter().map(github).collect()
    }
}

fn json(diagnostic: &Diagnostic) -> DiagnosticJson<'_> {
    let Diagnostic { code, severity, file, span, message, help, related } = diagnostic;
    DiagnosticJson {
        code,
        severity: severity.as_str(),
        file: shown(file),
        line: span.map(|span| span.line),
        column: span.map(|span| span.column),
        length: span.map(|span| span.length).filter(|&length| length != u32::MAX),
        message,
        help: help.as_deref(),
        related: related
            .iter()
            .map(|Related { place, length: _, text }| RelatedJson {
                file: shown(&place.file),
                line: place.line,
                column: place.column,
                text,
            })
            .collect(),
    }
}

/// Names a file. One with a name that hides something is not worth finding by it.
fn shown(file: &Path) -> String {
    sanitize::escape(&file.display().to_string()).into_owned()
}

fn github(diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, severity, file, span, message, help, related } = diagnostic;
    let command = match severity {
        Severity::Error | Severity::Policy => "error",
        Severity::Warning => "warning",
    };
    let mut properties = format!("file={}", escape_property(&file.display().to_string()));
    if let Some(span) = span {
        let _ = write!(properties, ",line={},col={}", span.line, span.column);
        if span.length != u32::MAX {
            let _ = write!(properties, ",endColumn={}", span.column.saturating_add(span.length));
        }
    }
    let mut text = message.clone();
    for Related { place, length: _, text: what } in related {
        let _ = write!(text, "\n{what}: {place}");
    }
    if let Some(help) = help {
        text += "\nhelp: ";
        text += help;
    }
    format!("::{command} {properties},title=keyform {code}::{}\n", escape_data(&text))
}

/// Escapes as GitHub's toolkit does. What else is unsafe to show is escaped too; line breaks are ours.
fn escape_data(text: &str) -> String {
    let lines: Vec<_> =
        text.split('\n').map(|line| sanitize::escape(line).replace('%', "%25").replace("##[", "#\\u{23}[")).collect();
    lines.join("%0A")
}

fn escape_property(text: &str) -> String {
    let safe = sanitize::escape(text);
    safe.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace(':', "%3A").replace(',', "%2C")
}
