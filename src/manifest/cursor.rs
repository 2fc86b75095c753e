//! Finds the bytes of a text where the YAML scanner is, which counts characters.

use std::borrow::Cow;
use std::ops::Range;

use saphyr_parser::{Marker, ScalarStyle, Span};

pub(crate) struct Cursor<'a> {
    text: &'a str,
    is_ascii: bool,
    byte: usize,
    index: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, is_ascii: text.is_ascii(), byte: 0, index: 0 }
    }

    /// Takes time proportional to the distance from the place that was asked for last.
    pub(crate) fn byte_of(&mut self, marker: Marker) -> usize {
        let target = marker.index();
        if self.is_ascii {
            return target.min(self.text.len());
        }
        if target < self.index {
            let before = self.text.get(..self.byte).unwrap_or_default();
            let back: usize = before.chars().rev().take(self.index - target).map(char::len_utf8).sum();
            self.byte -= back;
        } else {
            let after = self.text.get(self.byte..).unwrap_or_default();
            let ahead: usize = after.chars().take(target - self.index).map(char::len_utf8).sum();
            self.byte += ahead;
        }
        self.index = target;
        self.byte
    }

    /// Returns the bytes of a span, without white space at its end.
    pub(crate) fn range_of(&mut self, span: Span) -> Range<usize> {
        let start = self.byte_of(span.start);
        let end = self.byte_of(span.end);
        let length = self.text.get(start..end).map_or(0, |text| text.trim_end().len());
        start..start + length
    }

    /// Returns the bytes of a scalar, with its quotes, or without the `|` or `>` above it.
    pub(crate) fn range_of_scalar(&mut self, span: Span, style: ScalarStyle) -> Range<usize> {
        let range = self.range_of(span);
        let quote = match style {
            ScalarStyle::SingleQuoted => '\'',
            ScalarStyle::DoubleQuoted => '"',
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => return range,
        };
        // The scanner counts white space and a comment after the closing quote too.
        let mut chars = self.text.get(range.start + 1..range.end).unwrap_or_default().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == '\\' && quote == '"' {
                chars.next();
            } else if c == quote && (quote == '"' || chars.next_if(|(_, next)| *next == quote).is_none()) {
                return range.start..range.start + 1 + at + 1;
            }
        }
        range
    }

    /// Returns the bytes of the character at a place; none at the end of the text.
    pub(crate) fn char_at(&self, start: usize) -> Range<usize> {
        let next = self.text.get(start..).and_then(|rest| rest.chars().next());
        start..start + next.map_or(0, char::len_utf8)
    }

    /// Borrows a text, if it is in the source as it is from the byte `start` on.
    pub(crate) fn borrow(&self, text: Cow<'a, str>, start: usize) -> Cow<'a, str> {
        match self.text.get(start..start + text.len()) {
            Some(slice) if slice == text => Cow::Borrowed(slice),
            _ => text,
        }
    }

    /// Finds the first tab in the indentation of the line that `at` is in, or of a line below it.
    pub(crate) fn indented_with_tab(&self, at: usize) -> Option<Range<usize>> {
        let mut line_start = self.text.get(..at)?.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        for line in self.text.get(line_start..)?.split_inclusive(['\n', '\r']) {
            let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(tab) = line.get(..indentation).and_then(|blanks| blanks.find('\t')) {
                return Some(line_start + tab..line_start + tab + 1);
            }
            line_start += line.len();
        }
        None
    }

    /// Finds the anchor (`&`) or tag (`!`) that a value begins with.
    pub(crate) fn property(&self, start: usize, sign: char) -> Range<usize> {
        let mut at = start;
        // An anchor, a tag, and the white space between them.
        for word in self.text.get(start..).unwrap_or_default().split_inclusive([' ', '\t', '\n', '\r']).take(8) {
            let length = word.trim_end().len();
            if word.starts_with(sign) {
                return at..at + length;
            }
            at += word.len();
        }
        self.char_at(start)
    }

    /// Returns the place after the bracket that closes a flow collection whose last part ends at `at`.
    pub(crate) fn after_bracket(&self, mut at: usize) -> Option<usize> {
        loop {
            let rest = self.text.get(at..)?;
            at += match rest.bytes().next()? {
                b']' | b'}' => return Some(at + 1),
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => 1,
                b'#' => rest.find(['\n', '\r'])?,
                _ => return None,
            };
        }
    }

    /// Returns whether a sign is at a place.
    pub(crate) fn is_at(&self, start: usize, sign: char) -> bool {
        self.text.get(start..).is_some_and(|rest| rest.starts_with(sign))
    }
}
