//! Sentences that mark the parts that come from outside, so that each output format can escape those in its own way.

use std::fmt;

use super::escape::{escape, escape_to};

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

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Ours(text) | Piece::Named(text) => f.write_str(text),
            Piece::Foreign(text) => write!(f, "\"{text}\""),
        })
    }
}
