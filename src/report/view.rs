//! Limits how much of a plan or an outcome is shown.

/// The largest number of actions of a kind that are all shown.
const MANY: usize = 50;

/// The number of actions shown of a kind with more than [`MANY`].
const FIRST: usize = 20;

#[derive(Debug, Clone, Copy, Default)]
pub struct View {
    /// Show every action.
    pub full: bool,
    /// Show the randomart of each key.
    pub randomart: bool,
}

impl View {
    /// Returns how many of `many` actions are shown. Deletions and failures are always shown, without this limit.
    pub fn shown_of(self, many: usize) -> usize {
        if self.full || many <= MANY { many } else { FIRST }
    }
}
