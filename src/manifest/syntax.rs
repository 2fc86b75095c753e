//! Explains the errors of the YAML parser.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use crate::terminal::escape::escape;

/// A part of the parser's message, our code and message, and what to do. The first that fits counts.
///
/// The parser has no codes: a test holds the result for each of its messages.
const EXPLANATIONS: &[(&str, &str, &str, &str)] = &[
    (
        "unknown anchor",
        "yaml-alias",
        "aliases are not allowed",
        "write the value here; put text that starts with `*` in quotes",
    ),
    (
        "the handle wasn't declared",
        "yaml-tag",
        "tags are not allowed",
        "remove it; put text that starts with `!` in quotes",
    ),
    ("tab", "yaml-syntax", "the indentation contains a tab", "indent with spaces"),
    (
        "mapping values are not allowed",
        "yaml-syntax",
        "a field is not allowed here",
        "put a value that contains `: ` in quotes, or check the indentation of this line and the one above",
    ),
    (
        "simple key expect",
        "yaml-syntax",
        "a field needs `:` and a space after its name",
        "check this line and the one above",
    ),
    (
        "did not find expected key",
        "yaml-syntax",
        "expected a field",
        "check the indentation; the fields of a key must be aligned",
    ),
    (
        "invalid indentation",
        "yaml-syntax",
        "the indentation does not match any line above",
        "align the fields of a key",
    ),
    ("unexpected character", "yaml-syntax", "a value cannot start with this character", "put the value in quotes"),
    (
        "expected ',' or",
        "yaml-syntax",
        "a `,` or a closing bracket is missing",
        "put text that contains brackets in quotes",
    ),
    ("misplaced bracket", "yaml-syntax", "unexpected closing bracket", "put text that contains brackets in quotes"),
    (
        "quoted scalar",
        "yaml-syntax",
        "the quotes of a value are not valid",
        "close the quote; in \"…\" write \\\\ for \\",
    ),
    ("escape", "yaml-syntax", "unknown escape sequence", "in \"…\" write \\\\ for \\, or use '…'"),
    ("recursion limit", "manifest-too-deep", "values are nested too deeply", "a manifest needs four levels"),
];

pub(crate) fn explain(info: &str, file: &Arc<Path>, range: &Range<usize>) -> Diagnostic {
    match EXPLANATIONS.iter().find(|(pattern, ..)| info.contains(pattern)) {
        Some((_, code, message, help)) => Diagnostic::error(code, file, range, *message).help(*help),
        None => Diagnostic::error("yaml-syntax", file, range, format!("invalid YAML: {}", escape(info)))
            .help("check the indentation and quotes of this line and the one above"),
    }
}
