//! Patterns for names on the account, as in `unmanagedExcept`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pattern in which `*` stands for any text. Every other character stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Glob(String);

impl Glob {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the pattern matches the whole text. Takes time linear in both.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, others)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
        // Of each part the first occurrence leaves most for the others.
        for part in middle.split('*') {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

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
            (Some((expected, after)), Some((c, rest))) => expected == c && is_match(after, rest),
            _ => false,
        }
    }

    #[test]
    fn only_stars_are_special() {
        for (pattern, text, expected) in [
            ("skypilot-*", "skypilot-a1", true),
            ("skypilot-*", "my-skypilot-a1", false),
            ("*", "a\nb", true),
            ("*é*", "kéy", true),
            ("k?y", "key", false),
            ("[a-z]", "a", false),
            ("a\\*", "a\\b", true),
            ("ab*bc", "abc", false),
            ("", "", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_definition_says(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = is_match(&chars(&pattern), &chars(&text));
            prop_assert_eq!(Glob::new(&pattern).matches(&text), expected);
        }
    }
}
