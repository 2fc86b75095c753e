//! Finds private keys in a text, so that no part of them is ever shown.
//!
//! A key that was pasted by mistake is seldom where a key would be read: its lines break the YAML around it, and an error
//! of syntax would quote them. So the whole text is searched before it is read.

use std::ops::Range;

use super::armor;
use super::format::PrivateFormat;

/// The beginning of `openssh-key-v1` in base64: OpenSSH's format without its armor.
const OPENSSH_BASE64: &str = "b3BlbnNzaC1rZXktdjE";

/// The first words of a key file of SSH protocol 1.
const PROTOCOL_1: &str = "SSH PRIVATE KEY FILE FORMAT";

/// The field that ends a `.ppk` file.
const PUTTY_END: &str = "Private-MAC:";

/// A private key in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateKeyText {
    /// Its bytes. One without an end reaches to the end of the text.
    pub range: Range<usize>,
    /// The format of its first byte, where keys overlap.
    pub format: PrivateFormat,
}

/// Finds every private key, complete or not: sorted, and neither overlapping nor touching. Takes linear time.
pub fn find(text: &str) -> Vec<PrivateKeyText> {
    let mut found = Vec::new();
    find_armored(text, &mut found);
    let at = |mark, format| text.match_indices(mark).map(move |(at, _)| (at, format));
    cover(text, at("PuTTY-User-Key-File-", PrivateFormat::Putty), putty_end, &mut found);
    cover(text, at("Private-Lines:", PrivateFormat::Putty), putty_end, &mut found);
    cover_above(text, at(PUTTY_END, PrivateFormat::Putty), &mut found);
    cover(text, at(OPENSSH_BASE64, PrivateFormat::OpenSsh), base64_end, &mut found);
    cover(text, at(PROTOCOL_1, PrivateFormat::Other), |text, _| text.len(), &mut found);
    let der = armor::der(text).filter_map(|(at, format)| Some((at, format.private()?)));
    cover(text, der, base64_end, &mut found);
    merge(found)
}

/// Adds what `starts` begin, up to the end that `end_of` finds. Starts within the last range are skipped.
fn cover(
    text: &str,
    starts: impl Iterator<Item = (usize, PrivateFormat)>,
    end_of: fn(&str, usize) -> usize,
    found: &mut Vec<PrivateKeyText>,
) {
    let mut done = 0;
    for (start, format) in starts {
        if start >= done {
            done = end_of(text, start);
            found.push(PrivateKeyText { range: start..done, format });
        }
    }
}

/// Adds the lines with a mark, and the base64 right above them.
fn cover_above(text: &str, marks: impl Iterator<Item = (usize, PrivateFormat)>, found: &mut Vec<PrivateKeyText>) {
    let mut done = 0;
    for (at, format) in marks {
        if at >= done {
            let range = base64_start(text, done, at)..line_end(text, at);
            done = range.end;
            found.push(PrivateKeyText { range, format });
        }
    }
}

/// Adds all from `BEGIN` to `END`. An `END` alone covers the base64 above it.
fn find_armored(text: &str, found: &mut Vec<PrivateKeyText>) {
    let mut open: Option<(usize, PrivateFormat)> = None;
    let mut done = 0;
    for marker in armor::markers(text) {
        let Some(format) = marker.format.private() else {
            continue;
        };
        if marker.is_begin {
            open.get_or_insert((marker.range.start, format));
        } else {
            let (start, format) = open.take().unwrap_or_else(|| (base64_start(text, done, marker.range.start), format));
            done = marker.range.end;
            found.push(PrivateKeyText { range: start..done, format });
        }
    }
    if let Some((start, format)) = open {
        found.push(PrivateKeyText { range: start..text.len(), format });
    }
}

/// Returns where the lines of base64 right above `end` begin, but not before `floor`.
fn base64_start(text: &str, floor: usize, end: usize) -> usize {
    let Some(above) = text.get(floor..end) else {
        return end;
    };
    let mut start = end;
    for (number, line) in above.rsplit('\n').enumerate() {
        if number > 0 && !is_base64_line(line) {
            break;
        }
        start -= line.len() + usize::from(number > 0);
    }
    start.max(floor)
}

/// Returns the end of the line at `start`, and of the lines of base64 below it.
fn base64_end(text: &str, start: usize) -> usize {
    let tail = text.get(start..).unwrap_or_default();
    let below =
        tail.split_inclusive('\n').enumerate().take_while(|(number, line)| *number == 0 || is_base64_line(line));
    start + below.map(|(_, line)| line.len()).sum::<usize>()
}

/// Whether a line is one word of base64, in a comment or a quotation too.
fn is_base64_line(line: &str) -> bool {
    let word = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '>' | '"' | '\''));
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// Returns the end of the line with PuTTY's checksum, the last of its format.
fn putty_end(text: &str, start: usize) -> usize {
    let mac = text.get(start..).and_then(|tail| tail.find(PUTTY_END));
    mac.map_or(text.len(), |mac| line_end(text, start + mac))
}

fn line_end(text: &str, start: usize) -> usize {
    text.get(start..).and_then(|tail| tail.find(['\n', '\r'])).map_or(text.len(), |length| start + length)
}

fn merge(mut found: Vec<PrivateKeyText>) -> Vec<PrivateKeyText> {
    found.sort_by_key(|key| key.range.start);
    let mut merged: Vec<PrivateKeyText> = Vec::new();
    for key in found {
        match merged.last_mut() {
            Some(last) if key.range.start <= last.range.end => last.range.end = last.range.end.max(key.range.end),
            _ => merged.push(key),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows what is found as `[…]`.
    fn check(text: &str, expected: &str) {
        let mut shown = text.to_owned();
        for key in find(text).into_iter().rev() {
            shown.replace_range(key.range, "[…]");
        }
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn an_armored_key_is_found_however_it_is_wrapped() {
        check("a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\nb", "a\n[…]\nb");
        check("k: \"-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE KEY-----\\n\" # x", "k: \"[…]\\n\" # x");
        check("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2\n---- END SSH2 ENCRYPTED PRIVATE KEY ----", "[…]");
        check("-----BEGIN RSA\n    PRIVATE   KEY-----\nMII", "[…]");
        check("x -----BEGIN EC PRIVATE KEY-----\nrest\nof it", "x […]");
        check("x —BEGIN PRIVATE KEY—\nrest\n–END PRIVATE KEY–\ny", "x […]\ny");
        check("x\n-----BEGIN PGP PRIVATE KEY BLOCK-----\nrest\n-----END PGP PRIVATE KEY BLOCK-----\ny", "x\n[…]\ny");
        check("x -----\u{200b}BE\u{200b}GIN PRIV\u{e9}ATE KEY-----\nrest", "x […]");
        check("x -----begin rsa private key-----\nrest", "x […]");
        check("x -----BEGIN UNHEARD OF PRIVATE KEY\nrest", "x […]");
    }

    #[test]
    fn the_end_alone_covers_the_base64_above_it() {
        check("name: a\nMIIEvQ==\n  AAAA\n-----END PRIVATE KEY-----\nb: c", "name: a\n[…]\nb: c");
        check("name: a\n# MIIEvQ==\n# AAAA\n# -----END PRIVATE KEY-----\nb: c", "name: a\n[…]\nb: c");
        check("-----END PRIVATE KEY-----", "[…]");
        check("b: c\nAAAA\nPrivate-MAC: 00\nd: e", "b: c\n[…]\nd: e");
    }

    #[test]
    fn keys_without_armor_are_found() {
        check("k: b3BlbnNzaC1rZXktdjEAAAA\n  BG5vbmU=\nb: c", "k: […]b: c");
        check("k=MIICXQIBAAKBgQDBmjc8d5M+l8mqMbpronBKDQATlmsb\n  BG5vbmU=\nb: c", "k=[…]b: c");
        check("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAA\nPrivate-MAC: 00\nb: c", "[…]\nb: c");
        check("Private-Lines: 1\nAA\n", "[…]");
        check("a\nSSH PRIVATE KEY FILE FORMAT 1.1\nb", "a\n[…]");
    }

    #[test]
    fn public_keys_and_talk_of_private_ones_are_left() {
        for text in [
            "never paste a BEGIN PRIVATE KEY block",
            "-----BEGIN PUBLIC KEY-----",
            "-- BEGIN\n-- END\n",
            "LEGEND",
            "---\n# begin private key",
            "# -- begin private keys of alice --",
            "# -- begin: never put a private key here --",
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
        ] {
            check(text, text);
        }
    }
}
