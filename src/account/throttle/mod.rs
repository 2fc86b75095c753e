//! When requests may be sent: one throttle for everything that speaks to the same account, and the one loop that sends.
//!
//! A server that pushes back, with a 429 or a `Retry-After`, speaks to everybody: all requests wait. Then one is sent, and
//! each that the server takes lets one more be in flight. A server that is still closed gets one request at a time, and
//! one that has opened is soon used in full, however it counts requests.

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use super::clock::Clock;
use super::failure::Failure;
use super::retry::{Decision, RetryPolicy, backoff, decide, give_up, hold};
use super::verdict::Operation;

/// Lets requests pass, as many and as soon as the server can take them.
#[derive(Debug)]
pub struct Throttle<C> {
    clock: C,
    rng: RefCell<fastrand::Rng>,
    held_until: Cell<Duration>,
    in_flight: Cell<usize>,
    max_in_flight: Cell<usize>,
    /// Notified when either of the two changes.
    changed: Notify,
    /// Counts the times the server began to push back. The result of a request from an earlier epoch says nothing about
    /// the server now.
    epoch: Cell<u64>,
    /// How many epochs began since the server last took a request, and when the first of them did.
    push_backs: Cell<u32>,
    pushed_since: Cell<Option<Duration>>,
}

/// The right to send one request, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the right to send"]
struct Permit<'t, C> {
    throttle: &'t Throttle<C>,
    epoch: u64,
}

/// A step of [`Throttle::send`].
#[derive(Debug, Clone, Copy)]
pub enum SendStep<'a> {
    /// A request is about to be sent.
    Sending,
    /// It failed, and is sent again after a pause.
    Retrying(&'a Failure),
}

/// Why [`Throttle::send`] brought no value. `S` is what the future that stops it returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError<S> {
    /// It was stopped while no request was in flight.
    Stopped(S),
    /// The last request failed. [`Failure::effect`] says whether it may have had an effect.
    Failed(Failure),
}

impl<C: Clock> Throttle<C> {
    /// Starts with nothing held back. The pauses are drawn from the `seed`.
    pub fn new(clock: C, seed: u64) -> Self {
        Self {
            clock,
            rng: RefCell::new(fastrand::Rng::with_seed(seed)),
            held_until: Cell::new(Duration::ZERO),
            in_flight: Cell::new(0),
            max_in_flight: Cell::new(usize::MAX),
            changed: Notify::new(),
            epoch: Cell::new(0),
            push_backs: Cell::new(0),
            pushed_since: Cell::new(None),
        }
    }

    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Sends a request until it succeeds, must not be repeated or has used up its retries, `attempt` of which are used
    /// up before. `stop` ends the waiting for a permit or a retry, and never a request in flight.
    pub async fn send<T, S, F>(
        &self,
        operation: Operation,
        policy: RetryPolicy,
        mut attempt: u32,
        stop: impl Future<Output = S>,
        observe: impl Fn(SendStep<'_>),
        mut request: impl FnMut() -> F,
    ) -> Result<T, SendError<S>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut stop = pin!(stop);
        loop {
            let permit = unless(stop.as_mut(), self.acquire()).await?;
            observe(SendStep::Sending);
            let result = request().await;
            permit.finish(&result);
            let failure = match result {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let pushed_for = self.pushed_for();
            match decide(&failure, operation, attempt, policy, pushed_for) {
                Decision::GiveUp => return Err(SendError::Failed(give_up(failure, operation, attempt, pushed_for))),
                Decision::Queue => observe(SendStep::Retrying(&failure)),
                Decision::Retry => {
                    observe(SendStep::Retrying(&failure));
                    let pause = self.backoff(attempt);
                    attempt += 1;
                    tracing::info!(attempt, pause_ms = millis(pause), "retrying: {failure}");
                    unless(stop.as_mut(), self.clock.sleep(pause)).await?;
                }
            }
        }
    }

    /// Waits until a request may be sent.
    async fn acquire(&self) -> Permit<'_, C> {
        loop {
            let left = self.held_until.get().saturating_sub(self.clock.now());
            if !left.is_zero() {
                self.clock.sleep(left).await;
            } else if self.in_flight.get() < self.max_in_flight.get() {
                self.in_flight.set(self.in_flight.get() + 1);
                return Permit { throttle: self, epoch: self.epoch.get() };
            } else {
                self.changed.notified().await;
            }
        }
    }

    /// Draws the pause before retry number `attempt`.
    pub fn backoff(&self, attempt: u32) -> Duration {
        backoff(attempt, &mut self.rng.borrow_mut())
    }

    /// Returns how long the server has pushed every request back; zero if it took the last one that tells.
    fn pushed_for(&self) -> Duration {
        self.pushed_since.get().map_or(Duration::ZERO, |since| self.clock.now().saturating_sub(since))
    }

    fn pushed_back(&self, failure: &Failure, epoch: u64) {
        let now = self.clock.now();
        let is_news = epoch == self.epoch.get();
        let pause = hold(failure.retry_after, self.push_backs.get(), &mut self.rng.borrow_mut());
        // A request of an earlier epoch says nothing new about when to come back, unless the server named a time.
        if is_news || failure.retry_after.is_some() {
            self.held_until.set(self.held_until.get().max(now.saturating_add(pause)));
        }
        if is_news {
            tracing::info!(pause_ms = millis(pause), "all requests wait: {failure}");
            self.epoch.set(epoch + 1);
            self.push_backs.set(self.push_backs.get().saturating_add(1));
            self.pushed_since.set(self.pushed_since.get().or(Some(now)));
            self.max_in_flight.set(1);
        }
    }

    fn taken(&self, epoch: u64) {
        if epoch == self.epoch.get() {
            self.push_backs.set(0);
            self.pushed_since.set(None);
            self.max_in_flight.set(self.max_in_flight.get().saturating_add(1));
        }
    }
}

impl<C: Clock> Permit<'_, C> {
    /// Gives the permit back, and lets the throttle learn from the result of the request.
    fn finish<T>(self, result: &Result<T, Failure>) {
        match result {
            Err(failure) if failure.holds_back_all() => self.throttle.pushed_back(failure, self.epoch),
            // Any other result means that the server took the request, or that none was there to push it back.
            _ => self.throttle.taken(self.epoch),
        }
    }
}

impl<C> Drop for Permit<'_, C> {
    fn drop(&mut self) {
        self.throttle.in_flight.set(self.throttle.in_flight.get().saturating_sub(1));
        self.throttle.changed.notify_waiters();
    }
}

/// Waits for a future, unless another one ends first.
async fn unless<S, T>(
    stop: Pin<&mut impl Future<Output = S>>,
    wait: impl Future<Output = T>,
) -> Result<T, SendError<S>> {
    match select(stop, pin!(wait)).await {
        Either::Left((stopped, _)) => Err(SendError::Stopped(stopped)),
        Either::Right((value, _)) => Ok(value),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
