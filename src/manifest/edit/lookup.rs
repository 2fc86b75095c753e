//! Finds parts of a file in its tree.

use std::path::Path;
use std::sync::Arc;

use crate::manifest::diagnostic::Problems;
use crate::manifest::tree::{Field, Node, Value};
use crate::manifest::yaml;

/// Returns whether a file contains a list: `keys` or `revoked`.
pub(super) fn has_list(path: &Arc<Path>, text: &str, list: &str) -> bool {
    tree(path, text).is_some_and(|root| field(&root, list).is_some())
}

/// Parses a text whose problems are known.
pub(super) fn tree<'t>(path: &Arc<Path>, text: &'t str) -> Option<Node<'t>> {
    yaml::parse(text, path, &mut Vec::new(), &mut Problems::default())
}

/// Finds a field of the file itself.
pub(super) fn field<'t, 'n>(root: &'n Node<'t>, name: &str) -> Option<&'n Field<'t>> {
    let Value::Mapping(mapping) = &root.value else { return None };
    mapping.fields.iter().find(|field| field.name.value == name)
}
