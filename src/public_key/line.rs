//! Splits a text into lines and words as OpenSSH does: at spaces and tabs, without blank lines and `#` lines.

use std::ops::Range;

/// A part of a text, and the byte offset of its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

const BLANK: [char; 2] = [' ', '\t'];

/// Splits a text into the lines that may be keys. A lone carriage return ends a line too, so that nothing hides after it.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Part<'_>> {
    Part { text, start: 0 }.split(['\n', '\r']).map(Part::trim).filter(|line| !line.text.starts_with('#'))
}

impl<'a> Part<'a> {
    pub(super) fn range(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    pub(super) fn words(self) -> impl Iterator<Item = Part<'a>> {
        self.split(BLANK)
    }

    /// Splits off the first word and the white space after it.
    pub(super) fn split_word(self) -> (Self, Self) {
        let end = self.text.find(BLANK).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        (Self { text: word, ..self }, Self { text: rest, start: self.start + end }.trim())
    }

    fn trim(self) -> Self {
        let text = self.text.trim_start_matches(BLANK);
        let start = self.start + (self.text.len() - text.len());
        Self { text: text.trim_end_matches(BLANK), start }
    }

    /// Splits into the parts between separators, without blank ones.
    fn split<const N: usize>(self, separators: [char; N]) -> impl Iterator<Item = Part<'a>> {
        let mut start = self.start;
        self.text.split_inclusive(separators).filter_map(move |piece| {
            let part = Self { text: piece.trim_end_matches(separators), start };
            start += piece.len();
            (!part.text.trim_matches(BLANK).is_empty()).then_some(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_the_offset_of_its_start() {
        let text = "# one\r\n\r\n \t ü  b\tc d \rlast\n";
        let lines: Vec<_> = lines(text).collect();
        assert_eq!(lines.iter().map(|line| line.text).collect::<Vec<_>>(), ["ü  b\tc d", "last"]);
        for part in lines.iter().flat_map(|line| line.words()).chain(lines.clone()) {
            assert_eq!(&text[part.range()], part.text);
        }
        let (first, rest) = lines[0].split_word();
        assert_eq!((first.text, rest.text), ("ü", "b\tc d"));
        assert_eq!(&text[rest.range()], rest.text);
    }
}
