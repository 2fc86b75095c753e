//! How much room a comment has left.

/// What a frame needs around what is fitted in: folds, and the sentence of what was left out.
const FRAME: usize = 500;

/// The characters that are left.
#[derive(Debug)]
pub(super) struct Fit(usize);

impl Fit {
    /// Begins with so many, less what these need.
    pub(super) fn new(max: usize, always: &[&str]) -> Self {
        let used: usize = always.iter().map(|text| text.chars().count()).sum();
        Self(max.saturating_sub(used + FRAME))
    }

    /// Takes the room of a text, if there is as much.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        match self.0.checked_sub(text.chars().count()) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}
