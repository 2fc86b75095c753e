//! Where something stands in a text: lines and columns, as people and editors count them.

/// A position in a text: line and column in characters, both from 1. A lone CR ends a line too, as in YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A range in a text, its end not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Extent {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

impl Position {
    /// The first character of a text.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// Returns the position after `text`, which stands at `self`.
    pub(crate) fn after(mut self, text: &str) -> Self {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\n' || (c == '\r' && chars.peek() != Some(&'\n')) {
                self = Self { line: self.line.saturating_add(1), column: 1 };
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self
    }

    /// Returns the position `chars` further on the same line.
    pub(crate) fn along(self, chars: usize) -> Self {
        Self { column: self.column.saturating_add(to_u32(chars)), ..self }
    }

    /// Returns the range of one character here.
    pub(crate) fn one(self) -> Extent {
        Extent { start: self, end: self.along(1) }
    }
}

impl Extent {
    /// Tells whether the two share a character.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Returns how many characters to underline on the first line: at least one, and the rest of the line if the range
    /// goes on.
    pub(crate) fn length(&self) -> u32 {
        if self.end.line == self.start.line {
            self.end.column.saturating_sub(self.start.column).max(1)
        } else {
            u32::MAX
        }
    }
}

/// Narrows a count; texts are bounded far below the limit.
pub(crate) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Splits a text into lines at LF, CR LF and lone CR, without the line breaks.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.bytes().position(|b| b == b'\n' || b == b'\r') else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_of_yaml_begins_a_line() {
        for (text, line, column) in [("", 1, 1), ("ä", 1, 2), ("a\nb", 2, 2), ("a\r\nbc", 2, 3), ("\r\r\n\n", 4, 1)] {
            assert_eq!(Position::START.after(text), Position { line, column }, "{text:?}");
            assert_eq!(lines(text).count(), line as usize, "{text:?}");
        }
        assert_eq!(lines("a\r\nb\rc\n").collect::<Vec<_>>(), ["a", "b", "c", ""]);
    }
}
