//! Commands that people copy into a shell. Their arguments may contain blanks, quotes, `$(…)` or a leading dash.

use std::borrow::Cow;

/// Quotes a word for a POSIX shell, if necessary.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// Returns a flag and its value as unquoted words: as one word if the value would be read as a flag.
pub fn flag(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') { vec![format!("{name}={value}")] } else { vec![name.to_owned(), value.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_read_back_unchanged_by_a_shell() {
        for (word, expected) in [
            ("keys/team-a.yaml", "keys/team-a.yaml"),
            ("", "''"),
            ("my keys", "'my keys'"),
            ("$(rm -rf ~)", "'$(rm -rf ~)'"),
            ("it's", r"'it'\''s'"),
            ("schlüssel", "'schlüssel'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_value_is_never_taken_for_a_flag() {
        assert_eq!(flag("--target", "bob"), ["--target", "bob"]);
        assert_eq!(flag("--target", "-y"), ["--target=-y"]);
    }
}
