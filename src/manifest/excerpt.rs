//! Cuts the part of a source line that a problem is about, fit for a terminal.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use super::diagnostic::Span;
use crate::terminal::sanitize;

/// How wide the shown part of a line may be, in columns of the terminal.
const WIDTH: usize = 100;

/// How many columns before the underlined part stay in sight when the line is cut.
const BEFORE: usize = 30;

/// What stands for a tab: no column of YAML depends on its width.
const TAB: &str = "    ";

/// A part of a line and where to underline it, both in columns of the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    pub(crate) indent: usize,
    pub(crate) width: usize,
}

/// Cuts `line` around `span`. Every character that is unsafe on a terminal is escaped.
pub(crate) fn cut(line: &str, span: Span) -> Excerpt {
    let first = (span.column as usize).saturating_sub(1);
    // An escaped character is wide, but no line is worth more characters than columns.
    let from = if first > WIDTH - BEFORE { first - BEFORE } else { 0 };
    let mut chars = line.chars().skip(from).enumerate().map(|(at, c)| (from + at, c)).peekable();
    let mut excerpt = Excerpt { text: String::new(), indent: 0, width: 0 };
    let mut width = 0;
    if from > 0 {
        excerpt.text.push('…');
        width += 1;
    }
    let end = first.saturating_add(span.length as usize);
    excerpt.indent = width;
    while let Some((at, c)) = chars.next_if(|_| width < WIDTH) {
        let before = excerpt.text.len();
        push(&mut excerpt.text, c);
        let wide = excerpt.text.get(before..).map_or(0, |shown| shown.chars().map(|c| c.width().unwrap_or(0)).sum());
        width += wide;
        if at < first {
            excerpt.indent = width;
        } else if at < end {
            excerpt.width += wide;
        }
    }
    if chars.peek().is_some() {
        excerpt.text.push('…');
    }
    excerpt.width = excerpt.width.max(1);
    let kept = excerpt.text.trim_end().len();
    excerpt.text.truncate(kept);
    excerpt
}

fn push(text: &mut String, c: char) {
    if c == '\t' {
        text.push_str(TAB);
    } else if sanitize::is_unsafe(c) {
        let _ = write!(text, "{}", c.escape_default());
    } else {
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, column: u32, length: u32, expected: &str) {
        let Excerpt { text, indent, width } = cut(line, Span { line: 1, column, length });
        assert_eq!(format!("{text}\n{}{}", " ".repeat(indent), "^".repeat(width)), expected);
    }

    #[test]
    fn the_underline_stands_below_its_value() {
        check("name: alice", 7, 5, "name: alice\n      ^^^^^");
        check("\tname: x", 2, 4, "    name: x\n    ^^^^");
        check("日本: x", 5, 1, "日本: x\n      ^");
        check("a\u{202e}b", 2, 1, "a\\u{202e}b\n ^^^^^^^^");
        check("ab", 3, 1, "ab\n  ^");
        check("a: |", 4, u32::MAX, "a: |\n   ^");
        check("", 1, 1, "\n^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_value() {
        let line = format!("{}VALUE{}", "a".repeat(1000), "b".repeat(1000));
        let Excerpt { text, indent, width } = cut(&line, Span { line: 1, column: 1001, length: 5 });
        assert!(text.starts_with("…aaa") && text.ends_with("bbb…"), "{text}");
        assert_eq!(text.chars().skip(indent).take(width).collect::<String>(), "VALUE");
        assert!(text.chars().count() <= WIDTH + 1);
        assert!(cut(&line, Span { line: 1, column: 3, length: 5000 }).width <= WIDTH);
    }
}
