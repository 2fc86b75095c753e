//! Faults of requests: random from a seed, or scripted by a test.

mod kind;
mod rate;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use hyper::Method;

use super::choice::Choice as _;

pub use kind::FaultKind;
pub use rate::{FaultRate, FaultRateError};

/// The faults and their rates. The default has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// The same requests in the same order get the same faults.
    pub seed: u64,
    /// The probability of each kind, from 0 to 1. A request gets at most one fault besides latency; if the probabilities
    /// of the others add up to more than 1, they are scaled down to 1.
    pub rates: BTreeMap<FaultKind, f64>,
    /// The minimum of latency.
    pub latency: Duration,
    /// The maximum of latency, beyond the minimum.
    pub jitter: Duration,
    /// For `Retry-After`, rounded up to seconds.
    pub retry_after: Duration,
    pub stall: Duration,
    /// How long after the client lost it a late request is handled.
    pub late: Duration,
    /// Used for the next requests, before random faults.
    pub script: Vec<ScriptEntry>,
}

/// The fault of a number of requests. The first entry that matches a request is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptEntry {
    /// `None` matches every method.
    pub method: Option<Method>,
    /// Number of requests.
    pub count: u64,
    /// `None` lets them pass.
    pub fault: Option<FaultKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FaultDecision {
    pub(super) delay: Duration,
    /// Never [`FaultKind::Latency`].
    pub(super) fault: Option<FaultKind>,
}

#[derive(Debug)]
pub(super) struct FaultInjector {
    faults: Faults,
    rng: Rng,
    script: VecDeque<ScriptEntry>,
}

impl Faults {
    /// Sets a probability; a later one for the same kind replaces it.
    pub fn set(&mut self, FaultRate { kind, rate }: FaultRate) {
        match kind {
            Some(kind) => drop(self.rates.insert(kind, rate)),
            None => self.rates.extend(FaultKind::ALL.iter().map(|kind| (*kind, rate))),
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 0,
            rates: BTreeMap::new(),
            latency: Duration::from_millis(50),
            jitter: Duration::from_millis(50),
            retry_after: Duration::from_secs(1),
            stall: Duration::from_secs(10),
            late: Duration::from_secs(5),
            script: Vec::new(),
        }
    }
}

impl ScriptEntry {
    pub fn fault(count: u64, method: Method, fault: FaultKind) -> Self {
        Self { method: Some(method), count, fault: Some(fault) }
    }

    pub fn pass(count: u64, method: Method) -> Self {
        Self { method: Some(method), count, fault: None }
    }
}

impl FaultInjector {
    pub(super) fn new(mut faults: Faults) -> Self {
        let script = std::mem::take(&mut faults.script).into();
        Self { rng: Rng::with_seed(faults.seed), faults, script }
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn script(&mut self, entry: ScriptEntry) {
        self.script.push_back(entry);
    }

    /// Decides the fault of a request: the scripted one, or else a random one.
    pub(super) fn decide(&mut self, method: &Method) -> FaultDecision {
        let Some(entry) = self.next_scripted(method) else {
            return self.draw();
        };
        match entry.fault {
            Some(FaultKind::Latency) => FaultDecision { delay: self.delay(), fault: None },
            fault => FaultDecision { delay: Duration::ZERO, fault },
        }
    }

    /// Uses up one request of the first entry of the script that matches.
    fn next_scripted(&mut self, method: &Method) -> Option<ScriptEntry> {
        let fits = |entry: &ScriptEntry| entry.count > 0 && entry.method.as_ref().is_none_or(|only| only == method);
        let entry = self.script.iter_mut().find(|entry| fits(entry))?;
        entry.count -= 1;
        let entry = entry.clone();
        self.script.retain(|entry| entry.count > 0);
        Some(entry)
    }

    fn draw(&mut self) -> FaultDecision {
        if self.faults.rates.is_empty() {
            return FaultDecision { delay: Duration::ZERO, fault: None };
        }
        let latency = self.faults.rates.get(&FaultKind::Latency).copied().unwrap_or_default();
        let delay = if self.rng.f64() < latency { self.delay() } else { Duration::ZERO };
        let others = || self.faults.rates.iter().filter(|(kind, _)| **kind != FaultKind::Latency);
        let mut point = self.rng.f64() * others().map(|(_, rate)| rate).sum::<f64>().max(1.0);
        let fault = others().find(|(_, rate)| {
            point -= **rate;
            point < 0.0
        });
        FaultDecision { delay, fault: fault.map(|(kind, _)| *kind) }
    }

    fn delay(&mut self) -> Duration {
        self.faults.latency + self.faults.jitter.mul_f64(self.rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injector(rates: &[&str]) -> FaultInjector {
        let mut faults = Faults { seed: 7, ..Faults::default() };
        for rate in rates {
            faults.set(rate.parse().unwrap());
        }
        FaultInjector::new(faults)
    }

    fn draw(injector: &mut FaultInjector, count: usize) -> BTreeMap<Option<FaultKind>, usize> {
        let mut drawn = BTreeMap::new();
        for _ in 0..count {
            *drawn.entry(injector.decide(&Method::POST).fault).or_default() += 1;
        }
        drawn
    }

    #[test]
    fn each_kind_is_as_frequent_as_its_rate() {
        let drawn = draw(&mut injector(&["429=0.1", "500=0.2"]), 10_000);
        let share = |kind| drawn.get(&kind).copied().unwrap_or_default();
        assert!((900..1100).contains(&share(Some(FaultKind::TooMany))), "{drawn:?}");
        assert!((1850..2150).contains(&share(Some(FaultKind::Internal))), "{drawn:?}");
        assert_eq!(drawn.len(), 3);
    }

    #[test]
    fn rates_above_one_affect_every_request() {
        let drawn = draw(&mut injector(&["all=0.9"]), 5_000);
        assert_eq!(drawn.get(&None), None);
        assert_eq!(drawn.len(), FaultKind::ALL.len() - 1, "all but latency: {drawn:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let mut runs = [injector(&["all=0.05"]), injector(&["all=0.05"])]
            .map(|mut injector| (0..200).map(|_| injector.decide(&Method::GET)).collect::<Vec<_>>());
        runs.sort_by_key(Vec::len);
        assert_eq!(runs[0], runs[1]);
    }

    #[test]
    fn scripted_faults_come_before_random_ones() {
        let mut injector = injector(&["500=1"]);
        injector.script(ScriptEntry::pass(1, Method::POST));
        injector.script(ScriptEntry::fault(2, Method::POST, FaultKind::CloseAfter));
        injector.script(ScriptEntry { method: None, count: 1, fault: Some(FaultKind::Html) });
        let mut meets = |method| injector.decide(&method).fault;
        assert_eq!(meets(Method::GET), Some(FaultKind::Html));
        assert_eq!(meets(Method::POST), None);
        assert_eq!(meets(Method::POST), Some(FaultKind::CloseAfter));
        assert_eq!(meets(Method::GET), Some(FaultKind::Internal));
        assert_eq!(meets(Method::POST), Some(FaultKind::CloseAfter));
        assert_eq!(meets(Method::POST), Some(FaultKind::Internal));
    }

    #[test]
    fn latency_delays_between_its_bounds_and_lets_the_request_pass() {
        let mut injector = injector(&["latency=1"]);
        let (least, most) = (Duration::from_millis(50), Duration::from_millis(100));
        for _ in 0..100 {
            let FaultDecision { delay, fault } = injector.decide(&Method::GET);
            assert!(delay >= least && delay <= most && fault.is_none(), "{delay:?} {fault:?}");
        }
    }
}
