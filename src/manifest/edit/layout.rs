//! What is around a value in the text: lines, indentation, comments and the signs of YAML.

use std::ops::Range;

use crate::manifest::tree::{Field, Node};

/// A text whose places the YAML parser gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'t> {
    pub(crate) text: &'t str,
}

/// What a line consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    Blank,
    /// With its indentation, in bytes.
    Comment(usize),
    Other,
}

impl<'t> Layout<'t> {
    pub(crate) fn part(self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    fn from(self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Returns the line break of the text: its first one.
    pub(crate) fn line_break(self) -> &'static str {
        match self.text.find(['\n', '\r']).map(|at| self.from(at)) {
            Some(rest) if rest.starts_with("\r\n") => "\r\n",
            Some(rest) if rest.starts_with('\r') => "\r",
            _ => "\n",
        }
    }

    pub(crate) fn line_start(self, at: usize) -> usize {
        self.part(0..at).rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// Returns the end of the line that `at` is in, before its line break.
    pub(crate) fn line_end(self, at: usize) -> usize {
        self.from(at).find(['\n', '\r']).map_or(self.text.len(), |length| at + length)
    }

    /// Returns the beginning of the line below `at`, or the end of the text.
    pub(crate) fn next_line(self, at: usize) -> usize {
        let end = self.line_end(at);
        let rest = self.from(end);
        end + if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) }
    }

    /// Returns the beginning of the line above the one that begins at `start`.
    fn line_above(self, start: usize) -> Option<usize> {
        let above = self.part(0..start);
        let end = above.strip_suffix("\r\n").or_else(|| above.strip_suffix(['\n', '\r']))?.len();
        Some(self.line_start(end))
    }

    pub(crate) fn line_kind(self, start: usize) -> LineKind {
        let line = self.part(start..self.line_end(start));
        let content = line.trim_start_matches([' ', '\t']);
        match content.as_bytes().first() {
            None => LineKind::Blank,
            Some(b'#') => LineKind::Comment(line.len() - content.len()),
            Some(_) => LineKind::Other,
        }
    }

    /// Returns the number of bytes before `at` in its line.
    pub(crate) fn column(self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// Whether nothing but white space is before `at` in its line.
    pub(crate) fn begins_line(self, at: usize) -> bool {
        is_blank(self.part(self.line_start(at)..at))
    }

    /// Whether nothing but white space and a comment is after `at` in its line.
    pub(crate) fn ends_line(self, at: usize) -> bool {
        let rest = self.part(at..self.line_end(at));
        is_blank(rest) || rest.starts_with([' ', '\t']) && rest.trim_start_matches([' ', '\t']).starts_with('#')
    }

    /// Skips white space, line breaks and comments.
    pub(crate) fn skip_trivia(self, mut at: usize) -> usize {
        loop {
            let rest = self.from(at);
            let content = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            at += rest.len() - content.len();
            if !content.starts_with('#') {
                return at;
            }
            at = self.line_end(at);
        }
    }

    /// Returns the place after a sign, if there is only white space and comments before it.
    pub(crate) fn after_sign(self, at: usize, sign: char) -> Option<usize> {
        let at = self.skip_trivia(at);
        self.from(at).starts_with(sign).then(|| at + sign.len_utf8())
    }

    /// Returns the place after the `:` of a field.
    pub(crate) fn after_colon(self, field: &Field<'_>) -> Option<usize> {
        self.after_sign(field.name.range.end, ':')
    }

    pub(crate) fn is_flow(self, node: &Node<'_>) -> bool {
        self.from(node.range.start).starts_with(['[', '{'])
    }

    /// Returns the end of what belongs to a value of a block that ends at `end`: its line, and the lines below that are
    /// comments indented more than `indentation`.
    pub(crate) fn end_with_comments(self, end: usize, indentation: usize) -> usize {
        let mut at = self.next_line(end);
        while at < self.text.len() && matches!(self.line_kind(at), LineKind::Comment(comment) if comment > indentation)
        {
            at = self.next_line(at);
        }
        at
    }

    /// Returns the beginning of the lines right above `start` that `is_wanted`, down to `floor`.
    pub(crate) fn lines_above(self, start: usize, floor: usize, is_wanted: impl Fn(LineKind) -> bool) -> usize {
        let mut at = start;
        while let Some(above) = self.line_above(at).filter(|above| *above >= floor && is_wanted(self.line_kind(*above)))
        {
            at = above;
        }
        at
    }

    /// Makes `lines` fit in at `at`, the beginning of a line or the end of the text. A text without a line break at its end
    /// stays one.
    pub(crate) fn fit_lines(self, at: usize, lines: &str) -> String {
        let line_break = self.line_break();
        let is_after_break = at == 0 || self.part(0..at).ends_with(['\n', '\r']);
        let lines = lines.replace('\n', line_break);
        if is_after_break { lines } else { format!("{line_break}{}", lines.trim_end_matches(['\n', '\r'])) }
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| b == b' ' || b == b'\t')
}
