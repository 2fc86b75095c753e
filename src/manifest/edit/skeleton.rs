//! The fields of a file that an edit needs, added where they are missing.

use std::path::Path;
use std::sync::Arc;

use super::layout::{Layout, LineKind};
use super::lookup::{field, tree};
use super::splice::{self, Splice};
use crate::manifest::tree::{Node, Value};

/// Completes a file without any value, and the only file of a manifest if it has no `keys`.
pub(super) fn complete(path: &Arc<Path>, text: &str, is_only: bool) -> String {
    let is_empty = tree(path, text).is_none_or(|root| is_null(&root));
    if is_empty || is_only { with_list(text, path, "keys") } else { text.to_owned() }
}

/// Adds an empty list to a file that does not have it. Returns any other text as it is.
pub(super) fn with_list(text: &str, path: &Arc<Path>, list: &str) -> String {
    let layout = Layout { text };
    let root = tree(path, text).filter(|root| !is_null(root));
    let Some(root) = root else {
        let lines = layout.fit_lines(text.len(), &format!("version: 1\n{list}: []\n"));
        return splice::apply(text, vec![Splice::insert(text.len(), lines)]);
    };
    let Value::Mapping(mapping) = &root.value else { return text.to_owned() };
    let (Some(top), Some(bottom)) = (mapping.fields.first(), mapping.fields.last()) else { return text.to_owned() };
    if field(&root, list).is_some() {
        return text.to_owned();
    }
    let end = bottom.value.range.end;
    if layout.is_flow(&root) {
        return splice::apply(text, vec![Splice::insert(end, format!(", {list}: []"))]);
    }
    let indentation = layout.column(top.name.range.start);
    let at = below(layout, end, indentation);
    // A file with empty lines between its fields gets another one.
    let is_spaced = mapping.fields.iter().skip(1).any(|field| {
        let start = layout.line_start(field.name.range.start);
        layout.lines_above(start, 0, |kind| kind == LineKind::Blank) < start
    });
    let blank = if is_spaced { "\n" } else { "" };
    let lines = layout.fit_lines(at, &format!("{blank}{:indentation$}{list}: []\n", ""));
    splice::apply(text, vec![Splice::insert(at, lines)])
}

/// Returns the end of what belongs to the last field of the file: also comments that are indented, below empty lines.
fn below(layout: Layout<'_>, end: usize, indentation: usize) -> usize {
    let mut at = layout.end_with_comments(end, indentation);
    let mut line = at;
    while line < layout.text.len() {
        match layout.line_kind(line) {
            LineKind::Blank => {}
            LineKind::Comment(comment) if comment > indentation => at = layout.next_line(line),
            LineKind::Comment(_) | LineKind::Other => break,
        }
        line = layout.next_line(line);
    }
    at
}

fn is_null(root: &Node<'_>) -> bool {
    matches!(&root.value, Value::Plain(text) if text.is_empty())
}
