//! What tells of a key in a format other than OpenSSH's line.

use std::ops::Range;

use super::format::KeyFormat;

/// A part of a text that tells of a key.
#[derive(Debug)]
pub(super) struct Sign {
    /// Its bytes, of base64 only the first.
    pub(super) range: Range<usize>,
    pub(super) format: KeyFormat,
    pub(super) kind: SignKind,
}

/// Where the key of a sign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignKind {
    /// Between this and an `End`.
    Begin,
    End,
    /// Around this: the second half of a `Begin` or `End`.
    Cut,
    /// Between this and a `PuttyEnd`, the last line of the format.
    Putty,
    PuttyEnd,
    /// The base64 that starts here, or below this line.
    Base64,
    /// All below.
    Rest,
}
