//! Checks many keys, on all processors and with a limit on the time.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::thread;

use super::compromise::Compromise;
use crate::public_key::PublicKey;

/// How many tests for a prime modulus may be run. The time of one grows with the cube of the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrimeTests(u64);

/// The result of checking one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompromiseCheck {
    Passed,
    Compromised(Compromise),
    /// No check found anything, but the test for a prime modulus was beyond the limit.
    PrimeUntested,
}

/// The checks of many keys, run as their results are asked for: the index of each key with its result, in no order.
#[derive(Debug)]
pub struct CompromiseChecks<'k> {
    /// The next one is the last.
    jobs: Vec<Job<'k>>,
    done: Vec<(usize, CompromiseCheck)>,
    threads: usize,
}

/// The check of one key.
#[derive(Debug, Clone, Copy)]
struct Job<'k> {
    index: usize,
    key: &'k PublicKey,
    tests_prime: bool,
}

impl PrimeTests {
    /// As many tests as take 15 seconds of one processor.
    pub const SECONDS: Self = Self::of(1000, 3072);

    pub const fn of(keys: u64, bits: u32) -> Self {
        Self(keys.saturating_mul(work(bits)))
    }
}

const fn work(bits: u32) -> u64 {
    (bits as u64).pow(3)
}

impl<'k> CompromiseChecks<'k> {
    /// Chooses which keys are tested for a prime modulus: the shortest, until `limit` is reached.
    pub fn new(keys: impl IntoIterator<Item = &'k PublicKey>, limit: PrimeTests) -> Self {
        let keys = keys.into_iter().enumerate();
        let mut jobs: Vec<Job<'k>> = keys.map(|(index, key)| Job { index, key, tests_prime: true }).collect();
        jobs.sort_by_key(Job::work);
        let mut left = Some(limit.0);
        for job in &mut jobs {
            left = left.and_then(|left| left.checked_sub(job.work()));
            job.tests_prime = left.is_some();
        }
        Self { jobs, done: Vec::new(), threads: thread::available_parallelism().map_or(1, NonZeroUsize::get) }
    }

    /// Counts the remaining RSA keys. The check of one takes milliseconds or more.
    pub fn slow(&self) -> usize {
        self.jobs.iter().filter(|job| job.is_slow()).count()
    }
}

impl Iterator for CompromiseChecks<'_> {
    type Item = (usize, CompromiseCheck);

    fn next(&mut self) -> Option<Self::Item> {
        if self.done.is_empty() {
            let slow = self.jobs.iter().rev().take(self.threads).take_while(|job| job.is_slow()).count();
            let jobs = self.jobs.split_off(self.jobs.len().saturating_sub(slow.max(1)));
            self.done = match &*jobs {
                [job] => vec![job.run()],
                jobs => run_all(jobs),
            };
        }
        self.done.pop()
    }
}

impl Job<'_> {
    fn is_slow(&self) -> bool {
        self.key.kind().is_rsa()
    }

    fn work(&self) -> u64 {
        if self.is_slow() { work(self.key.bits()) } else { 0 }
    }

    fn run(&self) -> (usize, CompromiseCheck) {
        let check = match self.key.cheap_compromise() {
            Some(compromise) => CompromiseCheck::Compromised(compromise),
            None if !self.tests_prime => CompromiseCheck::PrimeUntested,
            None => self.key.prime_compromise().map_or(CompromiseCheck::Passed, CompromiseCheck::Compromised),
        };
        (self.index, check)
    }
}

/// Returns the compromised ones of some keys, by their positions. What is beyond [`PrimeTests::SECONDS`] counts as passed:
/// plan and apply check the keys that they add.
pub fn compromised<'k>(keys: impl IntoIterator<Item = &'k PublicKey>) -> BTreeMap<usize, Compromise> {
    let checks = CompromiseChecks::new(keys, PrimeTests::SECONDS);
    checks
        .filter_map(|(index, check)| match check {
            CompromiseCheck::Compromised(compromise) => Some((index, compromise)),
            CompromiseCheck::Passed | CompromiseCheck::PrimeUntested => None,
        })
        .collect()
}

/// Runs each job on its own thread.
fn run_all(jobs: &[Job<'_>]) -> Vec<(usize, CompromiseCheck)> {
    thread::scope(|scope| {
        let running: Vec<_> = jobs.iter().map(|job| scope.spawn(|| job.run())).collect();
        let join = |job: thread::ScopedJoinHandle<'_, _>| match job.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.into_iter().map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5tbsN8QMTUIGUyKcKetjtfPHnOTEhqTzOnWkFAsXwk";

    /// An RSA key whose modulus ends with `last`.
    fn rsa(bits: usize, last: u8) -> PublicKey {
        let modulus = [&[0][..], &vec![0xb5; bits / 8 - 1], &[last]].concat();
        let blob: Vec<u8> = [&b"ssh-rsa"[..], &[1, 0, 1], &modulus]
            .iter()
            .flat_map(|part| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat())
            .collect();
        PublicKey::parse(&format!("ssh-rsa {}", crate::public_key::wire::encode(&blob))).unwrap()
    }

    /// Finds a modulus that passes all checks but the expensive one.
    fn unremarkable(bits: usize) -> PublicKey {
        (1..=255).step_by(2).map(|last| rsa(bits, last)).find(|key| key.cheap_compromise().is_none()).unwrap()
    }

    fn divisible(bits: usize) -> PublicKey {
        (1..=255).step_by(2).map(|last| rsa(bits, last)).find(|key| key.cheap_compromise().is_some()).unwrap()
    }

    fn check(keys: &[PublicKey], limit: PrimeTests) -> Vec<CompromiseCheck> {
        let mut done: Vec<_> = CompromiseChecks::new(keys, limit).collect();
        done.sort_by_key(|&(index, _)| index);
        assert!(done.iter().enumerate().all(|(expected, &(index, _))| index == expected));
        done.into_iter().map(|(_, check)| check).collect()
    }

    #[test]
    fn every_key_has_one_result_at_its_own_index() {
        use CompromiseCheck::{Compromised, Passed};
        let ed25519 = PublicKey::parse(ED25519).unwrap();
        let divisible = divisible(2048);
        let factor = Compromised(divisible.cheap_compromise().unwrap());
        let keys = [unremarkable(2056), ed25519.clone(), divisible, unremarkable(2048), ed25519];
        assert_eq!(check(&keys, PrimeTests::of(3, 2056)), [Passed, Passed, factor, Passed, Passed]);
        assert_eq!(check(&[], PrimeTests::of(0, 0)), []);
    }

    #[test]
    fn long_keys_beyond_the_limit_are_not_tested_for_a_prime_modulus_but_for_everything_else() {
        use CompromiseCheck::{Passed, PrimeUntested};
        let keys = [unremarkable(4096), unremarkable(2048), divisible(8192), PublicKey::parse(ED25519).unwrap()];
        let [four, two, divisible, ed25519] = check(&keys, PrimeTests::of(1, 2048)).try_into().unwrap();
        assert_eq!([four, two, ed25519], [PrimeUntested, Passed, Passed]);
        assert!(matches!(divisible, CompromiseCheck::Compromised(_)), "{divisible:?}");
    }
}
