//! Renders problems for people, each with the line it is about.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::diagnostic::{Diagnostic, Related, Report, Severity, Span};
use super::excerpt;
use super::source::Source;
use crate::terminal::sanitize;

/// What is shown for a line that holds something secret.
const NOT_SHOWN: &str = "(not shown: it may be secret)";

impl Report {
    /// Renders all problems for people, an empty line between them; with ANSI styles if `style`. Nothing of a private key
    /// is in it, whatever the problem.
    pub fn to_text(&self, style: bool) -> String {
        let page = Page { sources: self.pages(), look: Look::new(style) };
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            if !text.is_empty() {
                text.push('\n');
            }
            page.diagnostic(&mut text, diagnostic);
        }
        text
    }

    /// Finds the lines that are needed, file by file: most files have very many more.
    fn pages(&self) -> HashMap<&Path, Quotes<'_>> {
        let mut wanted: HashMap<&Path, BTreeSet<u32>> = HashMap::new();
        for Diagnostic { file, span, related, .. } in &self.diagnostics {
            wanted.entry(file).or_default().extend(span.map(|span| span.line));
            for Related { place, .. } in related {
                wanted.entry(&place.file).or_default().insert(place.line);
            }
        }
        let quotes = |source| Some((Source::path(source), quotes(source, wanted.get(source.path())?)));
        self.sources.iter().filter_map(quotes).collect()
    }
}

fn quotes<'r>(source: &'r Source, wanted: &BTreeSet<u32>) -> Quotes<'r> {
    let mut quotes = Quotes::new();
    let mut lines = source.lines();
    let mut next = 1;
    for &line in wanted {
        // A problem may stand behind the last line.
        let Some(content) = lines.nth(line.saturating_sub(next) as usize) else { break };
        next = line.saturating_add(1);
        quotes.insert(line, source.is_quotable(line).then_some(content));
    }
    quotes
}

/// Lines of a file by their number; nothing in place of one that may not be shown.
type Quotes<'r> = HashMap<u32, Option<&'r str>>;

/// The styles of the parts.
struct Look {
    error: Style,
    warning: Style,
    strong: Style,
    frame: Style,
}

impl Look {
    fn new(style: bool) -> Self {
        if !style {
            let plain = Style::new();
            return Self { error: plain, warning: plain, strong: plain, frame: plain };
        }
        Self {
            error: AnsiColor::Red.on_default().bold(),
            warning: AnsiColor::Yellow.on_default().bold(),
            strong: Style::new().bold(),
            frame: AnsiColor::Blue.on_default().bold(),
        }
    }

    fn of(&self, severity: Severity) -> Style {
        match severity {
            Severity::Error | Severity::Policy => self.error,
            Severity::Warning => self.warning,
        }
    }
}

struct Page<'r> {
    sources: HashMap<&'r Path, Quotes<'r>>,
    look: Look,
}

impl Page<'_> {
    fn diagnostic(&self, text: &mut String, diagnostic: &Diagnostic) {
        let Diagnostic { code, severity, file, span, message, help, related } = diagnostic;
        let style = self.look.of(*severity);
        let strong = self.look.strong;
        let frame = self.look.frame;
        let _ = writeln!(text, "{style}{}[{code}]{style:#}{strong}: {message}{strong:#}", severity.as_str());
        let lines = related.iter().map(|related| related.place.line).chain(span.map(|span| span.line));
        let gutter = lines.max().map_or(1, |line| line.to_string().len());
        self.snippet(text, file, *span, "-->", ('^', style, None), gutter);
        for Related { place, length, text: what } in related {
            let span = Span { line: place.line, column: place.column, length: *length };
            self.snippet(text, &place.file, Some(span), "==>", ('-', frame, Some(what)), gutter);
        }
        if let Some(help) = help {
            let _ = writeln!(text, "{:gutter$} {frame}={frame:#} {strong}help{strong:#}: {help}", "");
        }
    }

    fn snippet(
        &self,
        text: &mut String,
        file: &Path,
        span: Option<Span>,
        arrow: &str,
        (mark, style, label): (char, Style, Option<&String>),
        gutter: usize,
    ) {
        let frame = self.look.frame;
        let shown = file.display().to_string();
        let shown = sanitize::escape(&shown);
        let Some(span) = span else {
            let _ = writeln!(text, "{:gutter$}{frame}{arrow}{frame:#} {shown}", "");
            return;
        };
        let Span { line, column, .. } = span;
        let _ = writeln!(text, "{:gutter$}{frame}{arrow}{frame:#} {shown}:{line}:{column}", "");
        let Some(content) = self.sources.get(file).and_then(|quotes| quotes.get(&line)) else { return };
        let label = label.map(|label| format!(" {label}")).unwrap_or_default();
        let _ = writeln!(text, "{:gutter$} {frame}|{frame:#}", "");
        let Some(content) = content else {
            let _ = writeln!(text, "{frame}{line:gutter$} |{frame:#} {NOT_SHOWN}{label}");
            return;
        };
        let part = excerpt::cut(content, span);
        let marks: String = std::iter::repeat_n(mark, part.width).collect();
        let _ = writeln!(text, "{frame}{line:gutter$} |{frame:#} {}", part.text);
        let indent = part.indent;
        let _ = writeln!(text, "{:gutter$} {frame}|{frame:#} {:indent$}{style}{marks}{label}{style:#}", "", "");
    }
}
