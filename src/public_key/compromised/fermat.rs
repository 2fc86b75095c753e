//! Moduli whose primes are so close together that Fermat's method finds them.
//!
//! Hanno Böck, "Fermat Factorization in the Wild" (2022, CVE-2022-26320): printers and firewalls with the `SafeZone` library
//! of Rambus. Those keys fall in the first round; 100 rounds are those of badkeys. Random primes are never as close: FIPS
//! 186-5 (appendix A.1.3) requires a difference of more than 2^(bits/2 - 100).

use num_bigint::BigUint;

use super::compromise::Compromise;

const ROUNDS: u32 = 100;

/// One number in a hundred has the remainder of a square of this number: Cohen, "A Course in Computational Algebraic Number
/// Theory" (1993), algorithm 1.7.3.
const FILTER: u64 = 64 * 63 * 65 * 11;

/// Looks for `a` with `a² - n = b²`: then `n = (a - b)(a + b)`.
pub(super) fn check(modulus: &BigUint) -> Option<Compromise> {
    let root = modulus.sqrt();
    if &root * &root == *modulus {
        return Some(Compromise::Square);
    }
    let (first, n) = (remainder(&root), remainder(modulus));
    let is_close = (1..=ROUNDS).any(|round| {
        let a = (first + u64::from(round)) % FILTER;
        may_be_square((a * a + FILTER - n) % FILTER) && {
            let a = &root + round;
            is_square(&(&a * &a - modulus))
        }
    });
    is_close.then_some(Compromise::ClosePrimes)
}

fn remainder(number: &BigUint) -> u64 {
    u64::try_from(number % FILTER).unwrap_or_default()
}

/// Whether a remainder of [`FILTER`] is that of a square.
fn may_be_square(remainder: u64) -> bool {
    [64, 63, 65, 11].into_iter().all(|part| (0..part).any(|root| root * root % part == remainder % part))
}

fn is_square(number: &BigUint) -> bool {
    let root = number.sqrt();
    &root * &root == *number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_square_passes_the_filter_and_few_other_numbers_do() {
        for root in 0..100_000 {
            assert!(may_be_square(root * root % FILTER), "{root}");
        }
        let passed = (0..100_000).filter(|&remainder| may_be_square(remainder)).count();
        assert!(passed < 1_000, "{passed}");
        assert!(!may_be_square(7));
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
