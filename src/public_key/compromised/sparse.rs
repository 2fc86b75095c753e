//! Moduli in which far fewer bits are set than in a random number.
//!
//! They come from primes with runs of zeros, and are then the value of a polynomial whose factors give the primes: the check
//! `rsapoly` of badkeys, which found such keys in `CompleteFTP` and elsewhere. A chosen text in the upper half of a modulus
//! is harmless, so the lower half counts too. A random modulus of 2048 bits is refused with a probability below 2^-60.

use num_bigint::BigUint;

use super::compromise::Compromise;

pub(super) fn check(modulus: &BigUint) -> Option<Compromise> {
    let digits = modulus.to_u64_digits();
    let (lower, _) = digits.split_at(digits.len() / 2);
    (is_sparse(&digits) && is_sparse(lower)).then_some(Compromise::Sparse)
}

/// Whether less than 40 % of the bits are set.
fn is_sparse(digits: &[u64]) -> bool {
    let set: u32 = digits.iter().map(|digit| digit.count_ones()).sum();
    u64::from(set) * 100 < digits.len() as u64 * 64 * 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bits_are_noticed_unless_they_are_only_in_the_upper_half() {
        let (zeros, dense) = ([1_u8; 128], [0x96_u8; 128]);
        let join = |upper: [u8; 128], lower: [u8; 128]| BigUint::from_bytes_be(&[upper, lower].concat());
        assert_eq!(check(&join(zeros, zeros)), Some(Compromise::Sparse));
        assert_eq!(check(&join(zeros, dense)), None);
        assert_eq!(check(&join(dense, zeros)), Some(Compromise::Sparse));
        assert_eq!(check(&join(dense, dense)), None);
    }
}
