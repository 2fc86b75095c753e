//! A sentence that knows which of its parts come from outside, so that each format can show those safely in its own way.

use std::fmt;

use crate::terminal::sanitize::{escape, escape_to};

/// The most characters of a text from the account that a sentence shows.
const MAX_FOREIGN: usize = 80;

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phrase(Vec<Piece>);

/// A part of a [`Phrase`]. Holds no character that a terminal would act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Our own words.
    Ours(String),
    /// A name or an id that was checked, shown as it is.
    Named(String),
    /// A text of somebody else, at most 80 characters of it, shown in quotes.
    Foreign(String),
}

impl Phrase {
    /// Begins with our own words.
    pub fn new(words: impl Into<String>) -> Self {
        Self::default().then(words)
    }

    /// Goes on in our own words.
    #[must_use]
    pub fn then(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Ours(words.into()));
        self
    }

    /// Goes on with a name, an id or a flag.
    #[must_use]
    pub fn named(mut self, name: &impl fmt::Display) -> Self {
        self.0.push(Piece::Named(escape(&name.to_string()).into_owned()));
        self
    }

    /// Goes on with names or ids, commas between them.
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

    /// Goes on with a text of somebody else.
    #[must_use]
    pub fn foreign(mut self, text: &str) -> Self {
        self.0.push(Piece::Foreign(escape_to(text, MAX_FOREIGN).into_owned()));
        self
    }

    /// Its parts.
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
