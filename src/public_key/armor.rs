//! Reads the lines around armored keys: `-----BEGIN …-----` and `-----END …-----`.

use super::format::KeyFormat;
use super::sign::{Sign, SignKind};

/// The longest label that is read, in letters and digits: `SSH2ENCRYPTEDPRIVATEKEY` has 23.
const MAX_LABEL: usize = 40;

/// The words before `PRIVATE KEY` in labels. A label in lower case has no others: prose may say "begin", too.
const LABEL_WORDS: [&str; 8] = ["OPENSSH", "RSA", "DSA", "EC", "ENCRYPTED", "SSH2", "PGP", "ANY"];

/// Hyphens that end a label of which the beginning is lost. Prose has fewer.
const CUT_HYPHENS: &str = "----";

/// How much of the text before [`CUT_HYPHENS`] is read, in bytes: `OPENSSH PRIVATE KEY BLOCK ` and some more.
const CUT_BYTES: usize = 32;

/// Reads the marker at a run of dashes, or returns where to search on.
///
/// However it is quoted, indented or folded, and with any character that is not a letter, digit or dash within the words.
pub(super) fn read(text: &str, start: usize) -> Result<Sign, usize> {
    let after = text.get(start..).unwrap_or_default();
    let end = start + after.find(|c| !is_dash(c)).unwrap_or(after.len());
    // Two bytes: two hyphens, or one of the longer dashes.
    let marker = if end - start >= 2 { read_marker(text, start, end) } else { None };
    marker.or_else(|| read_cut(text, start, end)).ok_or(end)
}

/// Returns the format of the first line of an armored file.
pub(super) fn first_format(file: &str) -> Option<KeyFormat> {
    read(file, 0).ok().map(|sign| sign.format)
}

/// The hyphen, and the dashes into which word processors turn several.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—')
}

/// Reads `… PRIVATE KEY-----` at its hyphens.
fn read_cut(text: &str, start: usize, end: usize) -> Option<Sign> {
    text.get(start..end).filter(|dashes| dashes.starts_with(CUT_HYPHENS))?;
    let before = text.get(text.floor_char_boundary(start.saturating_sub(CUT_BYTES))..start)?;
    let letters: String = before.chars().filter(char::is_ascii_alphanumeric).collect();
    let label = letters.strip_suffix("BLOCK").unwrap_or(&letters);
    let format = KeyFormat::of_label(label).filter(|_| label.ends_with("PRIVATEKEY"))?;
    Some(Sign { range: start..end, format, kind: SignKind::Cut })
}

/// Reads the marker that begins with the dashes at `start..dashes_end`.
fn read_marker(text: &str, start: usize, dashes_end: usize) -> Option<Sign> {
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
    let kind = if is_begin { SignKind::Begin } else { SignKind::End };
    Some(Sign { range: start..text.len() - rest.len(), format, kind })
}

/// Whether only the words of real labels stand before `PRIVATE KEY`.
fn is_usual(label: &str) -> bool {
    let mut before = label.split("PRIVATEKEY").next().unwrap_or_default();
    while let Some(rest) = LABEL_WORDS.iter().find_map(|word| before.strip_prefix(word)) {
        before = rest;
    }
    before.is_empty()
}
