//! Commands for people to copy into a shell: what comes from outside may hold blanks, quotes, `$(…)` or a leading dash.

use std::borrow::Cow;

/// A word as a POSIX shell reads it back.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// A flag and its value, as words that are not quoted yet: in one where the value would be taken for a flag.
pub fn flag(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') { vec![format!("{name}={value}")] } else { vec![name.to_owned(), value.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_word_back_as_it_is() {
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
