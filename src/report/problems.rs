//! Renders the problems of a manifest: as text for people, as JSON, and as commands of a GitHub workflow.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use serde_json::Value;

use crate::manifest::{Diagnostic, Location, Place, Related, Report, Severity, Source};
use crate::terminal::escape::escape;
use crate::terminal::style::{BAD, DIM, NAME, WARN};

/// Longer lines of a manifest are cut around what is underlined, in columns of a terminal.
const WIDTH: usize = 120;

/// How many problems people are shown. More are of one cause, or are fixed one after another.
const MAX_SHOWN: usize = 1000;

/// How much of a line is laid out at all, in bytes: more than any public key has. Problems further on are only located.
const MAX_LINE_SHOWN: usize = 4096;

const RENDERER: Renderer = Renderer::styled()
    .term_width(WIDTH)
    .error(BAD)
    .warning(WARN)
    .context(DIM)
    .line_num(DIM)
    .emphasis(NAME)
    .note(NAME)
    .help(NAME);

/// Renders the problems for people, with an empty line between them.
pub fn text(report: &Report) -> String {
    let sources = Sources::of(report);
    let shown = shown_problems(report);
    let render = |diagnostic: &&Diagnostic| RENDERER.render(&groups(diagnostic, &sources)) + "\n";
    let mut parts: Vec<String> = shown.iter().map(render).collect();
    let severities = [Severity::Error, Severity::Policy, Severity::Warning];
    let all: usize = severities.iter().map(|severity| report.count(*severity)).sum();
    if let more @ 1.. = all.saturating_sub(shown.len()) {
        parts.push(format!("… and {more} more; `keyform validate --format json` lists up to 10000 of each severity\n"));
    }
    parts.join("\n")
}

/// Returns the problems that people are shown: all of them, or the first of each code, then errors before warnings.
fn shown_problems(report: &Report) -> Vec<&Diagnostic> {
    let mut codes = HashSet::new();
    let ranked = report.diagnostics.iter().map(|diagnostic| (!codes.insert(diagnostic.code), diagnostic.severity));
    let mut ranked: Vec<_> = ranked.enumerate().map(|(index, rank)| (rank, index)).collect();
    ranked.sort_unstable();
    ranked.truncate(MAX_SHOWN);
    ranked.sort_unstable_by_key(|(_, index)| *index);
    ranked.into_iter().filter_map(|(_, index)| report.diagnostics.get(index)).collect()
}

/// The sources by their path.
struct Sources<'r>(HashMap<&'r Path, &'r Source>);

impl<'r> Sources<'r> {
    fn of(report: &'r Report) -> Self {
        Self(report.sources.iter().map(|source| (source.path(), source)).collect())
    }

    fn locate(&self, place: &Place) -> Option<Location<'r>> {
        Some(self.0.get(&*place.file)?.locate(&place.range))
    }

    fn locate_main(&self, diagnostic: &Diagnostic) -> Option<Location<'r>> {
        Some(self.0.get(&*diagnostic.file)?.locate(diagnostic.range.as_ref()?))
    }
}

/// Lays out one problem, and below it the other places that belong to it.
fn groups<'r>(diagnostic: &'r Diagnostic, sources: &Sources<'r>) -> Vec<Group<'r>> {
    let Diagnostic { code, severity, file, range: _, message, help, related } = diagnostic;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Policy => Level::ERROR.with_name("policy"),
        Severity::Warning => Level::WARNING,
    };
    let main = match sources.locate_main(diagnostic) {
        Some(location) => excerpt(file, &location, AnnotationKind::Primary),
        None => Origin::path(shown(file)).into(),
    };
    let title = level.primary_title(message).id(code.name());
    let group = title.element(main).elements(help.as_ref().map(|help| Level::HELP.message(help)));
    let related = related.iter().map(|Related { place, label }| {
        let title = Level::NOTE.secondary_title(*label);
        title.element(match sources.locate(place) {
            Some(location) => excerpt(&place.file, &location, AnnotationKind::Context),
            None => Origin::path(shown(&place.file)).into(),
        })
    });
    std::iter::once(group).chain(related).collect()
}

/// Shows a place with its line.
fn excerpt<'r>(file: &Path, location: &Location<'r>, kind: AnnotationKind) -> Element<'r> {
    let Location { line, column, length: _, line_text, underline, has_secret } = location;
    let label = has_secret.then_some("not shown: it may be secret");
    let end = line_text.floor_char_boundary(MAX_LINE_SHOWN);
    match line_text.get(..end) {
        Some(text) if underline.start <= end => {
            let annotation = kind.span(underline.start..underline.end.min(end)).label(label);
            Snippet::source(text).line_start(*line).path(shown(file)).annotation(annotation).into()
        }
        _ => Origin::path(shown(file)).line(*line).char_column(*column).into(),
    }
}

fn shown(file: &Path) -> String {
    escape(&file.display().to_string()).into_owned()
}

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
struct DiagnosticJson<'r> {
    code: &'static str,
    severity: Severity,
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    /// Also null if the value continues on further lines.
    length: Option<usize>,
    message: &'r str,
    help: Option<&'r str>,
    related: Vec<RelatedJson>,
}

#[derive(Serialize)]
struct RelatedJson {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    text: &'static str,
}

/// Renders all problems as JSON, `formatVersion` 1.
pub fn json(report: &Report) -> Value {
    let Report { diagnostics, sources, .. } = report;
    let by_path = Sources::of(report);
    let json = ReportJson {
        format_version: 1,
        valid: report.worst().is_none_or(|worst| worst == Severity::Warning),
        files: sources.iter().map(|source| shown(source.path())).collect(),
        errors: report.count(Severity::Error),
        policy: report.count(Severity::Policy),
        warnings: report.count(Severity::Warning),
        diagnostics: diagnostics.iter().map(|diagnostic| diagnostic_json(diagnostic, &by_path)).collect(),
    };
    serde_json::to_value(json).unwrap_or_default()
}

fn diagnostic_json<'r>(diagnostic: &'r Diagnostic, sources: &Sources<'r>) -> DiagnosticJson<'r> {
    let Diagnostic { code, severity, file, range: _, message, help, related } = diagnostic;
    let location = sources.locate_main(diagnostic);
    let related = related.iter().map(|Related { place, label }| {
        let location = sources.locate(place);
        RelatedJson {
            file: shown(&place.file),
            line: location.as_ref().map(|location| location.line),
            column: location.as_ref().map(|location| location.column),
            text: label,
        }
    });
    DiagnosticJson {
        code: code.name(),
        severity: *severity,
        file: shown(file),
        line: location.as_ref().map(|location| location.line),
        column: location.as_ref().map(|location| location.column),
        length: location.and_then(|location| location.length),
        message,
        help: help.as_deref(),
        related: related.collect(),
    }
}

/// Renders all problems as commands of a GitHub workflow, one on each line. GitHub shows them in the pull request, at the
/// lines they are about. `path_of` gives the path of a file from the root of the repository.
pub fn github(report: &Report, path_of: impl Fn(&Path) -> String) -> String {
    let sources = Sources::of(report);
    shown_problems(report).iter().map(|diagnostic| github_command(diagnostic, &sources, &path_of)).collect()
}

fn github_command(diagnostic: &Diagnostic, sources: &Sources<'_>, path_of: impl Fn(&Path) -> String) -> String {
    let Diagnostic { code, severity, file, range: _, message, help, related } = diagnostic;
    let command = match severity {
        Severity::Error | Severity::Policy => "error",
        Severity::Warning => "warning",
    };
    let mut properties = format!("file={}", escape_property(&path_of(file)));
    if let Some(Location { line, column, length, .. }) = sources.locate_main(diagnostic) {
        let _ = write!(properties, ",line={line},col={column}");
        if let Some(length) = length {
            let _ = write!(properties, ",endColumn={}", column + length);
        }
    }
    let mut text = message.clone();
    for Related { place, label } in related {
        let _ = write!(text, "\n{label}: {}", escape(&path_of(&place.file)));
        if let Some(Location { line, column, .. }) = sources.locate(place) {
            let _ = write!(text, ":{line}:{column}");
        }
    }
    if let Some(help) = help {
        let _ = write!(text, "\nhelp: {help}");
    }
    format!("::{command} {properties},title=keyform {code}::{}\n", escape_data(&text))
}

/// Escapes as GitHub's toolkit does, and everything else that is unsafe to show. Line breaks are ours.
fn escape_data(text: &str) -> String {
    let lines: Vec<_> =
        text.split('\n').map(|line| escape(line).replace('%', "%25").replace("##[", "#\\u{23}[")).collect();
    lines.join("%0A")
}

fn escape_property(text: &str) -> String {
    let safe = escape(text);
    safe.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace(':', "%3A").replace(',', "%2C")
}
