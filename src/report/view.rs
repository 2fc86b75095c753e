//! Limits how much of a plan or an outcome is shown.

/// The largest number of actions of a kind that are all shown.
const MANY: usize = 50;

/// The number of actions shown of a kind with more than [`MANY`].
const FIRST: usize = 20;

/// The width of sentences if the width of the terminal is unknown, in columns.
const WIDTH: usize = 80;

#[derive(Debug, Clone, Copy, Default)]
pub struct View {
    /// Show every action, and everything known of it.
    pub full: bool,
    /// Show the randomart of each key.
    pub randomart: bool,
    /// The width of the terminal. Missing if the text goes to a file or a pipe: then no line is shortened.
    pub columns: Option<usize>,
}

impl View {
    /// Returns how many of `many` actions are shown. Deletions and failures are always shown, without this limit.
    pub fn shown_of(self, many: usize) -> usize {
        if self.full || many <= MANY { many } else { FIRST }
    }

    /// Returns the width of sentences, in columns.
    pub(super) fn width(self) -> usize {
        self.columns.unwrap_or(WIDTH)
    }
}
