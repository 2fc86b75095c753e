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
        "a manifest takes no aliases",
        "write the value here, where a reviewer sees it; quote a text that begins with `*`",
    ),
    (
        "the handle wasn't declared",
        "yaml-tag",
        "a manifest takes no tags",
        "remove it; quote a text that begins with `!`",
    ),
    ("tab", "yaml-syntax", "a tab stands in the indentation", "indent with spaces"),
    (
        "mapping values are not allowed",
        "yaml-syntax",
        "a `:` makes a field where none can be",
        "quote a value that holds `: `; else check the indentation of this line and the one above",
    ),
    (
        "simple key expect",
        "yaml-syntax",
        "a field needs a `:` and a space behind its name",
        "check this line and the one above",
    ),
    (
        "did not find expected key",
        "yaml-syntax",
        "here a field should begin",
        "check the indentation: the fields of one key stand below each other",
    ),
    (
        "invalid indentation",
        "yaml-syntax",
        "the indentation fits none of the lines above",
        "the fields of one key stand below each other",
    ),
    ("unexpected character", "yaml-syntax", "no text can begin with this character", "quote the value"),
    ("expected ',' or", "yaml-syntax", "a `,` or a closing bracket is missing", "quote a text that holds brackets"),
    ("misplaced bracket", "yaml-syntax", "this bracket closes nothing", "quote a text that holds brackets"),
    ("quoted scalar", "yaml-syntax", "the quotes of a value are wrong", "close the quote; in \"…\" write \\\\ for \\"),
    ("escape", "yaml-syntax", "this escape is not known", "in \"…\" write \\\\ for \\, or use '…'"),
    ("recursion limit", "manifest-too-deep", "values nest too deep here", "a manifest needs four levels"),
];

pub(crate) fn explain(info: &str, file: &Arc<Path>, range: &Range<usize>) -> Diagnostic {
    match EXPLANATIONS.iter().find(|(pattern, ..)| info.contains(pattern)) {
        Some((_, code, message, help)) => Diagnostic::error(code, file, range, *message).help(*help),
        None => Diagnostic::error("yaml-syntax", file, range, format!("not YAML: {}", escape(info)))
            .help("check indentation and quotes of this line and the one above"),
    }
}
