//! Finds armored blocks, and base64 that lost its armor.

use std::ops::Range;

use super::format::{KeyFormat, PublicFormat};
use super::wire;

/// The longest label that is read, in letters and digits: `SSH2ENCRYPTEDPRIVATEKEY` has 23.
const MAX_LABEL: usize = 40;

/// Letters of base64 that are decoded to classify a DER structure. A multiple of 4.
const DER_HEAD: usize = 40;

/// The words before `PRIVATE KEY` in labels. A label in lower case has no others: prose may say "begin", too.
const LABEL_WORDS: [&str; 8] = ["OPENSSH", "RSA", "DSA", "EC", "ENCRYPTED", "SSH2", "PGP", "ANY"];

/// `-----BEGIN …-----` or `-----END …-----`.
#[derive(Debug)]
pub(super) struct Marker {
    /// The marker's bytes, dashes included.
    pub(super) range: Range<usize>,
    pub(super) is_begin: bool,
    pub(super) format: KeyFormat,
}

/// Finds the public key in a format other than OpenSSH's line, with its armor or without.
pub(super) fn public_format(text: &str) -> Option<PublicFormat> {
    markers(text)
        .find_map(|marker| marker.format.public())
        .or_else(|| der(text).find_map(|(_, format)| format.public()))
}

/// Finds the markers of keys and certificates, however quoted, indented or folded, and with any character that is not a
/// letter, digit or dash within the words. Takes linear time.
pub(super) fn markers(text: &str) -> impl Iterator<Item = Marker> {
    let mut done = 0;
    std::iter::from_fn(move || {
        loop {
            let start = done + text.get(done..)?.find(is_dash)?;
            let after = text.get(start..)?;
            let end = start + after.find(|c| !is_dash(c)).unwrap_or(after.len());
            done = end;
            // Two bytes: two hyphens, or one of the longer dashes.
            if end - start >= 2
                && let Some(marker) = read_marker(text, start, end)
            {
                done = marker.range.end;
                return Some(marker);
            }
        }
    })
}

/// Finds words of base64 that are the beginning of a DER structure, each with its first byte.
pub(super) fn der(text: &str) -> impl Iterator<Item = (usize, KeyFormat)> {
    let is_symbol = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let mut start = 0;
    text.split_inclusive(move |c| !is_symbol(c)).filter_map(move |word| {
        let at = start;
        start += word.len();
        // `M` encodes the tag of a sequence.
        let head = word.get(..DER_HEAD).filter(|head| head.starts_with('M') && head.chars().all(is_symbol))?;
        Some((at, KeyFormat::of_der(&wire::decode_lenient(head)?)?))
    })
}

/// The hyphen, and the dashes into which word processors turn several.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—')
}

/// Reads the marker that begins with the dashes at `start..dashes_end`.
fn read_marker(text: &str, start: usize, dashes_end: usize) -> Option<Marker> {
    let after = text.get(dashes_end..)?;
    let stops = |c: char| c.is_ascii_alphanumeric() || is_dash(c) || matches!(c, '\n' | '\r');
    let (_, words) = after.split_at_checked(after.find(stops)?)?;
    if !words.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    // The letters and digits up to the next dash, and how much of the text each leaves.
    let (letters, left): (String, Vec<usize>) = words
        .char_indices()
        .take_while(|&(_, c)| !is_dash(c))
        .filter(|(_, c)| c.is_ascii_alphanumeric())
        .take("BEGIN".len() + MAX_LABEL)
        .map(|(at, c)| (c, words.len() - at - 1))
        .unzip();
    let upper = letters.to_ascii_uppercase();
    let (label, is_begin) = match upper.strip_prefix("BEGIN") {
        Some(label) => (label, true),
        None => (upper.strip_prefix("END")?, false),
    };
    let format = KeyFormat::of_label(label)?;
    let ends = |words: &str| upper.find(words).and_then(|at| left.get(at + words.len() - 1));
    let left = *ends("PRIVATEKEY").or_else(|| ends("PUBLICKEY")).or_else(|| ends("CERTIFICATE"))?;
    let rest = text.get(text.len() - left..)?;
    if let KeyFormat::Private(_) = format {
        let is_exact = letters.contains("PRIVATEKEY") && letters.starts_with(if is_begin { "BEGIN" } else { "END" });
        let is_whole = !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !(is_exact || is_whole && is_usual(label)) {
            return None;
        }
    }
    let rest = rest.strip_prefix(" BLOCK").unwrap_or(rest).trim_start_matches([' ', '\t']).trim_start_matches(is_dash);
    Some(Marker { range: start..text.len() - rest.len(), is_begin, format })
}

/// Whether only the words of real labels stand before `PRIVATE KEY`.
fn is_usual(label: &str) -> bool {
    let mut before = label.split("PRIVATEKEY").next().unwrap_or_default();
    while let Some(rest) = LABEL_WORDS.iter().find_map(|word| before.strip_prefix(word)) {
        before = rest;
    }
    before.is_empty()
}
