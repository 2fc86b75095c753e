//! The text of a manifest file, fit to be shown: private keys and invisible characters are blanked before anyone reads it.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::public_key::private;
use crate::terminal::escape::unsafe_chars;

/// A manifest file that was read.
#[derive(Debug)]
pub struct Source {
    path: Arc<Path>,
    /// Whether the text is that of the whole file, so that it can be parsed.
    is_whole: bool,
    /// Redacted. As long as the file's text, so that places are the same in both.
    text: String,
    /// Sorted and apart.
    redactions: Vec<Redaction>,
    /// Where each line begins, found when the first place is looked up.
    line_starts: OnceLock<Vec<u32>>,
}

/// A part of a manifest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named or found.
    pub file: Arc<Path>,
    /// Bytes of its text, a byte order mark not counted.
    pub range: Range<usize>,
}

/// A part of a text that is blanked.
#[derive(Debug, Clone)]
pub(crate) struct Redaction {
    pub(crate) range: Range<usize>,
    pub(crate) reason: RedactionReason,
}

/// Why a part of a text is blanked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RedactionReason {
    Secret,
    /// A run of characters that are not seen, or change how others are seen.
    Invisible {
        first: char,
        count: usize,
    },
}

/// A place as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location<'s> {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In characters, at least 1; none if the place goes on below its first line.
    pub length: Option<usize>,
    /// The first line of the place.
    pub line_text: &'s str,
    /// The part of that line to underline, in bytes; empty at the end of a line.
    pub underline: Range<usize>,
    /// Whether something secret is blanked in the line.
    pub has_secret: bool,
}

impl Source {
    /// Takes the text of a file without its byte order mark, and redacts it.
    pub fn new(path: &Path, text: String) -> Self {
        let keys = private::find(&text).into_iter();
        let secrets = keys.map(|key| Redaction { range: key.range, reason: RedactionReason::Secret }).collect();
        let path = path.into();
        let mut source = Self { path, is_whole: true, text, redactions: Vec::new(), line_starts: OnceLock::new() };
        let invisible = invisible(&source.text);
        source.redact(secrets);
        source.redact(invisible);
        source
    }

    /// Takes the beginning of a file that cannot be read further, only to show it.
    pub(crate) fn unreadable(path: &Path, text: String) -> Self {
        Self { is_whole: false, ..Self::new(path, text) }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the path as it was named or found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the redacted text. That of a manifest without errors is the text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn shared_path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    pub(crate) fn redactions(&self) -> &[Redaction] {
        &self.redactions
    }

    /// Blanks more parts of the text, except for those that are blanked already.
    pub(crate) fn redact(&mut self, mut more: Vec<Redaction>) {
        for Redaction { range, .. } in &mut more {
            *range = self.text.floor_char_boundary(range.start)..self.text.ceil_char_boundary(range.end);
        }
        let is_blank = |range: &Range<usize>| {
            range.is_empty()
                || self.redactions_in(range).any(|old| old.range.start <= range.start && range.end <= old.range.end)
        };
        more.retain(|redaction| !is_blank(&redaction.range));
        if more.is_empty() {
            return;
        }
        more.sort_by_key(|redaction| redaction.range.start);
        self.text = blank(&self.text, &more);
        self.redactions.append(&mut more);
        self.redactions.sort_by_key(|redaction| redaction.range.start);
        self.redactions.dedup_by(|next, last| {
            let overlap = next.range.start < last.range.end;
            if overlap {
                last.range.end = last.range.end.max(next.range.end);
                if matches!(next.reason, RedactionReason::Secret) {
                    last.reason = next.reason;
                }
            }
            overlap
        });
    }

    /// Returns whether a part of the text, at least one byte of it, is blanked.
    pub(crate) fn is_redacted(&self, range: &Range<usize>) -> bool {
        self.redactions_in(range).next().is_some()
    }

    fn redactions_in(&self, range: &Range<usize>) -> impl Iterator<Item = &Redaction> {
        let end = range.end.max(range.start + 1);
        let first = self.redactions.partition_point(|redaction| redaction.range.end <= range.start);
        self.redactions.iter().skip(first).take_while(move |redaction| redaction.range.start < end)
    }

    /// Finds the line and column of a place, which may be the end of the text.
    pub fn locate(&self, range: &Range<usize>) -> Location<'_> {
        // Files are far smaller than 4 GiB.
        let to_u32 = |byte| u32::try_from(byte).unwrap_or(u32::MAX);
        let starts = self.line_starts.get_or_init(|| lines(&self.text).map(|line| to_u32(line.start)).collect());
        let line = starts.partition_point(|start| *start <= to_u32(range.start)).max(1);
        let line_start = starts.get(line - 1).map_or(0, |start| *start as usize);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line_text = rest.split(['\n', '\r']).next().unwrap_or_default();
        let from = line_text.floor_char_boundary(range.start.saturating_sub(line_start));
        let to = line_text.floor_char_boundary(range.end.saturating_sub(line_start)).max(from);
        let count = |range: Range<usize>| line_text.get(range).map_or(0, |part| part.chars().count());
        let goes_on = self.text.get(range.clone()).is_some_and(|part| part.trim_end().contains(['\n', '\r']));
        let line_range = line_start..line_start + line_text.len();
        Location {
            line,
            column: count(0..from) + 1,
            length: if goes_on { None } else { Some(count(from..to).max(1)) },
            line_text,
            underline: from..to,
            has_secret: self
                .redactions_in(&line_range)
                .any(|redaction| matches!(redaction.reason, RedactionReason::Secret)),
        }
    }
}

/// Splits a text into lines at LF, CR LF and lone CR, as YAML does; returns them without the line breaks.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = text.get(start..)?;
        let Some(length) = rest.bytes().position(|b| b == b'\n' || b == b'\r') else {
            next = None;
            return Some(start..text.len());
        };
        let end = start + length;
        let is_pair = rest.get(length..).is_some_and(|rest| rest.starts_with("\r\n"));
        next = Some(end + if is_pair { 2 } else { 1 });
        Some(start..end)
    })
}

/// Finds the runs of characters that no one sees.
fn invisible(text: &str) -> Vec<Redaction> {
    let mut found: Vec<Redaction> = Vec::new();
    for line in lines(text) {
        let content = text.get(line.clone()).unwrap_or_default();
        if is_plain(content) {
            continue;
        }
        for (at, c) in unsafe_chars(content).filter(|&(_, c)| c != '\t') {
            let (start, end) = (line.start + at, line.start + at + c.len_utf8());
            match found.last_mut() {
                Some(Redaction { range, reason: RedactionReason::Invisible { count, .. } }) if range.end == start => {
                    range.end = end;
                    *count += 1;
                }
                _ => found
                    .push(Redaction { range: start..end, reason: RedactionReason::Invisible { first: c, count: 1 } }),
            }
        }
    }
    found
}

/// Returns whether a line has visible ASCII characters alone, as most lines.
///
/// Looks at every byte in any case: without a way out the loop takes 16 bytes at a time.
fn is_plain(line: &str) -> bool {
    line.bytes().fold(true, |plain, b| plain & matches!(b, b'\t' | b' '..=b'~'))
}

/// Returns the text with parts of it blanked. Each character keeps its length, so that bytes and columns stay the same.
fn blank(text: &str, redactions: &[Redaction]) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut done = 0;
    for Redaction { range, reason } in redactions {
        // Parts that overlap: what is left of the later one.
        let start = range.start.max(done);
        let Some(part) = text.get(start..range.end) else { continue };
        blanked.push_str(text.get(done..start).unwrap_or_default());
        match reason {
            RedactionReason::Secret => blank_secret(part, &mut blanked),
            RedactionReason::Invisible { .. } => blanked.extend(part.chars().map(visible)),
        }
        done = range.end;
    }
    blanked.push_str(text.get(done..).unwrap_or_default());
    blanked
}

/// Blanks what can be a part of a key or token, in any alphabet. What makes up the structure of YAML stays, so that the
/// problems around are still found.
fn blank_secret(part: &str, blanked: &mut String) {
    let mut escaped = false;
    for c in part.chars() {
        let is_structure = "\n\r\t :-\"'[]{},#|>".contains(c);
        blanked.push(match c {
            _ if is_structure && !escaped => c,
            _ if c.is_ascii() => 'x',
            _ => visible(c),
        });
        escaped = c == '\\' && !escaped;
    }
}

/// Returns a visible character that has as many bytes and no meaning in YAML.
fn visible(c: char) -> char {
    match c.len_utf8() {
        1 => '_',
        2 => '\u{b7}',
        3 => char::REPLACEMENT_CHARACTER,
        _ => '\u{1fbc4}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("keys.yaml"), text.to_owned())
    }

    #[test]
    fn every_line_break_of_yaml_begins_a_line() {
        for (text, line, column) in [("", 1, 1), ("ä", 1, 2), ("a\nb", 2, 2), ("a\r\nbc", 2, 3), ("\r\r\n\n", 4, 1)] {
            let source = source(text);
            let end = source.locate(&(text.len()..text.len()));
            assert_eq!((end.line, end.column), (line, column), "{text:?}");
            assert_eq!(lines(text).count(), line, "{text:?}");
        }
        let text = "a\r\nb\rc\n";
        assert_eq!(lines(text).map(|line| &text[line]).collect::<Vec<_>>(), ["a", "b", "c", ""]);
    }

    #[test]
    fn the_underline_ends_with_its_line() {
        let source = source("ä: bc\nd: |\n  e\n  f\n");
        let found = source.locate(&(4..6));
        assert_eq!((found.line, found.column, found.length, found.underline), (1, 4, Some(2), 4..6));
        let found = source.locate(&(10..18));
        assert_eq!((found.line, found.column, found.length, found.underline), (2, 4, None, 3..4));
        assert_eq!(found.line_text, "d: |");
    }

    #[test]
    fn redaction_keeps_all_offsets() {
        let text = "a: \"-----BEGIN PRIVATE KEY-----\\n\u{e4}\\\"MII\\n-----END PRIVATE KEY-----\" # b\u{1b}\u{85}\u{202e}\u{e0001}\n";
        let source = source(text);
        assert_eq!(source.text().len(), text.len());
        assert_eq!(source.text().find("# b"), text.find("# b"));
        assert_eq!(source.text().lines().count(), text.lines().count());
        assert!(!source.text().contains("MII") && !unsafe_chars(source.text()).any(|(_, c)| c != '\n'));
        assert!(
            source.text().starts_with("a: \"-----xxxxx ") && source.text().contains("xxx-----\" # b_"),
            "{}",
            source.text()
        );
    }
}
