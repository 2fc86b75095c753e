//! Moduli whose primes are so close together that Fermat's method finds them.
//!
//! Hanno Böck, "Fermat Factorization in the Wild" (2022, CVE-2022-26320): printers and firewalls with the `SafeZone` library
//! of Rambus. Those keys fall in the first round; 100 rounds are those of badkeys. Random primes are never as close: FIPS
//! 186-5 (appendix A.1.3) requires a difference of more than 2^(bits/2 - 100).

use num_bigint::BigUint;

use super::compromise::Compromise;

const ROUNDS: u32 = 100;

/// Squares have one of few remainders of this number. It is 64 · 63 · 65 · 11: see Cohen, "A Course in Computational
/// Algebraic Number Theory" (1993), algorithm 1.7.3.
const FILTER: u32 = 64 * 63 * 65 * 11;

/// Looks for `a` with `a² - n = b²`: then `n = (a - b)(a + b)`.
pub(super) fn check(modulus: &BigUint) -> Option<Compromise> {
    let root = modulus.sqrt();
    if &root * &root == *modulus {
        return Some(Compromise::Square);
    }
    let mut a = root;
    for _ in 0..ROUNDS {
        a += 1_u8;
        if is_square(&(&a * &a - modulus)) {
            return Some(Compromise::ClosePrimes);
        }
    }
    None
}

fn is_square(number: &BigUint) -> bool {
    let is_candidate = u32::try_from(number % FILTER).is_ok_and(|remainder| {
        [64, 63, 65, 11].into_iter().all(|part| {
            let remainder = remainder % part;
            (0..part).any(|root| root * root % part == remainder)
        })
    });
    if !is_candidate {
        return false;
    }
    let root = number.sqrt();
    &root * &root == *number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_recognised_and_its_neighbours_are_not() {
        let root = (BigUint::from(1_u8) << 521_u32) - 1_u8;
        let square = &root * &root;
        assert!(is_square(&square));
        assert!(!is_square(&(&square - 1_u8)));
        assert!(!is_square(&(&square + 1_u8)));
        for root in 0_u32..1000 {
            assert!(is_square(&BigUint::from(root * root)), "{root}");
        }
        assert_eq!((0_u32..10_000).filter(|&number| is_square(&BigUint::from(number))).count(), 100);
    }

    #[test]
    fn primes_are_close_up_to_the_last_round() {
        // n = (a - b)(a + b), with a - sqrt(n) about b² / 2a: round r is reached with b = sqrt(2ar).
        let a = BigUint::from(3_u8) << 1022_u32;
        let product_in_round = |round: u32| {
            let b = (&a * 2_u8 * round - &a).sqrt();
            (&a - &b) * (&a + &b)
        };
        assert_eq!(check(&product_in_round(1)), Some(Compromise::ClosePrimes));
        assert_eq!(check(&product_in_round(ROUNDS)), Some(Compromise::ClosePrimes));
        assert_eq!(check(&product_in_round(ROUNDS + 1)), None);
        assert_eq!(check(&(&a * &a)), Some(Compromise::Square));
    }
}
