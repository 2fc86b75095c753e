//! The text of a manifest file, and which of its lines may be shown.

use std::path::Path;
use std::sync::Arc;

use super::secret;
use super::span::{Extent, Position, lines};

/// A manifest file that was read.
#[derive(Debug)]
pub struct Source {
    path: Arc<Path>,
    text: String,
    /// What may not be quoted: private keys, then values that look like credentials; sorted and apart once sealed.
    secrets: Vec<Extent>,
}

impl Source {
    /// Takes the text of a file, without a byte order mark, and looks for what may not be shown.
    pub fn new(path: &Path, text: String) -> Self {
        let mut secrets = Vec::new();
        let (mut done, mut position) = (0, Position::START);
        for range in secret::private_keys(&text) {
            let start = position.after(text.get(done..range.start).unwrap_or_default());
            let end = start.after(text.get(range.clone()).unwrap_or_default());
            secrets.push(Extent { start, end });
            (done, position) = (range.end, end);
        }
        Self { path: path.into(), text, secrets }
    }

    /// Returns the file, as it was named or found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of private keys and credentials in the text, which are never shown.
    pub fn secret_count(&self) -> usize {
        self.secrets.len()
    }

    pub(crate) fn shared_path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn secrets(&self) -> &[Extent] {
        &self.secrets
    }

    /// Forbids to quote one more part of the text.
    pub(crate) fn hide(&mut self, extent: Extent) {
        self.secrets.push(extent);
    }

    /// Sorts what is hidden, after the last [`Self::hide`] and before the first [`Self::is_quotable`].
    pub(crate) fn seal(&mut self) {
        let mut secrets = std::mem::take(&mut self.secrets);
        secrets.sort_unstable();
        for secret in secrets {
            match self.secrets.last_mut() {
                Some(last) if secret.start <= last.end => last.end = last.end.max(secret.end),
                _ => self.secrets.push(secret),
            }
        }
    }

    /// Tells whether a line may be quoted: nothing secret is on it.
    pub(crate) fn is_quotable(&self, line: u32) -> bool {
        let next = self.secrets.partition_point(|secret| secret.end.line < line);
        self.secrets.get(next).is_none_or(|secret| secret.start.line > line)
    }

    /// Returns the lines of the text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        lines(&self.text)
    }
}
