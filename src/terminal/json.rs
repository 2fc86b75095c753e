//! Writes JSON in which every unsafe character is escaped.

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
    use super::*;

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
