//! Finds the word that was probably meant, for hints such as "did you mean `owner`?".

/// The longest word that is compared, in bytes.
const MAX_WORD: usize = 64;

/// The most edits between a word and what it may mean.
const MAX_EDITS: usize = 4;

/// Returns the known word that `word` most likely stands for, if one is near: at most two edits for five letters, or
/// `word` is its beginning. Case and punctuation do not count.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let bare_word = bare(word);
    if word.len() > MAX_WORD || bare_word.is_empty() {
        return None;
    }
    let near = known.into_iter().filter_map(|candidate| Some((distance(&bare_word, &bare(candidate))?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Reduces a word to its letters and digits in lower case: `public_key` and `publicKey` are the same.
pub fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns how far a near word is: the number of edits, then the difference in length.
fn distance(word: &str, candidate: &str) -> Option<(usize, usize)> {
    let (length, other) = (word.chars().count(), candidate.chars().count());
    let longest = length.max(other);
    let is_beginning = length >= 3 && candidate.starts_with(word);
    let edits = strsim::damerau_levenshtein(word, candidate);
    (is_beginning || edits <= MAX_EDITS && 5 * edits <= 2 * longest).then_some((edits, length.abs_diff(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["name", "publicKey", "publicKeyFile", "alice-laptop", "bob", "ssh-ed25519"];
        for (word, meant) in [
            ("nmae", Some("name")),
            ("NAME", Some("name")),
            ("public_key", Some("publicKey")),
            ("public-key-file", Some("publicKeyFile")),
            ("publicKeyPath", Some("publicKeyFile")),
            ("alice", Some("alice-laptop")),
            ("bobby", Some("bob")),
            ("ed25519", Some("ssh-ed25519")),
            ("ssh-ed25519-and-more", None),
            ("comment", None),
            ("", None),
            ("-", None),
            ("x", None),
            ("na", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
