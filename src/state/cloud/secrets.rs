//! The credentials of a store, so that nothing that is shown contains them.

use std::fmt;

/// Shorter ones could be a part of any text.
const MIN_CHARS: usize = 8;

#[derive(Clone, Default)]
pub(super) struct StoreSecrets(Vec<String>);

impl StoreSecrets {
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= MIN_CHARS {
            self.0.push(secret.to_owned());
        }
    }

    pub(super) fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

impl fmt::Debug for StoreSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreSecrets")
    }
}
