//! The numbers of a key: whether they can belong to one, and how long it is.

use std::ops::Range;

use super::PublicKeyError as Error;
use super::algorithm::Algorithm;
use super::curve::{self, Curve, check_ed25519};
use super::wire::{self, bit_length};

/// The shortest RSA key that is accepted, in bits.
pub const MIN_RSA_BITS: u32 = 2048;
/// The longest RSA key that is accepted, in bits: the bound of OpenSSH.
pub const MAX_RSA_BITS: u32 = 16384;

/// Checks what follows the type in a blob and gives the length of the key in bits, as ssh-keygen counts it.
///
/// `at` is where the blob stands in the text.
pub(super) fn check(algorithm: Algorithm, rest: &[u8], at: &Range<usize>) -> Result<u32, Error> {
    let shape = |flaw| match flaw {
        wire::Flaw::BreaksOff => Error::Truncated { at: at.clone() },
        wire::Flaw::GoesOn => Error::Trailing { at: at.clone() },
    };
    let point = |flaw| match flaw {
        curve::Flaw::Form => Error::Encoding { at: at.clone() },
        curve::Flaw::Point => Error::Curve { at: at.clone() },
    };
    let (bits, application) = match algorithm {
        Algorithm::Ed25519 => {
            let [key] = wire::exactly(rest).map_err(shape)?;
            check_ed25519(key).map_err(point)?;
            (256, None)
        }
        Algorithm::SkEd25519 => {
            let [key, application] = wire::exactly(rest).map_err(shape)?;
            check_ed25519(key).map_err(point)?;
            (256, Some(application))
        }
        Algorithm::SkEcdsa => {
            let [name, key, application] = wire::exactly(rest).map_err(shape)?;
            (check_ecdsa(Curve::P256, name, key).map_err(point)?, Some(application))
        }
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => {
            let [name, key] = wire::exactly(rest).map_err(shape)?;
            (check_ecdsa(curve_of(algorithm), name, key).map_err(point)?, None)
        }
        Algorithm::Rsa => {
            let [exponent, modulus] = wire::exactly(rest).map_err(shape)?;
            (check_rsa(exponent, modulus, at)?, None)
        }
        Algorithm::Dsa => return Err(Error::Dsa { at: at.clone() }),
    };
    // OpenSSH reads the application as a C string.
    if application.is_some_and(|name| name.contains(&0)) {
        return Err(Error::Encoding { at: at.clone() });
    }
    Ok(bits)
}

/// Counts the bits of a key that need not be a good one: `rest` is what follows the type in its blob.
pub(super) fn bits(algorithm: Algorithm, rest: &[u8]) -> Option<u32> {
    match algorithm {
        Algorithm::Rsa => wire::exactly(rest).ok().map(|[_, modulus]| bit_length(modulus)),
        Algorithm::Dsa => wire::exactly(rest).ok().map(|[p, _, _, _]| bit_length(p)),
        Algorithm::Ed25519 | Algorithm::SkEd25519 => Some(256),
        Algorithm::SkEcdsa | Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => {
            Some(curve_of(algorithm).bits())
        }
    }
}

const fn curve_of(algorithm: Algorithm) -> Curve {
    match algorithm {
        Algorithm::EcdsaP384 => Curve::P384,
        Algorithm::EcdsaP521 => Curve::P521,
        _ => Curve::P256,
    }
}

fn check_ecdsa(curve: Curve, name: &[u8], point: &[u8]) -> Result<u32, curve::Flaw> {
    if name != curve.name().as_bytes() {
        return Err(curve::Flaw::Form);
    }
    curve.check(point)?;
    Ok(curve.bits())
}

fn check_rsa(exponent: &[u8], modulus: &[u8], at: &Range<usize>) -> Result<u32, Error> {
    let is_even = |number: &[u8]| number.last().is_none_or(|byte| byte % 2 == 0);
    let bits = bit_length(modulus);
    if bits == 0 || is_even(modulus) {
        return Err(Error::RsaModulus { at: at.clone() });
    }
    if !wire::is_canonical_positive(modulus) {
        return Err(Error::Encoding { at: at.clone() });
    }
    if bits < MIN_RSA_BITS {
        return Err(Error::RsaShort { bits, at: at.clone() });
    }
    if bits > MAX_RSA_BITS {
        return Err(Error::RsaLong { bits, at: at.clone() });
    }
    if is_even(exponent) || exponent == [1] || bit_length(exponent) > bits {
        return Err(Error::RsaExponent { at: at.clone() });
    }
    if !wire::is_canonical_positive(exponent) {
        return Err(Error::Encoding { at: at.clone() });
    }
    Ok(bits)
}
