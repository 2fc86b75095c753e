//! Recognises the base64 of keys that lost their armor, by its first symbols.

use super::format::{KeyFormat, PrivateFormat};
use super::{armor, wire};

/// Symbols that are enough for every rule of [`KeyFormat::of_der`]. A multiple of 4, like all counts here.
const DER_SYMBOLS: usize = 24;

/// `openssh-key`, the first bytes of OpenSSH's format.
const OPENSSH: &str = "b3BlbnNzaC1r";

/// `PuTTY-Use`, the first bytes of a `.ppk` file: encoded, as secrets of CI often are.
const PUTTY_FILE: &str = "UHVUVFktVXNl";

/// Three hyphens or more, the first bytes of an armored file: encoded likewise.
const ARMORED_FILE: &str = "LS0t";

/// Symbols of an encoded armored file that contain its first line.
const ARMOR_SYMBOLS: usize = 80;

/// Returns the format of the key whose base64 starts at a place, however it is wrapped.
pub(super) fn format(text: &str, at: usize) -> Option<KeyFormat> {
    let rest = text.get(at..)?;
    let starts_with = |start: &str| symbols(rest, start.len()).eq(start.bytes());
    match rest.bytes().next()? {
        b'b' => starts_with(OPENSSH).then_some(KeyFormat::Private(PrivateFormat::OpenSsh)),
        b'U' => starts_with(PUTTY_FILE).then_some(KeyFormat::Private(PrivateFormat::Putty)),
        b'L' if starts_with(ARMORED_FILE) => {
            let file = decode(rest, ARMOR_SYMBOLS)?;
            armor::first_format(&String::from_utf8_lossy(&file))
        }
        // Encodes the tag of a sequence; the next symbol has the other two bits of it.
        b'M' if symbols(rest, 2).nth(1).is_some_and(|second| matches!(second, b'A'..=b'P')) => {
            let format = KeyFormat::of_der(&decode(rest, DER_SYMBOLS)?)?;
            // Fewer bytes tell a public key: within a word they can be there by chance.
            (format.private().is_some() || is_word_start(text, at)).then_some(format)
        }
        _ => None,
    }
}

/// Returns the first symbols of base64, whatever stands between them.
fn symbols(text: &str, count: usize) -> impl Iterator<Item = u8> {
    let mut bytes = text.bytes().take(4 * count);
    let next = move || {
        loop {
            match bytes.next()? {
                // An escape: `\n` between two lines.
                b'\\' => _ = bytes.next(),
                byte if is_symbol(byte) => return Some(byte),
                _ => {}
            }
        }
    };
    std::iter::from_fn(next).take(count)
}

/// Decodes the first symbols, or as many as there are.
fn decode(text: &str, count: usize) -> Option<Vec<u8>> {
    let mut head: String = symbols(text, count).map(char::from).collect();
    head.truncate(head.len() / 4 * 4);
    wire::decode_lenient(&head)
}

fn is_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn is_word_start(text: &str, at: usize) -> bool {
    text.get(..at).and_then(|before| before.bytes().next_back()).is_none_or(|before| !is_symbol(before))
}
