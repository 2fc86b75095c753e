//! Exponents that no generator of keys chooses.
//!
//! NIST FIPS 186-5 (appendix A.1.1) requires 2^16 < e < 2^256. The upper bound also excludes Wiener's attack ("Cryptanalysis
//! of Short RSA Secret Exponents", 1990) and that of Boneh and Durfee (1999): both need a private exponent of less than 0.3
//! times the bits of the modulus, and the public one is then about as long as the modulus.
//!
//! The lower bound is not enforced. ssh-keygen chose 35 until OpenSSH 5.5 and PuTTY chooses 37, and a small exponent does
//! not show the private key: `badkeys` only warns of 3. Exponents that are even or 1 are refused when a key is parsed.

use num_bigint::BigUint;

use super::compromise::Compromise;
use crate::public_key::limits::MAX_EXPONENT_BITS;

pub(super) fn check(exponent: &BigUint) -> Option<Compromise> {
    let bits = exponent.bits();
    (bits > MAX_EXPONENT_BITS).then_some(Compromise::Exponent { bits })
}
