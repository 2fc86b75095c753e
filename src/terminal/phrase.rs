//! Sentences that mark the parts that come from outside, so that each output format can escape those in its own way.

use std::fmt;

use super::escape::{escape, escape_to};

/// Maximum length of a part of a sentence from a file, in characters.
const MAX_SENTENCE: usize = 400;

/// Maximum length of a word that is shown as it is. Longer ones can be the id of a commit.
const MAX_WORD: usize = 30;

/// Maximum length of a foreign text, in characters.
const MAX_FOREIGN: usize = 80;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phrase(Vec<Piece>);

/// A part of a [`Phrase`], without control or invisible characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text written by us.
    Ours(String),
    /// A validated name, an id or a flag, shown without quotes.
    Named(String),
    /// Text from the account or a file, shown in quotes and cut to 80 characters.
    Foreign(String),
    /// Text from a file, shown as code.
    Code(String),
}

impl Phrase {
    pub fn new(words: impl Into<String>) -> Self {
        Self::default().then(words)
    }

    #[must_use]
    pub fn then(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Ours(words.into()));
        self
    }

    #[must_use]
    pub fn named(mut self, name: &impl fmt::Display) -> Self {
        self.0.push(Piece::Named(escape(&name.to_string()).into_owned()));
        self
    }

    /// Adds names or ids, separated by commas.
    #[must_use]
    pub fn list<'n, T: fmt::Display + 'n>(mut self, names: impl IntoIterator<Item = &'n T>) -> Self {
        for (index, name) in names.into_iter().enumerate() {
            if index > 0 {
                self = self.then(", ");
            }
            self = self.named(name);
        }
        self
    }

    #[must_use]
    pub fn foreign(mut self, text: &str) -> Self {
        self.0.push(Piece::Foreign(escape_to(text, MAX_FOREIGN).into_owned()));
        self
    }

    /// Adds a sentence that comes from a file, with code between backticks. Other words that could be markup, a link or a
    /// mention are named, so that they have no effect.
    #[must_use]
    pub fn quoted_from(mut self, sentence: &str) -> Self {
        for (index, text) in sentence.split('`').enumerate().filter(|(_, text)| !text.is_empty()) {
            let text = escape_to(text, MAX_SENTENCE);
            if index % 2 == 1 {
                self.0.push(Piece::Code(text.into_owned()));
                continue;
            }
            for word in text.split_inclusive(' ') {
                let bare = word.trim_end_matches(' ');
                self = if is_plain(bare) {
                    self.then(word)
                } else {
                    self.named(&bare).then(" ".repeat(word.len() - bare.len()))
                };
            }
        }
        self
    }

    /// Adds another phrase.
    #[must_use]
    pub fn followed_by(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

/// Whether a word means nothing but itself in Markdown, on every forge.
fn is_plain(word: &str) -> bool {
    let inner = word.trim_start_matches('(').trim_end_matches([')', '.', ',', ';', ':', '?']);
    let is_number = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit());
    let is_word = inner.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '–' | '…'));
    inner.chars().count() <= MAX_WORD && (is_number || is_word)
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Ours(text) | Piece::Named(text) => f.write_str(text),
            Piece::Foreign(text) => write!(f, "\"{text}\""),
            Piece::Code(text) => write!(f, "`{text}`"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_from_a_file_has_only_words_and_code() {
        for sentence in [
            "`alice` has no `owner`",
            "`alice` has the type ssh-rsa, which is not allowed",
            "use a key of one of these types: ssh-ed25519, sk-ssh-ed25519@openssh.com",
            "`a` expires in 400 days; the maximum is 365",
            "add `owner: …`, the person responsible for the key",
        ] {
            assert_eq!(Phrase::new("").quoted_from(sentence).to_string(), sentence);
        }
        // A name pattern may contain a backtick.
        let odd = Phrase::default().quoted_from("`a` does not match `^[a`b]$`");
        assert_eq!(odd.to_string(), "`a` does not match `^[a`b]$");
        for hostile in [
            "@octocat",
            "#1",
            "GH-1",
            "www.evil.example",
            "<img",
            "**b**",
            "[l](x)",
            "~~s~~",
            ":smile:",
            "&lt;",
            "_a_",
            "https://evil.example",
            "m@evil.example",
            "$x$",
            "\u{1b}[31m",
            "a|b",
            "\\",
        ] {
            for sentence in
                [hostile.to_owned(), format!("is {hostile}, so"), format!("`a`{hostile}`b`"), format!("`{hostile}")]
            {
                let phrase = Phrase::default().quoted_from(&sentence);
                for piece in phrase.pieces() {
                    let Piece::Ours(words) = piece else { continue };
                    assert!(
                        words.split(' ').all(|word| word.is_empty() || is_plain(word)),
                        "{words:?} of {sentence:?}"
                    );
                }
            }
        }
    }
}
