//! Counts what an emulator was asked and what it answered.

use std::collections::{HashMap, VecDeque};

use hyper::Method;

use super::faults::FaultKind;

/// How many requests the log holds; older ones are only counted.
const LOG_CAPACITY: usize = 1 << 16;

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// The status of the answer; none if the connection closed without one.
    pub status: Option<u16>,
    /// What was made to go wrong with it, latency aside.
    pub fault: Option<FaultKind>,
}

/// What an emulator was asked so far.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// How many connections were accepted.
    pub connections: u64,
    /// How many requests arrived, also those that are not answered yet or whose client has gone.
    pub received: u64,
    /// How many requests are being handled. Without latency a request is handled in one step, so that there is rarely
    /// more than one.
    pub in_flight: usize,
    /// How many requests were being handled at once, at most.
    pub max_in_flight: usize,
    counts: HashMap<(Method, Option<u16>, Option<FaultKind>), u64>,
    log: VecDeque<ServedRequest>,
}

impl Stats {
    /// Counts the requests of a method that are done.
    pub fn count(&self, method: &Method) -> u64 {
        self.sum(|of, _, _| of == method)
    }

    /// Counts the requests of a method that were answered with a status.
    pub fn answered(&self, method: &Method, status: u16) -> u64 {
        self.sum(|of, answered, _| of == method && answered == Some(status))
    }

    /// Counts the requests that met a fault.
    pub fn faulted(&self, fault: FaultKind) -> u64 {
        self.sum(|_, _, met| met == Some(fault))
    }

    /// Lists the last requests that are done, the latest last; 65,536 at most.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &ServedRequest> {
        self.log.iter()
    }

    pub(super) fn begin(&mut self) {
        self.received += 1;
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
    }

    pub(super) fn end(&mut self) {
        self.in_flight -= 1;
    }

    pub(super) fn record(&mut self, served: ServedRequest) {
        *self.counts.entry((served.method.clone(), served.status, served.fault)).or_default() += 1;
        if self.log.len() == LOG_CAPACITY {
            self.log.pop_front();
        }
        self.log.push_back(served);
    }

    fn sum(&self, fits: impl Fn(&Method, Option<u16>, Option<FaultKind>) -> bool) -> u64 {
        let fitting = self.counts.iter().filter(|((method, status, fault), _)| fits(method, *status, *fault));
        fitting.map(|(_, count)| count).sum()
    }
}
