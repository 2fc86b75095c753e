//! The room that is left in a comment.

/// Characters for what the frame adds: folds, and the sentence that counts what was left out.
const FRAME: usize = 500;

/// The number of characters that are left.
#[derive(Debug)]
pub(super) struct Fit(usize);

impl Fit {
    /// Starts with `max` characters less those of texts that are always shown.
    pub(super) fn new(max: usize, always: &[&str]) -> Self {
        let used: usize = always.iter().map(|text| text.chars().count()).sum();
        Self(max.saturating_sub(used + FRAME))
    }

    /// Takes the room of a text. Returns false, and takes none, if less is left.
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
