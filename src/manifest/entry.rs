//! Reads one entry of `keys`.

use std::borrow::Cow;

use super::fields::{SHOWN, Scope};
use super::read::{Entry, KeyFiles, Placed, Wanted};
use super::span::Extent;
use super::tree::{Field, Mapping, Node, Value};
use crate::names::KeyName;
use crate::public_key::{PublicKey, PublicKeyError, PublicKeyErrorKind};
use crate::terminal::sanitize;

/// The longest `owner`, in characters.
pub(crate) const MAX_OWNER: usize = 256;

const FIELDS: [&str; 7] = ["name", "publicKey", "publicKeyFile", "owner", "expires", "protect", "primary"];

/// Reads one entry. Each field that is wrong is reported, and nothing in the result.
pub(crate) fn read(extent: Extent, mapping: &Mapping<'_>, scope: &mut Scope<'_>, key_files: &dyn KeyFiles) -> Entry {
    let mut entry = Entry {
        extent,
        name: None,
        key: None,
        owner: Wanted::Absent,
        expires: Wanted::Absent,
        primary: None,
        protect: false,
    };
    let (mut named, mut inline, mut in_file) = (false, None, None);
    // A field that was misspelled is not reported as missing too.
    let mut misspelled = Vec::new();
    for field in &mapping.fields {
        match &*field.name {
            "name" => {
                named = true;
                entry.name = read_name(&field.value, scope);
            }
            "publicKey" => inline = Some(field),
            "publicKeyFile" => in_file = Some(field),
            "owner" => {
                let owner = scope.line(&field.value, "`owner`", MAX_OWNER);
                entry.owner = Wanted::of(owner.map(str::to_owned));
            }
            "expires" => {
                let date = scope.date(field);
                entry.expires = Wanted::of(date.map(|value| Placed { value, extent: field.value.extent }));
            }
            "protect" => entry.protect = scope.truth(field).unwrap_or_default(),
            "primary" => {
                entry.primary = scope.truth(field).map(|value| Placed { value, extent: field.value.extent });
            }
            _ => misspelled.extend(scope.unknown(field, &FIELDS, "a key")),
        }
    }
    if !named && !misspelled.contains(&"name") {
        scope.missing(mapping, extent, "name", "the key", "name: …");
    }
    let keyless = inline.is_none() && in_file.is_none();
    if keyless && !misspelled.iter().any(|meant| meant.starts_with("publicKey")) {
        let example = "publicKey: ssh-ed25519 …` or `publicKeyFile: …";
        scope.missing(mapping, extent, "publicKey", "the key", example);
    }
    entry.key = read_key(inline, in_file, scope, key_files);
    entry
}

fn read_name(node: &Node<'_>, scope: &mut Scope<'_>) -> Option<Placed<KeyName>> {
    let text = scope.text(node, "`name`")?;
    match KeyName::new(text) {
        Ok(value) => Some(Placed { value, extent: node.extent }),
        Err(error) => {
            let message = format!("`name` cannot be used: {error}");
            scope.error(
                "name-invalid",
                node.extent,
                message,
                "a name is visible text on one line, such as `alice-laptop`",
            );
            None
        }
    }
}

fn read_key(
    inline: Option<&Field<'_>>,
    in_file: Option<&Field<'_>>,
    scope: &mut Scope<'_>,
    key_files: &dyn KeyFiles,
) -> Option<Placed<PublicKey>> {
    if let (Some(_), Some(second)) = (inline, in_file) {
        let message = "the key has both `publicKey` and `publicKeyFile`";
        scope.error("field-both", second.extent, message, "keep one of the two");
    }
    match (inline, in_file) {
        (Some(field), _) => read_inline(&field.value, scope),
        (None, Some(field)) => read_file(&field.value, scope, key_files),
        (None, None) => None,
    }
}

fn read_inline(node: &Node<'_>, scope: &mut Scope<'_>) -> Option<Placed<PublicKey>> {
    let text = match &node.value {
        // An empty value, or no text at all, gets the same answer as everywhere.
        Value::Plain(text) | Value::Quoted(text) if text.len() > 1 && text.contains(|c: char| !c.is_whitespace()) => {
            text
        }
        _ => {
            scope.text(node, "`publicKey`")?;
            return None;
        }
    };
    match PublicKey::parse(text) {
        Ok(value) => Some(Placed { value, extent: node.extent }),
        Err(error) => {
            if matches!(error.kind, PublicKeyErrorKind::Private { .. }) {
                scope.hidden.push(node.extent);
            }
            let extent = part_of(node, &error).unwrap_or(node.extent);
            scope.error(error.kind.code(), extent, error.to_string(), error.kind.help());
            None
        }
    }
}

/// Returns the part of the value that the error is about, if it stands in the source as it was read.
fn part_of(node: &Node<'_>, error: &PublicKeyError) -> Option<Extent> {
    let (quote, text) = match node.value {
        Value::Plain(Cow::Borrowed(text)) => (0, text),
        Value::Quoted(Cow::Borrowed(text)) => (1, text),
        _ => return None,
    };
    let span = error.at.clone()?;
    let start = node.extent.start.along(quote + text.get(..span.start)?.chars().count());
    Some(Extent { start, end: start.along(text.get(span)?.chars().count()) })
}

/// Reads the key from its file. Whatever is wrong with the file, nothing of its content is told.
fn read_file(node: &Node<'_>, scope: &mut Scope<'_>, key_files: &dyn KeyFiles) -> Option<Placed<PublicKey>> {
    let name = scope.text(node, "`publicKeyFile`")?;
    let shown = sanitize::escape_to(name, SHOWN);
    match key_files.read(scope.file, name) {
        Ok(text) => match PublicKey::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)) {
            Ok(value) => {
                return Some(Placed { value, extent: node.extent });
            }
            Err(error) => {
                let reason = match &error.kind {
                    // These two repeat a part of the text.
                    PublicKeyErrorKind::Type { .. } => "it does not begin with a type of public key".to_owned(),
                    PublicKeyErrorKind::Character { .. } => "it holds a character that is not seen".to_owned(),
                    safe => safe.to_string(),
                };
                scope.error(error.kind.code(), node.extent, format!("`{shown}`: {reason}"), error.kind.help());
            }
        },
        Err(error) => scope.error(error.code(), node.extent, format!("`{shown}` {error}"), error.help()),
    }
    None
}
