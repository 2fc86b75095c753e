//! Writes a text as a YAML scalar that every reader reads back as that text.

/// Where a scalar is written: `,` and brackets end one without quotes in `{…}` and `[…]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarPlace {
    Block,
    Flow,
}

/// The quotes that a scalar should have, if that is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    WhereNeeded,
    Single,
    Double,
}

/// Words that YAML 1.1 parses as booleans, and that a manifest must quote.
const NOT_TEXT: [&str; 6] = ["y", "yes", "n", "no", "on", "off"];

/// Formats a text, in quotes if a parser might not read it as the same text.
pub(crate) fn scalar(text: &str, place: ScalarPlace, quotes: Quotes) -> String {
    match quotes {
        Quotes::WhereNeeded if is_plain(text, place) => text.to_owned(),
        Quotes::Single if !text.contains(|c: char| c.is_control()) => format!("'{}'", text.replace('\'', "''")),
        // A JSON string is also a YAML string. Writing it into memory cannot fail.
        _ => serde_json::to_string(text).unwrap_or_default(),
    }
}

/// Formats a text as a scalar outside of brackets.
pub(crate) fn scalar_in_block(text: &str) -> String {
    scalar(text, ScalarPlace::Block, Quotes::WhereNeeded)
}

fn is_plain(text: &str, place: ScalarPlace) -> bool {
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = place == ScalarPlace::Block || !text.contains([',', '[', ']', '{', '}']);
    let reads_back = || serde_yaml::to_string(text).is_ok_and(|yaml| yaml.trim_end() == text);
    is_word && fits && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str()) && reads_back()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_scalar_reads_back_as_the_same_text() {
        for text in [
            "alice",
            "yes",
            "Off",
            "12:30",
            "0x1f",
            "2027-06-30",
            "~",
            "a #b",
            "e: ",
            "a:",
            "inf",
            "123",
            "a: b",
            "# no",
            "\"",
            "it's",
            "ü 日本",
            "- a",
            "*x",
            "null",
            "a, b",
            "a]",
            "{a}",
            "ssh-ed25519 AAAA= a@b",
        ] {
            for quotes in [Quotes::WhereNeeded, Quotes::Single, Quotes::Double] {
                let document = format!("value: {}\n", scalar(text, ScalarPlace::Block, quotes));
                let read: BTreeMap<String, String> = serde_yaml::from_str(&document).unwrap();
                assert_eq!(read["value"], text, "{document}");
                let document = format!("{{value: {}, other: x}}\n", scalar(text, ScalarPlace::Flow, quotes));
                let read: BTreeMap<String, String> = serde_yaml::from_str(&document).unwrap();
                assert_eq!(read["value"], text, "{document}");
            }
        }
    }

    #[test]
    fn quotes_are_kept_and_not_added_without_need() {
        let write = |quotes| scalar("it's", ScalarPlace::Block, quotes);
        assert_eq!([Quotes::WhereNeeded, Quotes::Single, Quotes::Double].map(write), ["it's", "'it''s'", "\"it's\""]);
    }
}
