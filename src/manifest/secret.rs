//! The private keys in a manifest, as ranges of bytes.

use std::ops::Range;

use crate::public_key::private;

/// Finds every private key: sorted, and neither overlapping nor touching.
pub(crate) fn private_keys(text: &str) -> Vec<Range<usize>> {
    private::find(text).into_iter().map(|key| key.range).collect()
}
