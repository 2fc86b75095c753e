//! How much of a plan or an outcome is shown.

/// Up to this number, all actions of a kind are shown.
const MANY: usize = 50;

/// The number of actions that are shown of a kind that has more than [`MANY`].
const FIRST: usize = 20;

#[derive(Debug, Clone, Copy, Default)]
pub struct View {
    /// Show every action.
    pub full: bool,
    /// Show the picture of each key.
    pub randomart: bool,
}

impl View {
    /// Returns how many of `many` actions are shown. Not for actions that take access away, or failed: all are shown.
    pub fn shown_of(self, many: usize) -> usize {
        if self.full || many <= MANY { many } else { FIRST }
    }
}
