//! Moduli that a small prime divides.
//!
//! Usually the remains of a key that was damaged in memory or in transit: Hanno Böck, "How I tricked Symantec with a fake
//! private key" (2017), and the check `smallfactors` of badkeys, which has the same bound.

use std::sync::LazyLock;

use num_bigint::BigUint;
use num_integer::Integer as _;

use super::compromise::Compromise;

const MAX_FACTOR: u32 = 65537;

/// The product of all odd primes up to [`MAX_FACTOR`].
static PRODUCT: LazyLock<BigUint> = LazyLock::new(|| product(&odd_primes()));

pub(super) fn check(modulus: &BigUint) -> Option<Compromise> {
    let common = (&*PRODUCT % modulus).gcd(modulus);
    if common.bits() == 1 {
        return None;
    }
    // All of the product, if the modulus divides it.
    let factor = odd_primes().into_iter().find(|&prime| (modulus % prime).bits() == 0)?;
    Some(Compromise::SmallFactor { factor })
}

/// Finds the primes with the sieve of Eratosthenes.
fn odd_primes() -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    for candidate in (3..=MAX_FACTOR).step_by(2) {
        let is_composite =
            primes.iter().take_while(|&&prime| prime * prime <= candidate).any(|prime| candidate % prime == 0);
        if !is_composite {
            primes.push(candidate);
        }
    }
    primes
}

/// Multiplies halves, since factors of similar length are multiplied fastest.
fn product(numbers: &[u32]) -> BigUint {
    match numbers {
        [] => BigUint::from(1_u8),
        [number] => BigUint::from(*number),
        _ => {
            let (left, right) = numbers.split_at(numbers.len() / 2);
            product(left) * product(right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_has_every_odd_prime_up_to_the_bound_once() {
        let primes = odd_primes();
        assert_eq!(primes.len(), 6542, "pi(65537) is 6543, with 2");
        assert_eq!((primes.first(), primes.last()), (Some(&3), Some(&MAX_FACTOR)));
        let mut rest = PRODUCT.clone();
        for prime in primes {
            assert_eq!((&rest % prime).bits(), 0, "{prime}");
            rest /= prime;
        }
        assert_eq!(rest, BigUint::from(1_u8));
    }

    #[test]
    fn the_smallest_factor_is_named() {
        let large = (BigUint::from(1_u8) << 127_u32) - 1_u8;
        assert_eq!(check(&large), None, "a prime");
        assert_eq!(check(&(&large * 65537_u32)), Some(Compromise::SmallFactor { factor: 65537 }));
        assert_eq!(check(&(&large * 15_u8)), Some(Compromise::SmallFactor { factor: 3 }));
        assert_eq!(check(&(&large * 65539_u32)), None, "the next prime");
    }
}
