//! Checks the numbers in a key, and counts its bits.

use super::algorithm::Algorithm;
use super::curve::{Curve, check_ed25519};
use super::error::PublicKeyErrorKind as Kind;
use super::limits::{MAX_RSA_BITS, MIN_RSA_BITS};
use super::wire::{self, bit_length};

/// Checks what follows the type in a blob, and returns the length of the key in bits, as ssh-keygen counts it.
pub(super) fn check(algorithm: Algorithm, rest: &[u8]) -> Result<u32, Kind> {
    let (bits, application) = match algorithm {
        Algorithm::Ed25519 => {
            let [key] = wire::exactly(rest)?;
            check_ed25519(key)?;
            (256, None)
        }
        Algorithm::SkEd25519 => {
            let [key, application] = wire::exactly(rest)?;
            check_ed25519(key)?;
            (256, Some(application))
        }
        Algorithm::SkEcdsa => {
            let [name, key, application] = wire::exactly(rest)?;
            (check_ecdsa(Curve::P256, name, key)?, Some(application))
        }
        Algorithm::Ecdsa(curve) => {
            let [name, key] = wire::exactly(rest)?;
            (check_ecdsa(curve, name, key)?, None)
        }
        Algorithm::Rsa => {
            let [exponent, modulus] = wire::exactly(rest)?;
            (check_rsa(exponent, modulus)?, None)
        }
        Algorithm::Dsa => return Err(Kind::Dsa),
    };
    // OpenSSH reads the application as a C string.
    if application.is_some_and(|name| name.contains(&0)) {
        return Err(Kind::Encoding);
    }
    Ok(bits)
}

/// Counts the bits of a key, which may be one that [`check`] refuses. `rest` is what follows the type in its blob.
pub(super) fn bits(algorithm: Algorithm, rest: &[u8]) -> Option<u32> {
    match algorithm {
        Algorithm::Rsa => wire::exactly(rest).ok().map(|[_, modulus]| bit_length(modulus)),
        Algorithm::Dsa => wire::exactly(rest).ok().map(|[p, _, _, _]| bit_length(p)),
        Algorithm::Ed25519 | Algorithm::SkEd25519 => Some(256),
        Algorithm::Ecdsa(curve) => Some(curve.bits()),
        Algorithm::SkEcdsa => Some(Curve::P256.bits()),
    }
}

fn check_ecdsa(curve: Curve, name: &[u8], point: &[u8]) -> Result<u32, Kind> {
    if name != curve.name().as_bytes() {
        return Err(Kind::Encoding);
    }
    curve.check(point)?;
    Ok(curve.bits())
}

fn check_rsa(exponent: &[u8], modulus: &[u8]) -> Result<u32, Kind> {
    let is_even = |number: &[u8]| number.last().is_none_or(|byte| byte % 2 == 0);
    let bits = bit_length(modulus);
    if bits == 0 || is_even(modulus) {
        return Err(Kind::RsaModulus);
    }
    if !wire::is_canonical_positive(modulus) {
        return Err(Kind::Encoding);
    }
    if bits < MIN_RSA_BITS {
        return Err(Kind::RsaShort { bits });
    }
    if bits > MAX_RSA_BITS {
        return Err(Kind::RsaLong { bits });
    }
    if is_even(exponent) || exponent == [1] || bit_length(exponent) > bits {
        return Err(Kind::RsaExponent);
    }
    if !wire::is_canonical_positive(exponent) {
        return Err(Kind::Encoding);
    }
    Ok(bits)
}
