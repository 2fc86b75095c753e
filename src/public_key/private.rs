//! Finds private keys in a text, so that no part of them is ever shown.
//!
//! A key that was pasted by mistake is seldom where a key would be read: its lines break the YAML around it, and an error
//! of syntax would quote them. So the whole text is searched before it is read.

use std::ops::Range;

use super::format::PrivateFormat;
use super::piece::{WordKind, pieces};
use super::scan::signs;
use super::sign::{Sign, SignKind};

/// The shortest word of base64 that tells a line of a key, where another line could be.
const MIN_WORD: usize = 12;

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
    let (mut found, public) = signed(text);
    found.extend(middles(text, &public));
    merge(found)
}

/// Returns the line of the first private key with a beginning or an end, from 1. Lines from the middle of one do not count:
/// in a file that keyform writes, they can also be a name on the account.
pub fn first_line(text: &[u8]) -> Option<usize> {
    let (found, _) = signed(&String::from_utf8_lossy(text));
    let start = found.iter().map(|key| key.range.start).min()?;
    Some(text.iter().take(start).filter(|&&byte| byte == b'\n').count() + 1)
}

/// Finds the private keys with a beginning or an end, and the public ones.
fn signed(text: &str) -> (Vec<PrivateKeyText>, Vec<Range<usize>>) {
    let mut finder = Finder { text, open: None, done: 0, found: Vec::new() };
    let mut public = Vec::new();
    for sign in signs(text) {
        match sign.format.private() {
            Some(format) => finder.see(sign, format),
            None => public.push(sign.range.start..base64_end(text, sign.range.end)),
        }
    }
    if let Some(Open { start, format, .. }) = finder.open.take() {
        finder.add(start..text.len(), format);
    }
    (finder.found, public)
}

/// Finds lines from the middle of keys, outside of public keys: sorted, and not overlapping.
fn middles(text: &str, public: &[Range<usize>]) -> Vec<PrivateKeyText> {
    let mut found = Vec::new();
    let mut done = 0;
    for (word, piece) in pieces(text) {
        let after = public.partition_point(|key| key.start <= word.start);
        let known = after.checked_sub(1).and_then(|before| public.get(before)).map_or(0, |key| key.end);
        if word.start < done.max(known) {
            continue;
        }
        let end = base64_end(text, word.start);
        if piece == WordKind::Unknown {
            found.push(PrivateKeyText { range: word.start..end, format: PrivateFormat::Other });
        }
        done = end;
    }
    found
}

struct Finder<'a> {
    text: &'a str,
    /// The key whose beginning was seen, and whose end was not.
    open: Option<Open>,
    /// The end of what was found, so that no line is read twice.
    done: usize,
    /// Sorted by where they end.
    found: Vec<PrivateKeyText>,
}

struct Open {
    start: usize,
    format: PrivateFormat,
    end: SignKind,
}

impl Finder<'_> {
    fn see(&mut self, Sign { range, kind, .. }: Sign, format: PrivateFormat) {
        if let Some(open) = &self.open {
            let is_end = kind == open.end || kind == SignKind::Cut && open.end == SignKind::End;
            if let Some(Open { start, format, .. }) = self.open.take_if(|_| is_end) {
                self.add(start..self.end_of(kind, range.end), format);
            }
            return;
        }
        let Range { start, end } = range;
        let is_covered = start < self.done;
        match kind {
            SignKind::Begin => self.open = Some(Open { start, format, end: SignKind::End }),
            SignKind::Cut => {
                let start = base64_start(self.text, self.done, start);
                self.open = Some(Open { start, format, end: SignKind::End });
            }
            SignKind::Putty => self.open = Some(Open { start, format, end: SignKind::PuttyEnd }),
            SignKind::End | SignKind::PuttyEnd | SignKind::Base64 | SignKind::Rest if is_covered => {}
            SignKind::End | SignKind::PuttyEnd => {
                let start = base64_start(self.text, self.done, start);
                self.add(start..self.end_of(kind, end), format);
            }
            SignKind::Base64 => self.add(start..base64_end(self.text, start), format),
            SignKind::Rest => self.add(start..self.text.len(), format),
        }
    }

    fn end_of(&self, kind: SignKind, end: usize) -> usize {
        if kind == SignKind::PuttyEnd { line_end(self.text, end) } else { end }
    }

    fn add(&mut self, range: Range<usize>, format: PrivateFormat) {
        self.done = self.done.max(range.end);
        self.found.push(PrivateKeyText { range, format });
    }
}

/// Returns where the lines of base64 right above `end` begin, but not before `floor`.
fn base64_start(text: &str, floor: usize, end: usize) -> usize {
    let line_start = text.get(floor..end).and_then(|before| before.rfind('\n')).map(|at| floor + at + 1);
    let Some(start) = line_start else {
        return floor.min(end);
    };
    let above = text.get(floor..start).unwrap_or_default().split_inclusive('\n').rev();
    start - base64_length(above, |line| words(line).last())
}

/// Returns the end of the line at `start`, and of the lines of base64 below it.
fn base64_end(text: &str, start: usize) -> usize {
    let mut lines = text.get(start..).unwrap_or_default().split_inclusive('\n');
    let end = start + lines.next().map_or(0, str::len);
    end + base64_length(lines, |line| words(line).next())
}

/// Returns how many bytes the first lines have that continue base64, up to a line of which only the `nearest` word does.
fn base64_length<'a>(lines: impl Iterator<Item = &'a str>, nearest: fn(&'a str) -> Option<&'a str>) -> usize {
    let (mut length, mut seen) = (0, 0);
    for line in lines {
        let is_next = length == seen;
        seen += line.len();
        let longest = words(line).map(str::len).max().unwrap_or_default();
        if words(line).all(is_base64) {
            // A short word alone is the last line of a key, unless an empty line is between.
            let continues = longest >= MIN_WORD || is_next && longest > 0 && words(line).nth(1).is_none();
            if continues {
                length = seen;
            } else if longest > 0 {
                break;
            }
        } else {
            if nearest(line).is_some_and(|word| is_base64(word) && word.len() >= MIN_WORD) {
                length = seen;
            }
            break;
        }
    }
    length
}

/// Splits a line at everything by which base64 is indented, quoted, listed or commented out.
fn words(line: &str) -> impl DoubleEndedIterator<Item = &str> {
    // A hyphen within the line is that of a public key's type.
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '-');
    let words = line.split(|c: char| c.is_whitespace() || "#>\"',:[](){}|\\;".contains(c));
    // `n` is left of an escape, as in `…\n\` at the end of a line.
    words.filter(|word| !matches!(*word, "" | "n" | "r"))
}

fn is_base64(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
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
        check("k: \"\\nMC4CAQAwBQYDK2VwBCIEINqjFg90g8CB\\n\"", "k: \"\\n[…]");
        check("+MC4CAQAwBQYDK2VwBCIEINqj\n+Fg90g8CB\nb: c", "+[…]b: c");
        check("DEK-Info: AES-128-CBC,00\n\nZm9vYmFyYmF6\nb: c", "[…]b: c");
        check("k: LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCk1I # x\nb: c", "k: […]b: c");
        check("k: UHVUVFktVXNlci1LZXktRmlsZS0z\nb: c", "k: […]b: c");
    }

    #[test]
    fn base64_goes_on_in_lists_and_quotes_and_below_blank_lines() {
        let key = "MHcCAQEEIAbc";
        check(&format!("k: [\"{key}\",\n  'YWJjZGVmZ2hpamts',\n  \"bW4=\"]\nb: c"), "k: [\"[…]b: c");
        check(&format!("- {key}\n- YWJjZGVmZ2hpamts\n- b: c"), "- […]- b: c");
        check(&format!("{key}\n\n\nYWJjZGVmZ2hpamts\n\nalice\n"), "[…]\nalice\n");
        check(&format!("{key}\nYWJjZGVmZ2hpamts: b\nb: c"), "[…]b: c");
        check(&format!("{key}\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5 alice"), "[…]ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 alice");
    }

    #[test]
    fn half_a_marker_covers_what_is_on_both_sides() {
        check("a: b\nYWJjZGVm\nND RSA PRIVATE KEY-----\nb", "a: b\n[…]");
        check("a: b\nRSA PRIVATE KEY-----\nYWJj\n-----END RSA PRIVATE KEY-----\nb: c", "a: b\n[…]\nb: c");
        check("-----BEGIN PRIVATE KEY-----\nYWJj\nEND PRIVATE KEY-----\nb: c", "[…]\nb: c");
    }

    /// Three lines from the middle of a key of RSA.
    const MIDDLE: [&str; 3] = [
        "vu0A/oMDUuALsvSuPb2mdY2f/Kvxahf6zM2luJdRAAAFgBnBVcIZwVXCAAAAB3NzaC1yc2",
        "EAAAGBAKOuyoueRri1Y4bmPYVEMTFnrxSUbcwrbirqn8hzJAYSMhcV+F+rXOXbSb7b2i3d",
        "BcrXzyGEabblKRejmnLaAKip7zXpOnzJuzEnXgVI9Xlo",
    ];

    #[test]
    fn lines_from_the_middle_of_a_key_are_found() {
        let [first, second, last] = MIDDLE;
        check(&format!("k: |\n  {first}\n  {second}\n  {last}\nb: c"), "k: |\n  […]b: c");
        check(&format!("owner: {second}\nb: c"), "owner: […]b: c");
        check(&format!("# {second}\nb: c"), "# […]b: c");
        check(&format!("k: \"{first}\\n{second}\\n\"\nb: c"), "k: \"[…]b: c");
        check(&format!("k: [\"{second}\"]\nb: c"), "k: [\"[…]b: c");
        // Nor are they taken for the end of a public key.
        check(
            &format!("k: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a\nb: {second}\n"),
            "k: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a\nb: […]",
        );
    }

    #[test]
    fn lines_of_public_keys_and_other_long_words_are_not_taken_for_a_middle() {
        let [_, second, last] = MIDDLE;
        let hex = "0123456789abcdef".repeat(8);
        for text in [
            format!("k: ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB{second} a"),
            format!("k: >\n  ssh-rsa\n  AAAAB3NzaC1yc2EAAAADAQAB{second}\n  {second}\n  {last}\n"),
            format!("k: ssh-rsaAAAAB3NzaC1yc2EAAAADAQAB{second}"),
            format!("-----BEGIN PUBLIC KEY-----\nMIIB{second}\n{second}\n-----END PUBLIC KEY-----\n"),
            format!("# https://raw.example.com/Team1/Keys2/{hex}/X3.json"),
            format!("# sha512 {hex}"),
            format!("publicKeyFile: {second}.pub"),
            format!("owner: {second}@example.com"),
            "name: aB1".to_owned() + &"a".repeat(90),
        ] {
            check(&text, &text);
        }
    }

    #[test]
    fn public_keys_and_talk_of_private_ones_are_left() {
        for text in [
            "never paste a BEGIN PRIVATE KEY block",
            "-----BEGIN PUBLIC KEY-----",
            "-- BEGIN\n-- END\n",
            "LEGEND",
            "# no PRIVATE KEY -- only public ones",
            "k: LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUlJQklqQU5C",
            "---\n# begin private key",
            "# -- begin private keys of alice --",
            "# -- begin: never put a private key here --",
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
        ] {
            check(text, text);
        }
    }
}
