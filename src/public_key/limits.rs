//! The bounds on a public key.

/// The longest text that is read as a key, in bytes: an RSA key of 16384 bits takes 2.8 KB.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The shortest RSA key that is accepted, in bits. The product of two primes of 1024 bits can have 2047: some programs make
/// such keys, and name them keys of 2048 bits.
pub const MIN_RSA_BITS: u32 = 2047;

/// Shorter RSA keys are accepted with a warning, in bits.
pub const WEAK_RSA_BITS: u32 = 3072;

/// The longest RSA key that is accepted, in bits: the bound of OpenSSH.
pub const MAX_RSA_BITS: u32 = 16384;

/// Longer exponents of RSA keys are not random, in bits.
pub(super) const MAX_EXPONENT_BITS: u64 = 256;
