//! Keys whose private key is published.
//!
//! `published.txt` has their fingerprints. `.ci/update-published-keys` makes it, from the repositories that it names.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::public_key::Fingerprint;

/// Sources by fingerprint, as the lines of the file: `SHA256:… repository:path`.
static SOURCES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| include_str!("published.txt").lines().filter_map(|line| line.split_once(' ')).collect());

/// Returns where the private key is published.
pub(super) fn source(fingerprint: &Fingerprint) -> Option<&'static str> {
    SOURCES.get(fingerprint.as_str()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_fingerprint_and_a_source_in_order() {
        let lines: Vec<&str> = include_str!("published.txt").lines().collect();
        assert!(lines.is_sorted_by(|a, b| a < b));
        for line in &lines {
            let (fingerprint, source) = line.split_once(' ').unwrap();
            let fingerprint = Fingerprint::try_from(fingerprint.to_owned()).unwrap();
            assert!(super::source(&fingerprint).is_some_and(|found| found == source && source.contains(':')), "{line}");
        }
        assert_eq!(SOURCES.len(), lines.len(), "no fingerprint is listed twice");
    }
}
