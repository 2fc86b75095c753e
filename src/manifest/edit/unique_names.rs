//! Names for keys that have none yet.

use std::collections::{HashMap, HashSet};

use crate::names::MAX_NAME_CHARS;

/// Makes identifiers from names of the account, each once.
#[derive(Debug, Default)]
pub(crate) struct UniqueNames {
    taken: HashSet<String>,
    /// The last number that was appended to a name.
    last: HashMap<String, usize>,
}

impl UniqueNames {
    /// Makes a valid, unique name from the name of a row: what is not allowed in a name becomes `-`.
    pub(crate) fn unique(&mut self, account_name: &str) -> String {
        let words = account_name.split(|c: char| !(c.is_ascii_alphanumeric() || "._@+-".contains(c)));
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let joined = words.join("-");
        let base = joined.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim_end_matches('-');
        let base = if base.is_empty() { "key" } else { base };
        let mut candidate = cut(base, MAX_NAME_CHARS);
        let number = self.last.entry(candidate.clone()).or_insert(1);
        while !self.taken.insert(candidate.clone()) {
            *number += 1;
            let suffix = format!("-{number}");
            candidate = cut(base, MAX_NAME_CHARS - suffix.len()) + &suffix;
        }
        candidate
    }
}

fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::KeyName;

    #[test]
    fn names_become_valid_and_unique() {
        let mut names = UniqueNames::default();
        for (account, expected) in [
            ("alice", "alice"),
            ("alice", "alice-2"),
            (" alice\n", "alice-3"),
            ("Bob's YubiKey (5C)", "Bob-s-YubiKey-5C"),
            ("a\u{202e}b", "a-b"),
            ("-rf", "rf"),
            ("", "key"),
            ("日本", "key-2"),
        ] {
            let name = names.unique(account);
            assert_eq!(name, expected);
            assert!(KeyName::new(name).is_ok());
        }
        let long = names.unique(&"x".repeat(300));
        let longer = names.unique(&"x".repeat(300));
        assert!(KeyName::new(long).is_ok() && KeyName::new(longer).is_ok());
    }
}
