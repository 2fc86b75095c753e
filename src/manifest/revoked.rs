//! Reads `revoked`: keys that must not be on the account.

use super::code::Code;
use super::contents::RevokedEntry;
use super::fields::FieldReader;
use super::key_field::read_inline;
use super::limits::MAX_REASON_CHARS;
use super::tree::{Field, Mapping, Node, Spanned};
use crate::public_key::{Fingerprint, KeyBlob, PublicKey, PublicKeyError, PublicKeyErrorKind as Kind};

pub(crate) const FIELDS: [&str; 3] = ["fingerprint", "publicKey", "reason"];

pub(crate) fn read(node: &Node<'_>, mapping: &Mapping<'_>, reader: &mut FieldReader<'_>) -> RevokedEntry {
    let head = node.head();
    let mut entry = RevokedEntry { range: node.range.clone(), fingerprint: None, blob: None, reason: None };
    let (mut fingerprint, mut key) = (None, None);
    let mut misspelled = false;
    for field in &mapping.fields {
        match &*field.name.value {
            "fingerprint" => fingerprint = Some(field),
            "publicKey" => key = Some(field),
            "reason" => entry.reason = reader.line(&field.value, "`reason`", MAX_REASON_CHARS).map(str::to_owned),
            _ => misspelled |= reader.unknown(field, &FIELDS, "a revoked key").is_some_and(|meant| meant != "reason"),
        }
    }
    match (fingerprint, key) {
        (Some(_), Some(second)) => {
            let message = "the revoked key has both `fingerprint` and `publicKey`";
            reader.error(Code::FieldBoth, &second.name.range, message, "remove one of them");
        }
        (Some(field), None) => entry.fingerprint = read_fingerprint(field, reader),
        (None, Some(field)) => {
            if let Some(Spanned { value: blob, range }) = read_inline(&field.value, reader, parse_any_strength) {
                entry.fingerprint = Some(Spanned { value: blob.fingerprint(), range });
                entry.blob = Some(blob);
            }
        }
        (None, None) if misspelled => {}
        (None, None) => {
            let example = "fingerprint: SHA256:…` or `publicKey: ssh-ed25519 …";
            reader.missing(mapping, &head, "fingerprint", "the revoked key", example);
        }
    }
    entry
}

fn read_fingerprint(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Option<Spanned<Fingerprint>> {
    let node = &field.value;
    let text = reader.text(node, "`fingerprint`")?;
    if let Ok(value) = Fingerprint::try_from(text.to_owned()) {
        return Some(Spanned { value, range: node.range.clone() });
    }
    let (message, help) = explain(text);
    reader.error(Code::RevokedFingerprint, &node.range, message, help);
    None
}

/// Says why a text is not a fingerprint, and what to write instead.
fn explain(text: &str) -> (&'static str, &'static str) {
    let is_fingerprint = |text: &str| Fingerprint::try_from(text.to_owned()).is_ok();
    if is_md5(text) {
        let help =
            "use the SHA256 fingerprint, which `ssh-keygen -l -f FILE.pub` and `keyform plan` print, or `publicKey`";
        return ("MD5 fingerprints are not supported, because two keys can have the same one", help);
    }
    if KeyBlob::of_line(text).is_some() {
        return ("this is a public key, not a fingerprint", "write `publicKey` instead of `fingerprint`");
    }
    if text.split_whitespace().nth(1).is_some() && text.split_whitespace().any(is_fingerprint) {
        return ("the value contains more than a fingerprint", "keep only the word that starts with `SHA256:`");
    }
    if is_fingerprint(&format!("SHA256:{text}")) {
        return ("the fingerprint does not start with `SHA256:`", "write `SHA256:` before it");
    }
    if is_fingerprint(text.trim_end_matches('=')) {
        return ("the fingerprint ends with `=`", "remove the `=`");
    }
    let help = "use the line that `ssh-keygen -l -f FILE.pub` or `keyform plan` prints";
    ("must be `SHA256:` and 43 characters of base64", help)
}

fn is_md5(text: &str) -> bool {
    let digits = text.strip_prefix("MD5:").unwrap_or(text);
    let bytes: Vec<_> = digits.split(':').collect();
    bytes.len() == 16 && bytes.iter().all(|byte| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Parses a key, which may be one that is too weak for an account.
fn parse_any_strength(text: &str) -> Result<KeyBlob, PublicKeyError> {
    let error = match PublicKey::parse(text) {
        Ok(key) => return Ok(key.blob().clone()),
        Err(error) => error,
    };
    match error.kind {
        Kind::Dsa
        | Kind::RsaShort { .. }
        | Kind::RsaLong { .. }
        | Kind::RsaModulus
        | Kind::RsaExponent
        | Kind::Curve => {}
        _ => return Err(error),
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let whole = |kind| PublicKeyError { kind, at: None };
    match (lines.next(), lines.next()) {
        (Some(line), None) => KeyBlob::of_line(line).ok_or_else(|| whole(Kind::Base64)),
        _ => Err(whole(Kind::Lines)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "SHA256:rn76MKXliTNG48iKxc1zEsEX4Hs3a3Zy6tUYzxkDDms";

    #[test]
    fn an_invalid_fingerprint_is_explained() {
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5tbsN8QMTUIGUyKcKetjtfPHnOTEhqTzOnWkFAsXwk";
        for (text, expected) in [
            ("MD5:3f:2b:11:7a:64:0e:52:c9:aa:01:bd:7e:90:43:5f:c8", "MD5"),
            ("3f:2b:11:7a:64:0e:52:c9:aa:01:bd:7e:90:43:5f:c8", "MD5"),
            (line, "public key"),
            (&format!("256 {FINGERPRINT} alice (ED25519)"), "more than"),
            (&FINGERPRINT["SHA256:".len()..], "does not start"),
            (&format!("{FINGERPRINT}="), "ends with"),
            (&FINGERPRINT[..49], "43 characters"),
            ("SHA1:abc", "43 characters"),
        ] {
            let (message, _) = explain(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
