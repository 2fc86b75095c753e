//! Finds parts of a file in its tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::manifest::diagnostic::Problems;
use crate::manifest::tree::{Field, Node, Value};
use crate::manifest::yaml;

/// Returns whether a file contains a list: `keys` or `revoked`.
pub(super) fn has_list(path: &Arc<Path>, text: &str, list: &str) -> bool {
    tree(path, text).is_some_and(|root| field(&root, list).is_some())
}

/// Returns the files that `publicKeyFile` names, as they are named, by their paths with links followed.
pub(super) fn key_files(path: &Arc<Path>, text: &str) -> BTreeMap<PathBuf, PathBuf> {
    let Some(root) = tree(path, text) else { return BTreeMap::new() };
    let Some(Field { value: Node { value: Value::List(entries), .. }, .. }) = field(&root, "keys") else {
        return BTreeMap::new();
    };
    let named = entries.iter().filter_map(|entry| match &field(entry, "publicKeyFile")?.value.value {
        Value::Plain(name) | Value::Quoted(name) => Some(path.with_file_name(name.as_ref())),
        Value::List(_) | Value::Mapping(_) | Value::Refused => None,
    });
    named.filter_map(|named| Some((named.canonicalize().ok()?, named))).collect()
}

/// Parses a text whose problems are known.
pub(super) fn tree<'t>(path: &Arc<Path>, text: &'t str) -> Option<Node<'t>> {
    yaml::parse(text, path, &mut Vec::new(), &mut Problems::default())
}

/// Finds a field of a mapping.
pub(super) fn field<'t, 'n>(mapping: &'n Node<'t>, name: &str) -> Option<&'n Field<'t>> {
    let Value::Mapping(mapping) = &mapping.value else { return None };
    mapping.fields.iter().find(|field| field.name.value == name)
}
