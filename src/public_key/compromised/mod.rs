//! Well-formed keys for which others have, or can compute, the private key.
//!
//! One check per file, each with its source. They cost about 0.3 ms for an RSA key of 4096 bits, except for `prime`, which
//! takes 35 ms: `batch` bounds how often that one runs.

mod batch;
mod compromise;
mod exponent;
mod factors;
mod fermat;
mod prime;
mod published;
mod roca;
mod sparse;

use num_bigint::BigUint;

use super::{PublicKey, wire};

pub use self::batch::{CompromiseCheck, CompromiseChecks, PrimeTests, compromised};
pub use self::compromise::Compromise;

impl PublicKey {
    /// Returns why the private key is not secret, if one of the checks shows it.
    ///
    /// Takes milliseconds to seconds for RSA. See [`CompromiseChecks`] for many keys.
    pub fn compromise(&self) -> Option<Compromise> {
        self.cheap_compromise().or_else(|| self.prime_compromise())
    }

    /// Runs every check but the expensive one.
    fn cheap_compromise(&self) -> Option<Compromise> {
        if let Some(source) = published::source(&self.blob.fingerprint()) {
            return Some(Compromise::Published { source });
        }
        let Rsa { exponent, modulus } = self.rsa()?;
        exponent::check(&exponent)
            .or_else(|| factors::check(&modulus))
            .or_else(|| fermat::check(&modulus))
            .or_else(|| roca::check(&modulus))
            .or_else(|| sparse::check(&modulus))
    }

    fn prime_compromise(&self) -> Option<Compromise> {
        prime::check(&self.rsa()?.modulus)
    }

    /// Returns the numbers of an RSA key.
    fn rsa(&self) -> Option<Rsa> {
        if !self.kind.is_rsa() {
            return None;
        }
        let bytes = self.blob.bytes();
        let (_, rest) = wire::first(&bytes)?;
        let [exponent, modulus] = wire::exactly(rest).ok()?;
        Some(Rsa { exponent: BigUint::from_bytes_be(exponent), modulus: BigUint::from_bytes_be(modulus) })
    }
}

struct Rsa {
    exponent: BigUint,
    modulus: BigUint,
}
