//! Renders text from outside as Markdown without any markup effect.

use std::fmt::Write as _;

use crate::terminal::escape::escape_to;
use crate::terminal::phrase::{Phrase, Piece};

/// Maximum length of a code span, in characters. Names are shorter.
const MAX_SPAN: usize = 200;

/// Renders a text as a code span. Backticks, bars, and blanks at either end are escaped as `\u{…}`, so that
/// the text cannot end the span or the line, nor the cell of a table around it.
pub(super) fn code(text: &str) -> String {
    let text = escape_to(text, MAX_SPAN);
    if text.is_empty() {
        return String::new();
    }
    let inner = text.trim_matches(' ');
    let before = text.len() - text.trim_start_matches(' ').len();
    let after = if inner.is_empty() { 0 } else { text.len() - text.trim_end_matches(' ').len() };
    let mut span = String::with_capacity(text.len() + 2);
    span.push('`');
    span.push_str(&"\\u{20}".repeat(before));
    for c in inner.chars() {
        if matches!(c, '`' | '|') {
            let _ = write!(span, "\\u{{{:x}}}", u32::from(c));
        } else {
            span.push(c);
        }
    }
    span.push_str(&"\\u{20}".repeat(after));
    span.push('`');
    span
}

/// Renders a sentence. Our own words are already Markdown.
pub(super) fn phrase(phrase: &Phrase) -> String {
    let pieces = phrase.pieces().iter().map(|piece| match piece {
        Piece::Ours(words) => words.clone(),
        Piece::Named(text) | Piece::Foreign(text) | Piece::Code(text) => code(text),
    });
    pieces.collect()
}

/// Renders lines as a code block. The fence is longer than any run of backticks in them.
pub(super) fn fence(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// Renders Markdown that is folded under a title.
pub(super) fn fold(title: &str, text: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{text}\n</details>\n\n")
}
