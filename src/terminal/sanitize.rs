//! Which characters may reach a terminal or a reviewer as they are, and how the others are shown.
//!
//! Names, comments and messages come from people and servers that may be hostile: an escape sequence repaints a
//! terminal, a bidirectional control reverses a line of a review, a zero-width character makes two names look alike.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is a control, bidirectional, zero-width or otherwise invisible one.
///
/// Covers Unicode's `Cc`, the bidirectional controls (UAX #9), the default-ignorable code points that draw nothing,
/// line and paragraph separators, interlinear annotation, tags, and variation selectors.
pub fn is_unsafe(c: char) -> bool {
    // Nearly all there is: every character of a manifest is asked several times.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Escapes every unsafe character as `\n`, `\t`, `\r` or `\u{…}`; the result stays on one line.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            let _ = write!(safe, "{}", c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Takes from a text for people whatever GitHub's runner would take for a command to it when the text is printed in a job:
/// `##[` anywhere, and `::` at the beginning of a line, blanks and colours left aside.
pub fn defuse(text: &str) -> Cow<'_, str> {
    let begins_command = |line: &str| {
        let mut rest = line.trim_start();
        while let Some((_, after)) = rest.strip_prefix("\u{1b}[").and_then(|style| style.split_once('m')) {
            rest = after.trim_start();
        }
        rest.starts_with("::")
    };
    if !text.contains("##[") && !text.lines().any(begins_command) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let line = line.replace("##[", "#\\u{23}[");
        if begins_command(&line) { line.replacen("::", "\\u{3a}:", 1) } else { line }
    });
    Cow::Owned(lines.collect())
}

/// Escapes, and cuts to at most `max` characters, the last of which is then `…`.
pub fn escape_to(text: &str, max: usize) -> Cow<'_, str> {
    let safe = escape(text);
    if safe.chars().nth(max).is_none() {
        return safe;
    }
    let cut: String = safe.chars().take(max.saturating_sub(1)).collect();
    Cow::Owned(cut + "…")
}

/// Writes a value as pretty JSON in which every unsafe character is escaped, with a line feed at its end.
pub fn json(value: &impl serde::Serialize) -> String {
    // Writing plain structs of texts and numbers into memory has no way to fail.
    escape_json(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// The same on one line.
pub fn json_line(value: &impl serde::Serialize) -> String {
    escape_json(&serde_json::to_string(value).unwrap_or_default()) + "\n"
}

/// Escapes every unsafe character in JSON, which means the same then. Line feeds stay: within strings there is none.
pub fn escape_json(text: &str) -> String {
    // What a runner of pipelines would take for a command to it: see `defuse`. Only texts can hold it.
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

/// Names a character for a message: itself in quotes if it can be seen, its code point in any case.
pub fn describe(c: char) -> String {
    let code = u32::from(c);
    if is_unsafe(c) || c.is_whitespace() {
        format!("the character U+{code:04X}")
    } else {
        format!("the character '{c}' (U+{code:04X})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unsafe_is_escaped_and_the_rest_is_left() {
        assert_eq!(escape("alice@example.com ü 日本 🔑"), "alice@example.com ü 日本 🔑");
        assert_eq!(escape("a\u{1b}[31mb\nc\u{202e}d\u{200b}"), "a\\u{1b}[31mb\\nc\\u{202e}d\\u{200b}");
    }

    #[test]
    fn a_cut_text_ends_in_an_ellipsis_and_keeps_its_bound() {
        assert_eq!(escape_to("abcdef", 6), "abcdef");
        assert_eq!(escape_to("abcdefg", 6), "abcde…");
    }

    #[test]
    fn json_is_escaped_and_means_the_same() {
        let text = "a\u{9b}b\u{202e}c\u{7f}d\u{e0001}e\nf ü 日本 🔑";
        let written = json(&text);
        assert!(!written.trim_end().chars().any(is_unsafe), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn nothing_is_a_command_to_a_runner_of_pipelines() {
        for (text, expected) in [
            ("a name\nan::other\n", "a name\nan::other\n"),
            ("::error::x", "\\u{3a}:error::x"),
            ("a\n  \u{1b}[1m::stop-commands::x\u{1b}[0m\n", "a\n  \u{1b}[1m\\u{3a}:stop-commands::x\u{1b}[0m\n"),
            ("+ ###[set-output name=digest]x", "+ ##\\u{23}[set-output name=digest]x"),
        ] {
            assert_eq!(defuse(text), expected);
        }
        let text = "##[set-output name=digest]x";
        assert!(!json(&text).contains("##["));
        assert_eq!(serde_json::from_str::<String>(&json(&text)).unwrap(), text);
    }

    #[test]
    fn nothing_unsafe_survives_escaping() {
        for code in 0..=0x0010_ffff_u32 {
            let Some(c) = char::from_u32(code) else { continue };
            assert!(!escape(&c.to_string()).chars().any(is_unsafe), "U+{code:04X}");
        }
    }
}
