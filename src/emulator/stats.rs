//! Counts requests and their responses.

use std::collections::{HashMap, VecDeque};

use hyper::Method;

use super::faults::FaultKind;

/// The maximum number of requests in the log; older ones are only counted.
const LOG_CAPACITY: usize = 1 << 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    pub method: Method,
    /// Without the query.
    pub path: String,
    /// `None` if the connection closed without a response.
    pub status: Option<u16>,
    /// Never [`FaultKind::Latency`].
    pub fault: Option<FaultKind>,
}

#[derive(Debug, Clone, Default)]
pub struct Stats {
    pub connections: u64,
    /// Includes requests that are in flight, and those of clients that disconnected.
    pub received: u64,
    /// Rarely more than one without latency, as a request is then handled in one step.
    pub in_flight: usize,
    pub max_in_flight: usize,
    counts: HashMap<(Method, Option<u16>, Option<FaultKind>), u64>,
    log: VecDeque<ServedRequest>,
}

impl Stats {
    /// Number of completed requests with a method.
    pub fn count(&self, method: &Method) -> u64 {
        self.sum(|of, _, _| of == method)
    }

    /// Number of requests with a method that were answered with a status.
    pub fn answered(&self, method: &Method, status: u16) -> u64 {
        self.sum(|of, answered, _| of == method && answered == Some(status))
    }

    /// Number of requests that failed by a fault.
    pub fn faulted(&self, fault: FaultKind) -> u64 {
        self.sum(|_, _, met| met == Some(fault))
    }

    /// The last completed requests in order, at most 65,536.
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
