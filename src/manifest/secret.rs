//! Finds private keys in a text, so that not one byte of them is ever shown.
//!
//! A key pasted by mistake seldom is where a key would be read: unindented lines break the YAML, and the problem of syntax
//! that follows would quote them. So the text is searched before it is read, and what lies in a private key is neither
//! quoted nor put into a message, whatever the problem.

use std::ops::Range;

/// The first bytes of `openssh-key-v1` in base64: a private key without its armour.
const OPENSSH_BASE64: &str = "b3BlbnNzaC1rZXktdjE";

/// What opens a private key of PuTTY, before and after its public half.
const PUTTY: [&str; 2] = ["PuTTY-User-Key-File-", "Private-Lines:"];

/// The hyphen, and the dashes that word processors make of several.
const DASHES: [char; 3] = ['-', '–', '—'];

/// How far a marker may reach, in words: `BEGIN SSH2 ENCRYPTED PRIVATE KEY` has five.
const MARKER_WORDS: usize = 6;

/// Finds every private key, as ranges of bytes, sorted and apart. One that does not end reaches to the end of the text.
pub(crate) fn private_keys(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    armoured(text, &mut found);
    for marker in PUTTY {
        apart(text, marker, putty_end, &mut found);
    }
    apart(text, OPENSSH_BASE64, base64_end, &mut found);
    merge(found)
}

/// Finds what begins with `marker`, each search going on where the last find ends: linear, whatever the text repeats.
fn apart(text: &str, marker: &str, end_of: fn(&str, usize) -> usize, found: &mut Vec<Range<usize>>) {
    let mut done = 0;
    while let Some(at) = text.get(done..).and_then(|rest| rest.find(marker)) {
        let start = done + at;
        done = end_of(text, start).max(start + marker.len());
        found.push(start..done);
    }
}

/// Finds `BEGIN … PRIVATE KEY` to `END … PRIVATE KEY`; an `END` alone covers the base64 above it.
fn armoured(text: &str, found: &mut Vec<Range<usize>>) {
    let begins: Vec<_> = find_all(text, "BEGIN").filter_map(|at| marker(text, at, "BEGIN")).collect();
    let ends: Vec<_> = find_all(text, "END").filter_map(|at| marker(text, at, "END")).collect();
    let mut begins = begins.into_iter().peekable();
    let mut done = 0;
    for end in ends {
        let mut start = None;
        while let Some(begin) = begins.next_if(|begin| begin.start < end.start) {
            start.get_or_insert(begin.start);
        }
        let start = start.unwrap_or_else(|| base64_start(text, done, end.start));
        found.push(start..end.end);
        done = end.end;
    }
    if let Some(begin) = begins.next() {
        found.push(begin.start..text.len());
    }
}

/// Recognises `BEGIN … PRIVATE KEY` with dashes around it; white space in it may be folded by YAML.
fn marker(text: &str, at: usize, word: &str) -> Option<Range<usize>> {
    let head = text.get(..at)?;
    let head = head.trim_end_matches([' ', '\t']);
    let bare = head.trim_end_matches(DASHES);
    let tail = text.get(at + word.len()..)?;
    // Two bytes: two hyphens, or one of the longer dashes.
    if head.len() - bare.len() < 2 || !tail.starts_with(char::is_whitespace) {
        return None;
    }
    let mut rest = tail;
    let mut private = false;
    for _ in 0..MARKER_WORDS {
        rest = rest.trim_start();
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (this, after) = rest.split_at_checked(length)?;
        if private && this == "KEY" {
            let after = after.trim_start_matches([' ', '\t']).trim_start_matches(DASHES);
            return Some(bare.len()..text.len() - after.len());
        }
        private = this == "PRIVATE";
        if this.is_empty() {
            return None;
        }
        rest = after;
    }
    None
}

/// Returns where the lines of base64 right above `end` begin, but not before `floor`.
fn base64_start(text: &str, floor: usize, end: usize) -> usize {
    let Some(above) = text.get(floor..end) else {
        return end;
    };
    let mut start = end;
    for (number, line) in above.rsplit('\n').enumerate() {
        if number > 0 && !looks_like_base64(line) {
            break;
        }
        start -= line.len() + usize::from(number > 0);
    }
    start.max(floor)
}

fn looks_like_base64(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// Returns the end of bare base64: of its word, and of the lines below that are one word of base64.
fn base64_end(text: &str, start: usize) -> usize {
    let tail = text.get(start..).unwrap_or_default();
    let mut length = 0;
    for (number, line) in tail.split_inclusive('\n').enumerate() {
        if number > 0 && !looks_like_base64(line) {
            break;
        }
        length += line.len();
    }
    start + length
}

/// Returns the end of the line with PuTTY's checksum, the last of its format.
fn putty_end(text: &str, start: usize) -> usize {
    let tail = text.get(start..).unwrap_or_default();
    let Some(mac) = tail.find("Private-MAC:") else {
        return text.len();
    };
    let rest = tail.get(mac..).unwrap_or_default();
    start + mac + rest.find(['\n', '\r']).unwrap_or(rest.len())
}

fn find_all<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(pattern).map(|(at, _)| at)
}

fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
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
        for range in private_keys(text).into_iter().rev() {
            shown.replace_range(range, "[…]");
        }
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn an_armoured_key_is_found_however_it_is_wrapped() {
        check("a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\nb", "a\n[…]\nb");
        check("k: \"-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE KEY-----\\n\" # x", "k: \"[…]\\n\" # x");
        check("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2\n---- END SSH2 ENCRYPTED PRIVATE KEY ----", "[…]");
        check("-----BEGIN RSA\n    PRIVATE   KEY-----\nMII", "[…]");
        check("x -----BEGIN EC PRIVATE KEY-----\nrest\nof it", "x […]");
    }

    #[test]
    fn the_end_alone_covers_the_base64_above_it() {
        check("name: a\nMIIEvQ==\n  AAAA\n-----END PRIVATE KEY-----\nb: c", "name: a\n[…]\nb: c");
        check("-----END PRIVATE KEY-----", "[…]");
    }

    #[test]
    fn keys_without_armour_are_found() {
        check("k: b3BlbnNzaC1rZXktdjEAAAA\n  BG5vbmU=\nb: c", "k: […]b: c");
        check("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAA\nPrivate-MAC: 00\nb: c", "[…]\nb: c");
        check("Private-Lines: 1\nAA\n", "[…]");
    }

    #[test]
    fn public_keys_and_talk_of_private_ones_are_left() {
        for text in
            ["never paste a BEGIN PRIVATE KEY block", "-----BEGIN PUBLIC KEY-----", "-- BEGIN\n-- END\n", "LEGEND"]
        {
            check(text, text);
        }
    }
}
