//! Collects what is wrong, from all files, up to a bound.

use std::path::Path;
use std::sync::Arc;

use super::Place;
use super::diagnostic::{Diagnostic, Related, Severity, Span};
use super::span::{Extent, Position};

/// The most problems of each severity that are kept and shown.
pub(crate) const MAX_SHOWN: usize = 10_000;

/// The problems found so far.
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
        if *count <= MAX_SHOWN {
            self.found.push(problem);
        }
    }

    /// Tells whether one more error would only be counted: what it says need not be made up.
    pub(crate) fn are_full(&self) -> bool {
        self.errors >= MAX_SHOWN
    }

    /// Tells whether the manifest cannot be used, or may not be.
    pub(crate) fn forbid_use(&self) -> bool {
        self.errors + self.policies > 0
    }

    /// Returns all problems, sorted by file, line and column; then, for each severity, how many are not shown.
    pub(crate) fn finish(mut self, first_file: Option<&Arc<Path>>) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.span.map(|s| (s.line, s.column)), d.severity, d.code);
            a.file.cmp(&b.file).then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
        });
        let counts = [
            (Severity::Error, self.errors, "errors"),
            (Severity::Policy, self.policies, "violations of the policy"),
            (Severity::Warning, self.warnings, "warnings"),
        ];
        for (severity, count, what) in counts {
            if let (Some(more), Some(file)) = (count.checked_sub(MAX_SHOWN).filter(|&more| more > 0), first_file) {
                let message = format!("{more} more {what} are not shown, the bound is {MAX_SHOWN}");
                self.found.push(Diagnostic::of_file(severity, "too-many-problems", file, message));
            }
        }
        self.found
    }
}

impl Diagnostic {
    /// Makes a problem of a file as a whole.
    pub(crate) fn of_file(
        severity: Severity,
        code: &'static str,
        file: &Arc<Path>,
        message: impl Into<String>,
    ) -> Self {
        let file = Arc::clone(file);
        Self { code, severity, file, span: None, message: message.into(), help: None, related: Vec::new() }
    }

    /// Makes a problem of a part of a file.
    pub(crate) fn at(
        severity: Severity,
        code: &'static str,
        file: &Arc<Path>,
        extent: Extent,
        message: impl Into<String>,
    ) -> Self {
        let Position { line, column } = extent.start;
        let span = Some(Span { line, column, length: extent.length() });
        Self { span, ..Self::of_file(severity, code, file, message) }
    }

    /// Makes an error of a part of a file.
    pub(crate) fn error(code: &'static str, file: &Arc<Path>, extent: Extent, message: impl Into<String>) -> Self {
        Self::at(Severity::Error, code, file, extent, message)
    }

    /// Says what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that belongs to it.
    pub(crate) fn related(mut self, file: &Arc<Path>, extent: Extent, text: &'static str) -> Self {
        let place = Place::new(file, extent);
        self.related.push(Related { place, length: extent.length(), text: text.to_owned() });
        self
    }
}

impl Place {
    /// Names the beginning of a part of a file.
    pub(crate) fn new(file: &Arc<Path>, extent: Extent) -> Self {
        Self { file: Arc::clone(file), line: extent.start.line, column: extent.start.column }
    }
}
