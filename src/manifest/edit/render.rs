//! The text of a new entry.

use super::scalar::{Quotes, ScalarPlace, scalar};
use crate::manifest::desired::{DesiredKey, RevokedKey};
use crate::names::AccountName;

/// The fields of an entry with their values, in the order of the text.
pub(crate) type FieldTexts = Vec<(&'static str, String)>;

/// Returns the fields of an entry of `keys`.
pub(crate) fn key_fields(entry: &DesiredKey, place: ScalarPlace) -> FieldTexts {
    let DesiredKey { name, key, account_name, primary, owner, expires, protect, exempt, place: _ } = entry;
    let text = |text: &str| scalar(text, place, Quotes::WhereNeeded);
    let mut fields = vec![("name", text(name.as_str())), ("publicKey", text(&key.to_line()))];
    fields.extend(account_name.as_ref().map(AccountName::as_str).map(|name| ("accountName", text(name))));
    fields.extend(owner.as_deref().map(|owner| ("owner", text(owner))));
    fields.extend(expires.map(|expires| ("expires", expires.to_string())));
    fields.extend(primary.then(|| ("primary", "true".to_owned())));
    fields.extend(protect.then(|| ("protect", "true".to_owned())));
    let checks: Vec<_> = exempt.iter().map(|check| check.field()).collect();
    fields.extend((!checks.is_empty()).then(|| ("exempt", format!("[{}]", checks.join(", ")))));
    fields
}

/// Returns the fields of an entry of `revoked`.
pub(crate) fn revoked_fields(entry: &RevokedKey, place: ScalarPlace) -> FieldTexts {
    let RevokedKey { fingerprint, blob, reason, place: _ } = entry;
    let text = |text: &str| scalar(text, place, Quotes::WhereNeeded);
    let mut fields = match blob {
        Some(blob) => vec![("publicKey", text(blob.as_str()))],
        None => vec![("fingerprint", text(&fingerprint.to_string()))],
    };
    fields.extend(reason.as_deref().map(|reason| ("reason", text(reason))));
    fields
}

/// Writes an entry as an item of a block list whose `-` has `indentation` blanks before it and `gap` after it.
pub(crate) fn block_item(fields: &FieldTexts, indentation: usize, gap: usize) -> String {
    let mut out = String::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        let dash = if index == 0 { "-" } else { " " };
        out.push_str(&format!("{:indentation$}{dash}{:gap$}{name}: {value}\n", "", ""));
    }
    out
}

/// Writes an entry as a mapping in braces.
pub(crate) fn flow_item(fields: &FieldTexts) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{{}}}", fields.join(", "))
}

/// Writes an entry of `keys` below a `keys:` at the beginning of a line.
pub(crate) fn block_entry(entry: &DesiredKey) -> String {
    block_item(&key_fields(entry, ScalarPlace::Block), 2, 1)
}
