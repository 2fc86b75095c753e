//! The type and length of a key, for people.

use std::fmt;

use super::algorithm::Algorithm;

/// The type and the length of a key. Displayed as `ED25519 256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyKind {
    algorithm: Algorithm,
    bits: u32,
}

impl KeyKind {
    pub(super) const fn new(algorithm: Algorithm, bits: u32) -> Self {
        Self { algorithm, bits }
    }

    /// The short name that ssh-keygen prints: `ED25519`, `RSA`, `ECDSA`, `ED25519-SK`, `ECDSA-SK` or `DSA`.
    pub const fn name(self) -> &'static str {
        self.algorithm.short_name()
    }

    /// The length in bits, as ssh-keygen counts it.
    pub const fn bits(self) -> u32 {
        self.bits
    }

    pub fn is_rsa(self) -> bool {
        self.algorithm == Algorithm::Rsa
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.bits)
    }
}
