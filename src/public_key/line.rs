//! Lines and words as OpenSSH reads them: blank and tab part words, blank lines and `#` lines are no keys.

use std::ops::Range;

/// A part of a text, and the byte at which it starts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

const BLANK: [char; 2] = [' ', '\t'];

/// Splits a text into the lines that could be keys. A lone carriage return ends a line too: nothing hides behind it.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Part<'_>> {
    Part { text, start: 0 }.split(['\n', '\r']).map(Part::trim).filter(|line| !line.text.starts_with('#'))
}

impl<'a> Part<'a> {
    pub(super) fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    pub(super) fn words(self) -> impl Iterator<Item = Part<'a>> {
        self.split(BLANK)
    }

    /// Splits into the first word and what follows the white space after it.
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

    /// Splits into the parts between separators that are not empty.
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
    fn every_part_knows_where_it_starts() {
        let text = "# one\r\n\r\n \t ü  b\tc d \rlast\n";
        let lines: Vec<_> = lines(text).collect();
        assert_eq!(lines.iter().map(|line| line.text).collect::<Vec<_>>(), ["ü  b\tc d", "last"]);
        for part in lines.iter().flat_map(|line| line.words()).chain(lines.clone()) {
            assert_eq!(&text[part.span()], part.text);
        }
        let (first, rest) = lines[0].split_word();
        assert_eq!((first.text, rest.text), ("ü", "b\tc d"));
        assert_eq!(&text[rest.span()], rest.text);
    }
}
