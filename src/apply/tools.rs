//! The account, clock and options of an apply.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::gate::Gate;
use crate::account::{
    Clock, DEFAULT_TIMEOUT, Failure, Lateness, Operation, RetryPolicy, SendError, SendStep, Throttle,
};

pub const DEFAULT_CONCURRENCY: usize = 10;

#[derive(Debug, Clone, Copy)]
pub struct ApplyOptions {
    /// How many uploads or deletions are in flight at a time. At least 1.
    pub concurrency: usize,
    pub retries: RetryPolicy,
    /// Whether nothing more is started after the first failure.
    pub fail_fast: bool,
    /// Whether the account must not be listed.
    pub offline: bool,
    /// The timeout of a request.
    pub timeout: Duration,
    pub lateness: Lateness,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            concurrency: DEFAULT_CONCURRENCY,
            retries: RetryPolicy::default(),
            fail_fast: false,
            offline: false,
            timeout: DEFAULT_TIMEOUT,
            lateness: Lateness::default(),
        }
    }
}

/// What an apply works with.
pub struct Tools<'a, A, C> {
    pub account: &'a A,
    pub throttle: &'a Throttle<C>,
    pub options: ApplyOptions,
    /// Once cancelled, nothing more is started. Requests in flight are finished.
    pub stop: &'a CancellationToken,
    pub observer: &'a dyn Fn(&Event<'_>),
    /// The lineage of a new state.
    pub lineage: uuid::Uuid,
}

impl<A, C: Clock> Tools<'_, A, C> {
    /// Sends a request about a key until it is answered or must not be repeated. `attempt` of its retries are used up
    /// already. Events call the key `name`.
    pub(super) async fn send<T, F>(
        &self,
        gate: &Gate<'_>,
        operation: Operation,
        name: &str,
        attempt: u32,
        request: impl FnMut() -> F,
    ) -> Result<T, SendError<()>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let observe = |step: SendStep<'_>| {
            (self.observer)(&match step {
                SendStep::Sending => Event::Request { operation, name },
                SendStep::Retrying(failure) => Event::Retrying { name, failure },
            });
        };
        self.throttle.send(operation, self.options.retries, attempt, gate.closed(), observe, request).await
    }
}
