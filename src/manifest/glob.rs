//! Patterns for names on the account, as in `unmanagedExcept`.

use regex::{Regex, RegexBuilder};

/// A pattern in which `*` stands for any text and `?` for one character. Every other character stands for itself.
#[derive(Debug, Clone)]
pub struct Glob {
    pattern: String,
    /// Matches in time linear in the text.
    regex: Regex,
}

impl Glob {
    /// Fails only if the pattern is too long for the matcher.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        let body = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
        let regex = RegexBuilder::new(&format!("^{body}$")).dot_matches_new_line(true).build()?;
        Ok(Self { pattern: pattern.to_owned(), regex })
    }

    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Returns whether the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Glob {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, one character at a time.
    fn is_match(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', after)), _) => {
                is_match(after, text) || text.split_first().is_some_and(|(_, rest)| is_match(pattern, rest))
            }
            (Some((expected, after)), Some((c, rest))) => (*expected == '?' || expected == c) && is_match(after, rest),
            _ => false,
        }
    }

    #[test]
    fn only_stars_and_question_marks_are_special() {
        for (pattern, text, expected) in [
            ("skypilot-*", "skypilot-a1", true),
            ("skypilot-*", "my-skypilot-a1", false),
            ("*", "a\nb", true),
            ("k?y", "kéy", true),
            ("[a-z]+", "a", false),
            ("a.c", "abc", false),
            ("a\\*", "a\\b", true),
            ("", "", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_definition_says(pattern in "[ab*?.]{0,8}", text in "[ab.\n]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = is_match(&chars(&pattern), &chars(&text));
            prop_assert_eq!(Glob::new(&pattern).unwrap().matches(&text), expected);
        }
    }
}
