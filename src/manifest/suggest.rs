//! Guesses which word was meant.

/// How much shorter or longer than the word a guess may be to be worth its comparison.
const MAX_WORD: usize = 64;

/// Names that people give to fields which are called otherwise.
const SYNONYMS: &[(&str, &str)] = &[
    ("key", "publicKey"),
    ("sshkey", "publicKey"),
    ("pubkey", "publicKey"),
    ("file", "publicKeyFile"),
    ("path", "publicKeyFile"),
    ("isprimary", "primary"),
    ("default", "primary"),
    ("expiresat", "expires"),
    ("expiry", "expires"),
    ("validuntil", "expires"),
    ("protected", "protect"),
    ("preventdestroy", "protect"),
    ("label", "name"),
    ("title", "name"),
    ("email", "owner"),
    ("user", "userId"),
    ("sshkeys", "keys"),
    ("policies", "policy"),
    ("ed25519", "ssh-ed25519"),
    ("rsa", "ssh-rsa"),
    ("rsasha2256", "ssh-rsa"),
    ("rsasha2512", "ssh-rsa"),
];

/// Returns the known word that `word` most likely stands for, if one is near.
pub(crate) fn suggest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let bare = bare(word);
    if let Some(same) = known.iter().find(|candidate| self::bare(candidate) == bare) {
        return Some(same);
    }
    if let Some((_, meant)) = SYNONYMS.iter().find(|(synonym, _)| *synonym == bare)
        && let Some(found) = known.iter().find(|candidate| *candidate == meant)
    {
        return Some(found);
    }
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&bare, &self::bare(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Reduces a word to its letters and digits in lower case: `public_key` is `publicKey`.
pub(crate) fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["name", "publicKey", "publicKeyFile", "owner", "expires", "protect", "primary"];
        for (word, meant) in [
            ("nmae", Some("name")),
            ("publickey", Some("publicKey")),
            ("public_key", Some("publicKey")),
            ("public-key-file", Some("publicKeyFile")),
            ("pubKey", Some("publicKey")),
            ("expire", Some("expires")),
            ("Owner", Some("owner")),
            ("protected", Some("protect")),
            ("comment", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(suggest(word, &known), meant, "{word}");
        }
    }
}
