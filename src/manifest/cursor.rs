//! Finds the bytes of a text where the YAML scanner is.

use std::borrow::Cow;

use saphyr_parser::Marker;

use super::span::{Extent, to_u32};

/// Follows the scanner, which counts characters, in bytes.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    ascii: bool,
    byte: usize,
    index: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, ascii: text.is_ascii(), byte: 0, index: 0 }
    }

    /// Keeps a text: borrowed, if it stands in the source as it is from the byte `start` on.
    pub(crate) fn borrow(&self, text: Cow<'a, str>, start: usize) -> Cow<'a, str> {
        match self.text.get(start..start + text.len()) {
            Some(slice) if slice == text => Cow::Borrowed(slice),
            _ => text,
        }
    }

    /// Returns the byte at which the scanner was, in time proportional to the way from the last one.
    pub(crate) fn byte_of(&mut self, marker: Marker) -> usize {
        let target = marker.index();
        if self.ascii {
            return target;
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

    /// Finds the column of the first tab in the white space that a line begins with, before the scanner's place.
    pub(crate) fn tab_before(&mut self, marker: Marker) -> Option<u32> {
        let byte = self.byte_of(marker);
        let line = self.text.get(..byte)?.rsplit(['\n', '\r']).next()?;
        let white = line.get(..line.len() - line.trim_start_matches([' ', '\t']).len())?;
        white.find('\t').map(|at| to_u32(at).saturating_add(1))
    }

    /// Finds the anchor or tag among the properties that a value begins with.
    pub(crate) fn property(&self, start: usize, sign: char, value: Extent) -> Extent {
        let mut position = value.start;
        // An anchor, a tag, and what is between them.
        for word in self.text.get(start..).unwrap_or_default().split_inclusive([' ', '\t', '\n', '\r']).take(8) {
            let trimmed = word.trim_end();
            if trimmed.starts_with(sign) {
                return Extent { start: position, end: position.along(trimmed.chars().count()) };
            }
            position = position.after(word);
        }
        value.start.one()
    }
}
