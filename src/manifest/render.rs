//! Renders problems for people, each with the line it is about.

use std::collections::HashMap;
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
        let look = Look::new(style);
        let sources = self.sources.iter().map(|source| (source.path(), (source, source.lines()))).collect();
        let page = Page { sources, look };
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            if !text.is_empty() {
                text.push('\n');
            }
            page.diagnostic(&mut text, diagnostic);
        }
        text
    }
}

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
    sources: HashMap<&'r Path, (&'r Source, Vec<&'r str>)>,
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
            self.snippet(text, &place.file, Some(span), ":::", ('-', frame, Some(what)), gutter);
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
        let Some((source, lines)) = self.sources.get(file) else {
            return;
        };
        let Some(content) = lines.get((line as usize).saturating_sub(1)) else {
            return;
        };
        let label = label.map(|label| format!(" {label}")).unwrap_or_default();
        let _ = writeln!(text, "{:gutter$} {frame}|{frame:#}", "");
        if !source.is_quotable(line) {
            let _ = writeln!(text, "{frame}{line:gutter$} |{frame:#} {NOT_SHOWN}{label}");
            return;
        }
        let part = excerpt::cut(content, span);
        let marks: String = std::iter::repeat_n(mark, part.width).collect();
        let _ = writeln!(text, "{frame}{line:gutter$} |{frame:#} {}", part.text);
        let indent = part.indent;
        let _ = writeln!(text, "{:gutter$} {frame}|{frame:#} {:indent$}{style}{marks}{label}{style:#}", "", "");
    }
}
