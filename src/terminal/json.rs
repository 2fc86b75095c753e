//! Writes JSON in which every unsafe character is escaped, and describes JSON that is not valid.

use std::fmt::Write as _;

use serde::Serialize;

use super::escape::is_unsafe;

/// Writes indented JSON with a line feed at its end.
pub fn pretty(value: &impl Serialize) -> String {
    // Serializing plain structs into memory cannot fail.
    escape(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// Writes JSON on one line, with a line feed at its end.
pub fn line(value: &impl Serialize) -> String {
    escape(&serde_json::to_string(value).unwrap_or_default()) + "\n"
}

/// Some editors and shells put it before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns a text without the byte order mark of UTF-8.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// What is wrong with such a file.
pub const WIDE: &str = "it is encoded in UTF-16 or UTF-32, not in UTF-8";

/// Whether a text is JSON in UTF-16, which some shells write into files, or in UTF-32.
pub fn is_wide(text: &[u8]) -> bool {
    let starts: [&[u8]; 6] = [b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff", b"{\0", b"\0{", b"\0\0\0{"];
    starts.iter().any(|start| text.starts_with(start))
}

/// The longest text of a file that an error repeats, in characters: enough for a misspelled field.
const MAX_REPEATED: usize = 11;

/// Describes an error without the text at fault, which can be a secret that was pasted by mistake.
pub fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    for (before, after) in [
        ("unknown field `", "`, "),
        ("unknown variant `", "`, "),
        ("string \"", "\", expected"),
        ("character `", "`, expected"),
    ] {
        let Some((start, rest)) = text.split_once(before) else { continue };
        // The text at fault can contain the words after it, and the words after it are once at the end.
        let end = if after == "`, " {
            rest.rfind("`, expected").or_else(|| rest.rfind("`, there"))
        } else {
            rest.rfind(after)
        };
        let (repeated, end) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        let repeated = if repeated.chars().nth(MAX_REPEATED).is_some() { "…" } else { repeated };
        return format!("{start}{before}{repeated}{end}");
    }
    text
}

/// Returns the line of the first conflict marker of Git, from 1. No line of JSON begins with one.
pub fn conflict_line(text: &[u8]) -> Option<usize> {
    let is_marker =
        |line: &[u8]| [b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||"].iter().any(|marker| line.starts_with(*marker));
    text.split(|&b| b == b'\n').position(is_marker).map(|index| index + 1)
}

/// Escapes without changing the meaning. Keeps line feeds: JSON strings contain none.
fn escape(text: &str) -> String {
    // A workflow command of GitHub Actions. Outside strings JSON contains no `#`.
    let text = text.replace("##[", "#\\u0023[");
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn an_error_repeats_a_misspelled_field_and_nothing_longer() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            _name: Option<u32>,
            _kind: Option<Kind>,
        }
        #[derive(Debug, Deserialize)]
        enum Kind {}
        let long = "AAAAB3NzaC1yc2EAAAADAQAB";
        let shown = |text: String| problem(&serde_json::from_str::<Entry>(&text).unwrap_err());
        assert!(shown("{\"naem\": 1}".to_owned()).starts_with("unknown field `naem`, expected "));
        for (text, expected) in [
            (format!("{{\"{long}\": 1}}"), "unknown field `…`, expected "),
            (format!("{{\"{long}`, expected {long}\": 1}}"), "unknown field `…`, expected "),
            (format!("{{\"_name\": \"{long}\"}}"), "invalid type: string \"…\", expected u32 at line 1"),
            (format!("{{\"_name\": \"{long}\\\", expected {long}\"}}"), "invalid type: string \"…\", expected u32"),
            (format!("{{\"_kind\": \"{long}\"}}"), "unknown variant `…`, there are no variants"),
            (format!("\"{long}\""), "invalid type: string \"…\", expected struct Entry"),
        ] {
            let shown = shown(text.clone());
            assert!(shown.starts_with(expected) && !shown.contains(&long[..12]), "{text}: {shown}");
        }
    }

    #[test]
    fn json_is_escaped_and_means_the_same() {
        let text = "a\u{9b}b\u{202e}c\u{7f}d\u{e0001}e\nf ü 日本 🔑";
        for written in [pretty(&text), line(&text)] {
            assert!(!written.trim_end().chars().any(is_unsafe), "{written}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }

    #[test]
    fn json_contains_no_workflow_command() {
        let text = "##[set-output name=digest]x";
        assert!(!pretty(&text).contains("##["));
        assert_eq!(serde_json::from_str::<String>(&pretty(&text)).unwrap(), text);
    }
}
