//! Moduli that are one prime, so that everyone can compute the private exponent.
//!
//! Tested by Fermat's little theorem. One base is enough for a random modulus: of the composite numbers of 2048 bits fewer
//! than one in 2^100 passes (Damgård, Landrock and Pomerance, "Average Case Error Estimates for the Strong Probable Prime
//! Test", 1993). The others only confirm.

use num_bigint::BigUint;

use super::compromise::Compromise;

const BASES: [u8; 4] = [2, 3, 5, 7];

pub(super) fn check(modulus: &BigUint) -> Option<Compromise> {
    let one = BigUint::from(1_u8);
    let exponent = modulus - &one;
    let is_prime = BASES.into_iter().all(|base| BigUint::from(base).modpow(&exponent, modulus) == one);
    is_prime.then_some(Compromise::Prime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prime_is_recognised_and_a_product_is_not() {
        let mersenne = |exponent: u32| (BigUint::from(1_u8) << exponent) - 1_u8;
        assert_eq!(check(&mersenne(2203)), Some(Compromise::Prime));
        assert_eq!(check(&mersenne(2207)), None);
        assert_eq!(check(&(mersenne(1279) * mersenne(607))), None);
    }
}
