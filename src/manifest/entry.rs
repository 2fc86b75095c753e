//! Reads one entry of `keys`.

use std::borrow::Cow;
use std::ops::Range;

use super::code::Code;
use super::contents::{Entry, Optional};
use super::fields::FieldReader;
use super::key_file;
use super::limits::{MAX_OWNER_CHARS, MAX_SHOWN_CHARS};
use super::tree::{Field, Mapping, Node, Spanned, Value};
use crate::names::KeyName;
use crate::public_key::{PublicKey, PublicKeyError, PublicKeyErrorKind};
use crate::terminal::escape::escape_to;

pub(crate) const FIELDS: [&str; 7] = ["name", "publicKey", "publicKeyFile", "owner", "expires", "protect", "primary"];

pub(crate) fn read(node: &Node<'_>, mapping: &Mapping<'_>, reader: &mut FieldReader<'_>) -> Entry {
    let head = node.head();
    let mut entry = Entry {
        range: node.range.clone(),
        head: head.clone(),
        name: None,
        key: None,
        owner: Optional::Missing,
        expires: Optional::Missing,
        primary: None,
        protect: false,
    };
    let (mut named, mut inline, mut in_file) = (false, None, None);
    // A field that was misspelled is not reported as missing too.
    let mut misspelled = Vec::new();
    for field in &mapping.fields {
        match &*field.name.value {
            "name" => {
                named = true;
                entry.name = read_name(&field.value, reader);
            }
            "publicKey" => inline = Some(field),
            "publicKeyFile" => in_file = Some(field),
            "owner" => {
                let owner = reader.line(&field.value, "`owner`", MAX_OWNER_CHARS);
                entry.owner = Optional::present(owner.map(str::to_owned));
            }
            "expires" => {
                let date = reader.date(field);
                entry.expires =
                    Optional::present(date.map(|value| Spanned { value, range: field.value.range.clone() }));
            }
            "protect" => entry.protect = reader.bool(field).unwrap_or_default(),
            "primary" => {
                entry.primary = reader.bool(field).map(|value| Spanned { value, range: field.value.range.clone() });
            }
            _ => misspelled.extend(reader.unknown(field, &FIELDS, "a key")),
        }
    }
    if !named && !misspelled.contains(&"name") {
        reader.missing(mapping, &head, "name", "the key", "name: …");
    }
    let keyless = inline.is_none() && in_file.is_none();
    if keyless && !misspelled.iter().any(|meant| meant.starts_with("publicKey")) {
        let example = "publicKey: ssh-ed25519 …` or `publicKeyFile: …";
        reader.missing(mapping, &head, "publicKey", "the key", example);
    }
    entry.key = read_key(inline, in_file, reader);
    entry
}

fn read_name(node: &Node<'_>, reader: &mut FieldReader<'_>) -> Option<Spanned<KeyName>> {
    let text = reader.text(node, "`name`")?;
    match KeyName::new(text) {
        Ok(value) => Some(Spanned { value, range: node.range.clone() }),
        Err(error) => {
            let message = format!("invalid `name`: {error}");
            reader.error(
                Code::NameInvalid,
                &node.range,
                message,
                "use visible text on one line, such as `alice-laptop`",
            );
            None
        }
    }
}

fn read_key(
    inline: Option<&Field<'_>>,
    in_file: Option<&Field<'_>>,
    reader: &mut FieldReader<'_>,
) -> Option<Spanned<PublicKey>> {
    if let (Some(_), Some(second)) = (inline, in_file) {
        let message = "the key has both `publicKey` and `publicKeyFile`";
        reader.error(Code::FieldBoth, &second.name.range, message, "remove one of them");
    }
    match (inline, in_file) {
        (Some(field), _) => read_inline(&field.value, reader),
        (None, Some(field)) => read_file(&field.value, reader),
        (None, None) => None,
    }
}

fn read_inline(node: &Node<'_>, reader: &mut FieldReader<'_>) -> Option<Spanned<PublicKey>> {
    let text = match &node.value {
        // Empty values and other types are reported as for every field.
        Value::Plain(text) | Value::Quoted(text) if text.len() > 1 && text.contains(|c: char| !c.is_whitespace()) => {
            text
        }
        _ => {
            reader.text(node, "`publicKey`")?;
            return None;
        }
    };
    match PublicKey::parse(text) {
        Ok(value) => Some(Spanned { value, range: node.range.clone() }),
        Err(error) => {
            if matches!(error.kind, PublicKeyErrorKind::Private { .. }) {
                reader.secrets.push(node.range.clone());
            }
            let range = part_of(node, &error).unwrap_or_else(|| node.range.clone());
            reader.error(Code::from(&error.kind), &range, error.to_string(), error.kind.help());
            None
        }
    }
}

/// Returns the part of the value that the error is about, if the source has the text as it was parsed.
fn part_of(node: &Node<'_>, error: &PublicKeyError) -> Option<Range<usize>> {
    let quote = match node.value {
        Value::Plain(Cow::Borrowed(_)) => 0,
        Value::Quoted(Cow::Borrowed(_)) => 1,
        _ => return None,
    };
    let start = node.range.start + quote;
    error.at.as_ref().map(|at| start + at.start..start + at.end)
}

/// Reads the key from its file. No message repeats any of its content.
fn read_file(node: &Node<'_>, reader: &mut FieldReader<'_>) -> Option<Spanned<PublicKey>> {
    let name = reader.text(node, "`publicKeyFile`")?;
    let shown = escape_to(name, MAX_SHOWN_CHARS);
    match key_file::read(reader.file, name) {
        Ok(text) => match PublicKey::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)) {
            Ok(value) => {
                return Some(Spanned { value, range: node.range.clone() });
            }
            Err(error) => {
                let reason = match &error.kind {
                    // These two repeat a part of the text.
                    PublicKeyErrorKind::Type { .. } => "it does not start with a supported key type".to_owned(),
                    PublicKeyErrorKind::Character { .. } => "it contains an invisible character".to_owned(),
                    safe => safe.to_string(),
                };
                reader.error(Code::from(&error.kind), &node.range, format!("`{shown}`: {reason}"), error.kind.help());
            }
        },
        Err(error) => reader.error(error.code(), &node.range, format!("`{shown}` {error}"), error.help()),
    }
    None
}
