//! The space left in a comment.

/// Characters reserved for the frame: folds, and the sentences that count what is not shown.
const FRAME: usize = 500;

/// The number of characters that are left.
#[derive(Debug)]
pub(super) struct Fit(usize);

impl Fit {
    /// Starts with `max` characters, minus those of texts that are always shown.
    pub(super) fn new(max: usize, always: &[&str]) -> Self {
        let used: usize = always.iter().map(|text| text.chars().count()).sum();
        Self(max.saturating_sub(used + FRAME))
    }

    /// Takes half of the space away.
    pub(super) fn split(&mut self) -> Self {
        let half = self.0 / 2;
        self.0 -= half;
        Self(half)
    }

    /// Gives space back.
    pub(super) fn join(&mut self, other: &Self) {
        self.0 += other.0;
    }

    /// Reserves space for a text. Returns false and reserves none if the text does not fit.
    pub(super) fn take(&mut self, text: &str) -> bool {
        match self.0.checked_sub(text.chars().count()) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}
