//! How much of a plan or an outcome is shown.

/// So many actions of a kind are shown without being asked for all.
const MANY: usize = 50;

/// So many are shown of a kind of which there are more.
const FIRST: usize = 20;

/// What a reader wants to see beside the ordinary.
#[derive(Debug, Clone, Copy, Default)]
pub struct View {
    /// Every action, however many there are.
    pub full: bool,
    /// The picture of each key.
    pub randomart: bool,
}

impl View {
    /// How many of so many things are shown. What takes access away, or failed, is not asked for here: it always is.
    pub fn shown_of(self, many: usize) -> usize {
        if self.full || many <= MANY { many } else { FIRST }
    }
}
