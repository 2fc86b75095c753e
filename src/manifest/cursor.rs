//! Finds the bytes of a text where the YAML scanner is.

use std::borrow::Cow;

use saphyr_parser::Marker;

use super::span::{Extent, Position, to_u32};

/// How many bytes before a value its anchor and tag are looked for.
const MAX_PROPERTY: usize = 256;

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

    /// Finds the anchor or tag before a value on the same line; the value itself if it is elsewhere.
    pub(crate) fn property_before(&self, start: usize, sign: char, value: Extent) -> Extent {
        let before = self.text.get(..start).unwrap_or_default();
        // Bounded, for a line may hold thousands.
        let near = before.get(before.floor_char_boundary(start.saturating_sub(MAX_PROPERTY))..).unwrap_or_default();
        let line = near.rfind(['\n', '\r']).map_or(near, |end| near.get(end + 1..).unwrap_or_default());
        let words = line.split_inclusive([' ', '\t']).rev().take(2);
        let mut column = value.start.column;
        for word in words {
            column = column.saturating_sub(to_u32(word.chars().count()));
            let word = word.trim_end();
            if word.starts_with(sign) {
                let start = Position { line: value.start.line, column };
                return Extent { start, end: start.along(word.chars().count()) };
            }
        }
        value
    }
}
