//! Moduli of Infineon's `RSALib`, in smart cards, TPMs and YubiKey 4 (before 4.3.5).
//!
//! Nemec, Sys, Svenda, Klinec and Matyas, "The Return of Coppersmith's Attack" (2017, CVE-2017-15361). Its primes are
//! `k · M + (65537^a mod M)`, where `M` is a product of the first primes. So the modulus is a power of 65537 modulo every
//! divisor of `M`, and the test is for the `M` of the shortest keys: the product of the primes up to 167. A random modulus
//! passes with a probability of 2^-155.

use num_bigint::BigUint;
use num_integer::gcd;

use super::compromise::Compromise;

/// The odd primes of the smallest `M`.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

pub(super) fn check(modulus: &BigUint) -> Option<Compromise> {
    let logarithms: Vec<Logarithm> = PRIMES.iter().map(|&prime| logarithm(modulus, prime)).collect::<Option<_>>()?;
    // By the Chinese remainder theorem, there is one exponent for all primes if there is one for each pair.
    let agree = |a: &Logarithm, b: &Logarithm| {
        let common = gcd(a.order, b.order);
        a.exponent % common == b.exponent % common
    };
    logarithms.iter().all(|a| logarithms.iter().all(|b| agree(a, b))).then_some(Compromise::Roca)
}

/// `65537^exponent` is the number, and every exponent with the same remainder of `order` has the same power.
struct Logarithm {
    exponent: u32,
    order: u32,
}

/// Finds the logarithm of a number to the base 65537 modulo a prime, if it has one.
fn logarithm(number: &BigUint, prime: u32) -> Option<Logarithm> {
    let remainder = u32::try_from(number % prime).ok()?;
    let base = 65537 % prime;
    let (mut power, mut order, mut exponent) = (1, 0, None);
    loop {
        if power == remainder {
            exponent = Some(order);
        }
        order += 1;
        power = power * base % prime;
        if power == 1 {
            return exponent.map(|exponent| Logarithm { exponent, order });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_the_generator_is_found_and_its_neighbours_are_not() {
        let m: BigUint = PRIMES.iter().product::<BigUint>() * 2_u8;
        for exponent in [0_u32, 1, 7, 123_456_789] {
            let power = BigUint::from(65537_u32).modpow(&exponent.into(), &m);
            let modulus = &m * &m * 12345_u32 + power;
            assert_eq!(check(&modulus), Some(Compromise::Roca), "{exponent}");
            assert_eq!(check(&(&modulus + 2_u8)), None, "{exponent}");
        }
    }

    #[test]
    fn powers_with_another_exponent_for_each_prime_are_not_enough() {
        // 1 modulo all primes but 11, where 65537 is -1: both are powers, for no common exponent.
        let others: BigUint = PRIMES.iter().filter(|&&prime| prime != 11).product();
        let number = (1_u32..11).map(|k| &others * k + 1_u8).find(|n| (n % 11_u8) == BigUint::from(10_u8)).unwrap();
        assert!(PRIMES.iter().all(|&prime| logarithm(&number, prime).is_some()));
        assert_eq!(check(&number), None);
    }
}
