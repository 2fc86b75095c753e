//! Explains the errors of the YAML parser.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::code::Code;
use super::diagnostic::Diagnostic;
use crate::terminal::escape::escape;

/// A part of the parser's message, our code and message, and what to do. The first that fits counts.
///
/// The parser has no codes: a test holds the result for each of its messages.
const EXPLANATIONS: &[(&str, Code, &str, &str)] = &[
    (
        "unknown anchor",
        Code::YamlAlias,
        "aliases are not allowed",
        "write the value here; put text that starts with `*` in quotes",
    ),
    (
        "the handle wasn't declared",
        Code::YamlTag,
        "tags are not allowed",
        "remove it; put text that starts with `!` in quotes",
    ),
    ("tab", Code::YamlSyntax, "the indentation contains a tab", "indent with spaces"),
    (
        "mapping values are not allowed",
        Code::YamlSyntax,
        "a field is not allowed here",
        "put a value that contains `: ` in quotes, or check the indentation of this line and the one above",
    ),
    (
        "simple key expect",
        Code::YamlSyntax,
        "a field needs `:` and a space after its name",
        "check this line and the one above",
    ),
    (
        "did not find expected key",
        Code::YamlSyntax,
        "expected a field",
        "check the indentation; the fields of a key must be aligned",
    ),
    (
        "invalid indentation",
        Code::YamlSyntax,
        "the indentation does not match any line above",
        "align the fields of a key",
    ),
    ("unexpected character", Code::YamlSyntax, "a value cannot start with this character", "put the value in quotes"),
    (
        "expected ',' or",
        Code::YamlSyntax,
        "a `,` or a closing bracket is missing",
        "put text that contains brackets in quotes",
    ),
    ("misplaced bracket", Code::YamlSyntax, "unexpected closing bracket", "put text that contains brackets in quotes"),
    (
        "quoted scalar",
        Code::YamlSyntax,
        "the quotes of a value are not valid",
        "close the quote; in \"…\" write \\\\ for \\",
    ),
    ("escape", Code::YamlSyntax, "unknown escape sequence", "in \"…\" write \\\\ for \\, or use '…'"),
    ("recursion limit", Code::ManifestTooDeep, "values are nested too deeply", "a manifest needs four levels"),
];

pub(crate) fn explain(info: &str, file: &Arc<Path>, range: &Range<usize>) -> Diagnostic {
    match EXPLANATIONS.iter().find(|(pattern, ..)| info.contains(pattern)) {
        Some((_, code, message, help)) => Diagnostic::error(*code, file, range, *message).help(*help),
        None => Diagnostic::error(Code::YamlSyntax, file, range, format!("invalid YAML: {}", escape(info)))
            .help("check the indentation and quotes of this line and the one above"),
    }
}
