//! Reads a public key from `publicKey` or from the file that `publicKeyFile` names.

use std::borrow::Cow;
use std::ops::Range;

use super::code::Code;
use super::fields::FieldReader;
use super::limits::MAX_SHOWN_CHARS;
use super::tree::{Field, Node, Spanned, Value};
use crate::public_key::{PublicKey, PublicKeyError, PublicKeyErrorKind};
use crate::terminal::escape::escape_to;

pub(crate) fn read_key(
    inline: Option<&Field<'_>>,
    in_file: Option<&Field<'_>>,
    reader: &mut FieldReader<'_>,
) -> Option<Spanned<PublicKey>> {
    if let (Some(_), Some(second)) = (inline, in_file) {
        let message = "the key has both `publicKey` and `publicKeyFile`";
        reader.error(Code::FieldBoth, &second.name.range, message, "remove one of them");
    }
    match (inline, in_file) {
        (Some(field), _) => read_inline(&field.value, reader, PublicKey::parse),
        (None, Some(field)) => read_file(&field.value, reader),
        (None, None) => None,
    }
}

/// Reads the text of a key with `parse`.
pub(crate) fn read_inline<T>(
    node: &Node<'_>,
    reader: &mut FieldReader<'_>,
    parse: impl FnOnce(&str) -> Result<T, PublicKeyError>,
) -> Option<Spanned<T>> {
    let text: &str = match &node.value {
        Value::Plain(text) if text != "~" && !text.trim().is_empty() => text,
        Value::Quoted(text) if !text.trim().is_empty() => text,
        // Empty values and other types are reported as for every field.
        _ => {
            reader.text(node, "`publicKey`")?;
            return None;
        }
    };
    match parse(text) {
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
    match reader.key_files.read(reader.file, name) {
        Ok(Ok(value)) => return Some(Spanned { value, range: node.range.clone() }),
        Ok(Err(error)) => {
            let reason = match &error.kind {
                // These two repeat a part of the text.
                PublicKeyErrorKind::Type { .. } => "it does not start with a supported key type".to_owned(),
                PublicKeyErrorKind::Character { .. } => "it contains an invisible character".to_owned(),
                safe => safe.to_string(),
            };
            reader.error(Code::from(&error.kind), &node.range, format!("`{shown}`: {reason}"), error.kind.help());
        }
        Err(error) => reader.error(error.code(), &node.range, format!("`{shown}` {error}"), error.help(name)),
    }
    None
}
