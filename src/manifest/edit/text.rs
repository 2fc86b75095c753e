//! The text of one file after edits.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::error::{EditError, Obstacle};
use super::field::{FieldEdit, FieldValue};
use super::layout::Layout;
use super::list::ListEdit;
use super::lookup::{field, tree};
use super::operation::Edit;
use super::render::{key_fields, revoked_fields};
use super::splice::Splice;
use super::{skeleton, splice};
use crate::manifest::desired::{Desired, DesiredKey};
use crate::manifest::source::Source;
use crate::manifest::tree::{Field, Mapping, Node, Value};
use crate::names::{AccountName, KeyName};

/// An entry of `keys` in the tree.
struct NamedEntry<'t, 'n> {
    index: usize,
    name: &'n str,
    node: &'n Node<'t>,
    mapping: &'n Mapping<'t>,
}

/// Returns the text of a file after those edits that are about it.
///
/// Each edit is applied to the text that the one before it left: it may be about what that one wrote.
pub(super) fn edited(path: &Arc<Path>, text: &str, edits: &[Edit], before: &Desired) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for edit in edits {
        let list = match edit {
            Edit::Add { file, .. } if file == path => "keys",
            Edit::Revoke { file, .. } if file == path => "revoked",
            Edit::Update { .. } | Edit::Remove(_) => "keys",
            Edit::Add { .. } | Edit::Revoke { .. } => continue,
        };
        if matches!(edit, Edit::Add { .. } | Edit::Revoke { .. }) {
            text = skeleton::with_list(&text, path, list);
        }
        let splices = splices(path, &text, list, edit, before).map_err(|Obstacle { at, kind }| EditError::InPlace {
            path: path.to_path_buf(),
            line: Source::new(path, text.clone()).locate(&(at..at)).line,
            kind,
        })?;
        text = splice::apply(&text, splices);
    }
    Ok(text)
}

fn splices(path: &Arc<Path>, text: &str, list: &str, edit: &Edit, before: &Desired) -> Result<Vec<Splice>, Obstacle> {
    let layout = Layout { text };
    let Some(root) = tree(path, text) else { return Ok(Vec::new()) };
    let Some(field) = field(&root, list) else { return Ok(Vec::new()) };
    let Some(items) = ListEdit::new(layout, &root, field) else { return Ok(Vec::new()) };
    match edit {
        Edit::Add { keys, .. } => items.append(|place| keys.iter().map(|key| key_fields(key, place)).collect()),
        Edit::Revoke { keys, .. } => items.append(|place| keys.iter().map(|key| revoked_fields(key, place)).collect()),
        Edit::Remove(names) => {
            let names: HashSet<_> = names.iter().map(KeyName::as_str).collect();
            let removed = entries(field).filter(|entry| names.contains(entry.name)).map(|entry| entry.index);
            items.remove(&removed.collect::<Vec<_>>())
        }
        Edit::Update { name, key } => {
            let old = before.keys.iter().find(|old| old.name == *name);
            match (entries(field).find(|entry| entry.name == name.as_str()), old) {
                (Some(entry), Some(old)) => update(&FieldEdit::new(layout, entry.node, entry.mapping), old, key),
                _ => Ok(Vec::new()),
            }
        }
    }
}

fn entries<'t, 'n>(keys: &'n Field<'t>) -> impl Iterator<Item = NamedEntry<'t, 'n>> {
    let items: &[Node<'t>] = match &keys.value.value {
        Value::List(items) => items,
        _ => &[],
    };
    items.iter().enumerate().filter_map(|(index, node)| {
        let Value::Mapping(mapping) = &node.value else { return None };
        let name = mapping.fields.iter().find(|field| field.name.value == "name")?;
        match &name.value.value {
            Value::Plain(name) | Value::Quoted(name) => Some(NamedEntry { index, name, node, mapping }),
            _ => None,
        }
    })
}

/// Sets and removes the fields in which an entry differs.
fn update(edit: &FieldEdit<'_, '_>, old: &DesiredKey, new: &DesiredKey) -> Result<Vec<Splice>, Obstacle> {
    let DesiredKey { name, key, account_name, primary, owner, expires, protect, exempt: _, place: _ } = new;
    let mut splices = Vec::new();
    if *name != old.name {
        splices.push(edit.set("name", FieldValue::Text(name.as_str()))?);
    }
    if *key != old.key {
        let line = key.to_line();
        splices.push(edit.set_instead_of("publicKeyFile", "publicKey", FieldValue::Text(&line))?);
    }
    for (field, new, old) in [
        (
            "accountName",
            account_name.as_ref().map(AccountName::as_str),
            old.account_name.as_ref().map(AccountName::as_str),
        ),
        ("owner", owner.as_deref(), old.owner.as_deref()),
    ] {
        match new {
            _ if new == old => {}
            Some(new) => splices.push(edit.set(field, FieldValue::Text(new))?),
            None => splices.extend(edit.remove(field)?),
        }
    }
    let date = |date: &Option<Date>| date.map(|date| date.to_string());
    let flag = |flag: bool| flag.then(|| "true".to_owned());
    for (field, new, old) in [
        ("expires", date(expires), date(&old.expires)),
        ("primary", flag(*primary), flag(old.primary)),
        ("protect", flag(*protect), flag(old.protect)),
    ] {
        match new {
            _ if new == old => {}
            Some(new) => splices.push(edit.set(field, FieldValue::Bare(&new))?),
            None => splices.extend(edit.remove(field)?),
        }
    }
    Ok(splices)
}
