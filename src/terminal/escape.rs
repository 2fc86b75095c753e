//! Escapes characters that deceive: an escape sequence repaints a terminal, a bidirectional control reverses a line of a
//! review, a zero-width character makes two names look alike. Names, comments and messages may come from attackers.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is a control, bidirectional, zero-width or otherwise invisible one.
///
/// Covers Unicode's `Cc`, the bidirectional controls (UAX #9), the default-ignorable code points that draw nothing,
/// line and paragraph separators, interlinear annotation, tags, and variation selectors.
pub fn is_unsafe(c: char) -> bool {
    // The fast path: every character of a manifest is checked several times.
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

/// Finds the unsafe characters of a text, with their bytes.
///
/// Leaves out joiners and variation selectors where they are a part of something visible: of an emoji, of a word in a
/// script that needs them, or of an ideograph.
pub fn unsafe_chars(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|&(at, c)| {
        let is_visible = || {
            // A selector may be between a pictograph and a joiner.
            let before = text
                .get(..at)
                .map(|before| before.strip_suffix('\u{fe0f}').filter(|_| c == '\u{200d}').unwrap_or(before));
            let before = before.and_then(|before| before.chars().next_back());
            let after = text.get(at + c.len_utf8()..).and_then(|after| after.chars().next());
            before.is_some_and(|before| is_part(before, c, after))
        };
        is_unsafe(c) && !is_visible()
    })
}

/// Whether an unsafe character is a part of what is visible around it. Follows the emoji sequences of UTS #51, RFC 5892
/// (appendix A) for joiners, and the registered variation sequences.
fn is_part(before: char, c: char, after: Option<char>) -> bool {
    match c {
        '\u{fe0e}'..='\u{fe0f}' if matches!(before, '0'..='9' | '#' | '*') => after == Some('\u{20e3}'),
        '\u{fe0e}'..='\u{fe0f}' => is_pictograph(before),
        '\u{200d}' if is_pictograph(before) => after.is_some_and(is_pictograph),
        '\u{200c}'..='\u{200d}' => uses_joiners(before) && after.is_some_and(uses_joiners),
        '\u{180b}'..='\u{180d}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        '\u{e0100}'..='\u{e01ef}' => {
            matches!(before, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        }
        _ => false,
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c,
        '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23ff}'
        | '\u{24c2}' | '\u{25aa}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}' | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Whether a letter is of a script in which joiners change how letters are drawn: from Arabic to Mongolian.
fn uses_joiners(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{77f}' | '\u{7ca}'..='\u{7ff}' | '\u{840}'..='\u{dff}' | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{17ff}' | '\u{1820}'..='\u{18aa}' | '\u{a980}'..='\u{a9df}')
}

/// Escapes every unsafe character as `\n`, `\t`, `\r` or `\u{…}`. The result is one line.
pub fn escape(text: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut rest = 0;
    for (at, c) in unsafe_chars(text) {
        let _ = write!(safe, "{}{}", text.get(rest..at).unwrap_or_default(), c.escape_default());
        rest = at + c.len_utf8();
    }
    if rest == 0 {
        return Cow::Borrowed(text);
    }
    safe.push_str(text.get(rest..).unwrap_or_default());
    Cow::Owned(safe)
}

/// Escapes, and cuts to at most `max` characters, the last of which is then `…`.
pub fn escape_to(text: &str, max: usize) -> Cow<'_, str> {
    let safe = escape(text);
    if safe.chars().nth(max).is_none() {
        return safe;
    }
    let cut: String = safe.chars().take(max.saturating_sub(1)).collect();
    // A joiner joins nothing now.
    Cow::Owned(cut.trim_end_matches(is_unsafe).to_owned() + "…")
}

/// Describes a character for a message: quoted if it is visible, its code point, and its name if it is a usual one.
pub fn describe(c: char) -> String {
    let code = u32::from(c);
    if c == ' ' {
        "a space".to_owned()
    } else if let Some(name) = name_of(c) {
        format!("U+{code:04X} {name}")
    } else if is_unsafe(c) || c.is_whitespace() {
        format!("the character U+{code:04X}")
    } else {
        format!("the character '{c}' (U+{code:04X})")
    }
}

/// Names the white space and the invisible characters that are found in real files, as Unicode does.
fn name_of(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "null",
        '\u{8}' => "backspace",
        '\t' => "tab",
        '\n' => "line feed",
        '\r' => "carriage return",
        '\u{1b}' => "escape",
        '\u{7f}' => "delete",
        '\u{85}' => "next line",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{61c}' => "Arabic letter mark",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "pop directional formatting",
        '\u{202d}' => "left-to-right override",
        '\u{202e}' => "right-to-left override",
        '\u{202f}' => "narrow no-break space",
        '\u{2060}' => "word joiner",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "pop directional isolate",
        '\u{3000}' => "ideographic space",
        '\u{fe0f}' => "variation selector-16",
        '\u{feff}' => "byte order mark",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_escaped_and_others_are_not() {
        assert_eq!(escape("alice@example.com ü 日本 🔑"), "alice@example.com ü 日本 🔑");
        assert_eq!(escape("a\u{1b}[31mb\nc\u{202e}d\u{200b}"), "a\\u{1b}[31mb\\nc\\u{202e}d\\u{200b}");
    }

    #[test]
    fn a_character_is_described_by_its_look_its_code_point_or_its_name() {
        let described = ['ü', '\u{202e}', ' ', '\u{1}'].map(describe);
        assert_eq!(
            described,
            ["the character 'ü' (U+00FC)", "U+202E right-to-left override", "a space", "the character U+0001"]
        );
    }

    #[test]
    fn joiners_and_selectors_are_safe_only_as_a_part_of_something_visible() {
        for whole in [
            "❤️",
            "👩\u{200d}💻",
            "❤️\u{200d}🔥",
            "👍🏽",
            "1\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "葛\u{e0100}",
        ] {
            assert_eq!(unsafe_chars(whole).next(), None, "{whole}");
            assert_eq!(escape(whole), whole);
        }
        for (deceptive, expected) in [
            ("a\u{200d}b", "a\\u{200d}b"),
            ("a\u{fe0f}", "a\\u{fe0f}"),
            ("a\u{fe0f}\u{200d}🔥", "a\\u{fe0f}\\u{200d}🔥"),
            ("1\u{fe0f}", "1\\u{fe0f}"),
            ("\u{200d}💻", "\\u{200d}💻"),
            ("👩\u{200d}", "👩\\u{200d}"),
            ("👩\u{200d}\u{200d}💻", "👩\\u{200d}\\u{200d}💻"),
            ("م\u{200c}a", "م\\u{200c}a"),
            ("م\u{202e}م", "م\\u{202e}م"),
            ("葛\u{e0020}", "葛\\u{e0020}"),
            ("❤️\u{fe0f}", "❤️\\u{fe0f}"),
        ] {
            assert_eq!(escape(deceptive), expected);
            assert_eq!(unsafe_chars(&escape(deceptive)).next(), None);
        }
        assert_eq!(escape_to("👩\u{200d}💻💻", 3), "👩…");
    }

    #[test]
    fn a_cut_text_ends_in_an_ellipsis_and_keeps_its_bound() {
        assert_eq!(escape_to("abcdef", 6), "abcdef");
        assert_eq!(escape_to("abcdefg", 6), "abcde…");
    }

    #[test]
    fn no_unsafe_character_survives_escaping() {
        for code in 0..=0x0010_ffff_u32 {
            let Some(c) = char::from_u32(code) else { continue };
            assert!(!escape(&c.to_string()).chars().any(is_unsafe), "U+{code:04X}");
        }
    }
}
