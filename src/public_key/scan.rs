//! Finds the signs of keys in formats other than OpenSSH's line, in one pass over a text.

use super::format::{KeyFormat, PrivateFormat};
use super::sign::{Sign, SignKind};
use super::{armor, bare};

/// The first words of a key file of SSH protocol 1.
const PROTOCOL_1: &str = "SSH PRIVATE KEY FILE FORMAT";

/// Finds all signs. Takes linear time.
pub(super) fn signs(text: &str) -> impl Iterator<Item = Sign> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += text.as_bytes().get(at..)?.iter().position(|&b| may_start(b))?;
            match read(text, at) {
                Ok(sign) => {
                    at = sign.range.end;
                    return Some(sign);
                }
                Err(next) => at = next,
            }
        }
    })
}

/// Returns the format of the first private key, or else of the first public key.
pub(super) fn first_format(text: &str) -> Option<KeyFormat> {
    let mut first = None;
    for Sign { format, .. } in signs(text) {
        if format.private().is_some() {
            return Some(format);
        }
        first.get_or_insert(format);
    }
    first
}

/// The first bytes of all signs. `0xe2` is that of long dashes in UTF-8.
fn may_start(byte: u8) -> bool {
    matches!(byte, b'-' | 0xe2 | b'D' | b'L' | b'M' | b'P' | b'S' | b'U' | b'b')
}

/// Reads the sign at a place, or returns where to search on.
fn read(text: &str, at: usize) -> Result<Sign, usize> {
    let rest = text.get(at..).unwrap_or_default();
    let word = |word: &str, kind, format| {
        let range = at..at + word.len();
        rest.starts_with(word).then_some(Sign { range, format: KeyFormat::Private(format), kind })
    };
    let first = rest.chars().next().unwrap_or_default();
    match first {
        _ if armor::is_dash(first) => return armor::read(text, at),
        'P' => word("PuTTY-User-Key-File-", SignKind::Putty, PrivateFormat::Putty)
            .or_else(|| word("Private-Lines:", SignKind::Putty, PrivateFormat::Putty))
            .or_else(|| word("Private-MAC:", SignKind::PuttyEnd, PrivateFormat::Putty)),
        'S' => word(PROTOCOL_1, SignKind::Rest, PrivateFormat::Other),
        // The header of encrypted PEM, right above its base64.
        'D' => word("DEK-Info:", SignKind::Base64, PrivateFormat::Pem),
        _ => bare::format(text, at).map(|format| Sign { range: at..at + 1, format, kind: SignKind::Base64 }),
    }
    .ok_or(at + first.len_utf8())
}
