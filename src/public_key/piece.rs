//! Finds lines from the middle of a private key, which have neither its beginning nor its end.
//!
//! Nothing in them tells the format. They are words of base64 as long as the lines of a key that do not belong to a public
//! key: no field of a manifest has such a value.

use std::ops::Range;

/// The shortest line of a key that is recognised, in symbols. PEM and PuTTY have 64, OpenSSH 70.
const MIN_LINE: usize = 60;

/// How many symbols of each kind a line has at least: random lines have far more, words and hashes in hex lack one kind.
const MIN_OF_A_KIND: usize = 3;

/// The longest end of a label without punctuation: `nistp256`.
const MAX_LABEL: usize = 8;

/// What the blobs of public keys and certificates begin with after their first length and the next four bits: `ssh-`,
/// `ecdsa-`, `sk-`, `rsa-` and `webauthn-`, in base64.
const PUBLIC: [&str; 5] = ["NzaC1", "VjZHNhL", "NrL", "JzYS", "dlYmF1dGhu"];

/// Whether a word is a line of some key, or begins a public one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKind {
    Public,
    Unknown,
}

/// Finds the long words of base64. Takes linear time.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (Range<usize>, WordKind)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(|&byte| is_symbol(byte))?;
            let length = bytes.get(start..)?.iter().position(|&byte| !is_symbol(byte));
            let end = length.map_or(bytes.len(), |length| start + length);
            at = end;
            let word = text.get(start..end).unwrap_or_default();
            if word.len() < MIN_LINE {
                continue;
            }
            if is_public(word) {
                return Some((start..end, WordKind::Public));
            }
            let before = start.checked_sub(1).and_then(|before| bytes.get(before));
            if before.is_none_or(|byte| ends_word(*byte)) && bytes.get(end).is_none_or(|byte| ends_word(*byte)) {
                let count = |is: fn(&u8) -> bool| word.bytes().filter(is).count();
                let kinds = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
                if kinds.into_iter().all(|kind| count(kind) >= MIN_OF_A_KIND) {
                    return Some((start..end, WordKind::Unknown));
                }
            }
        }
    })
}

/// A part of a URL, a path or an address is not a line of a key.
fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'#>|,:[]{}\\".contains(&byte)
}

fn is_public(word: &str) -> bool {
    // `AAAA`, two symbols with the rest of the length, and the name of a type. The end of a label may be right before it.
    let Some((label, blob)) = word.split_once("AAAA") else { return false };
    let is_label = label.len() <= MAX_LABEL && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    is_label && PUBLIC.iter().any(|public| blob.get(2..).is_some_and(|name| name.starts_with(public)))
}

fn is_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
