//! Why a private key is not secret.

use std::fmt;

use crate::public_key::limits::MAX_EXPONENT_BITS;

/// Why the private key of a public key is not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compromise {
    /// The private key is published, in this file of this repository.
    Published { source: &'static str },
    /// The exponent is too large to be random.
    Exponent { bits: u64 },
    /// A small prime divides the modulus.
    SmallFactor { factor: u32 },
    /// The modulus is the square of one prime.
    Square,
    /// The two primes are close together.
    ClosePrimes,
    /// The primes have the structure of ROCA.
    Roca,
    /// Far fewer bits of the modulus are set than in a random number.
    Sparse,
    /// The modulus is one prime.
    Prime,
}

impl Compromise {
    pub fn help(self) -> &'static str {
        "create a new key with `ssh-keygen -t ed25519`, and remove this one everywhere: other people can log in with it"
    }
}

impl fmt::Display for Compromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this key is compromised: ")?;
        match self {
            Self::Published { source } => write!(f, "its private key is published ({source})"),
            Self::Exponent { bits } => write!(f, "its exponent has {bits} bits; the maximum is {MAX_EXPONENT_BITS}"),
            Self::SmallFactor { factor } => write!(f, "its modulus is divisible by {factor}"),
            Self::Square => f.write_str("its modulus is a square"),
            Self::ClosePrimes => f.write_str("its two primes are close together (CVE-2022-26320)"),
            Self::Roca => f.write_str("its primes are predictable (ROCA, CVE-2017-15361)"),
            Self::Sparse => f.write_str("its modulus is not random: most of its bits are zero"),
            Self::Prime => f.write_str("its modulus is a prime number"),
        }
    }
}
