//! What `init` wrote, and what is left to do.

use std::fmt::Write as _;

use super::words::counted;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOutcome {
    Created,
    /// The number of lines that were appended.
    Extended(usize),
    /// It existed with the same content.
    Unchanged,
    /// It existed, with something else in place of each placeholder.
    FilledIn,
    /// It existed with other content.
    Kept,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StarterReport {
    /// In the order in which they were written.
    pub files: Vec<(&'static str, FileOutcome)>,
    /// In the order in which they have to be done. May have several lines.
    pub tasks: Vec<String>,
}

/// Renders the files, one a line, and the tasks as a numbered list.
pub fn text(report: &StarterReport) -> String {
    let mut out = String::new();
    for (path, outcome) in &report.files {
        let _ = match outcome {
            FileOutcome::Created => writeln!(out, "Created {path}"),
            FileOutcome::Extended(added) => writeln!(out, "Added {} to {path}", counted(*added, "line")),
            FileOutcome::Unchanged | FileOutcome::FilledIn => Ok(()),
            FileOutcome::Kept => writeln!(out, "Kept {path}, which exists"),
        };
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str("Left to do:\n");
    for (number, task) in (1..).zip(&report.tasks) {
        let _ = writeln!(out, "  {number}. {}", task.replace('\n', "\n     "));
    }
    out
}
