//! When to send a request again, and how long to wait before.
//!
//! Decisions are pure; time and randomness are passed in, so that a simulation can run in virtual time.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::failure::{Effect, Failure};

/// The mean pause before the first retry is half of this.
pub const BACKOFF_BASE: Duration = Duration::from_millis(250);

/// The longest pause that backing off asks for.
pub const BACKOFF_CAP: Duration = Duration::from_secs(20);

/// The longest `Retry-After` that is obeyed in full.
pub const RETRY_AFTER_CAP: Duration = Duration::from_mins(1);

/// How often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times after the first.
    pub retries: u32,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait, then send the same request again.
    Retry,
    /// Report the failure.
    GiveUp,
}

/// Tells the time and lets it pass.
pub trait Clock {
    /// Returns the time since some fixed moment; never goes back.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// The clock of the runtime.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: tokio::time::Instant,
}

/// When requests may go out: shared by everything that speaks to one account.
///
/// A request waits for [`Pace::wait`] first. When the server asks one of them to slow down, all of them do.
#[derive(Debug)]
pub struct Pace<C> {
    clock: C,
    held_until: Cell<Duration>,
    rng: RefCell<fastrand::Rng>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 5 }
    }
}

/// Decides what follows a failure. `attempt` counts the retries so far, 0 after the first request.
///
/// A request whose effect is unknown is repeated only if it is idempotent; otherwise someone has to look first.
pub fn decide(effect: Effect, idempotent: bool, attempt: u32, policy: RetryPolicy) -> Decision {
    let may_repeat = match effect {
        Effect::NotSent => true,
        Effect::Unknown => idempotent,
        Effect::Refused => false,
    };
    if may_repeat && attempt < policy.retries { Decision::Retry } else { Decision::GiveUp }
}

/// Draws the pause before retry number `attempt` (from 0): anything from nothing up to `base` doubled `attempt` times,
/// at most `cap`. "Full jitter": workers that failed together do not come back together.
pub fn backoff(attempt: u32, base: Duration, cap: Duration, rng: &mut fastrand::Rng) -> Duration {
    let doubled = base.saturating_mul(2_u32.saturating_pow(attempt));
    doubled.min(cap).mul_f64(rng.f64())
}

/// Sends a request that may be sent twice, as often as the policy allows. The error is that of the last attempt.
pub async fn repeat<T, C, F>(pace: &Pace<C>, policy: RetryPolicy, mut request: impl FnMut() -> F) -> Result<T, Failure>
where
    C: Clock,
    F: Future<Output = Result<T, Failure>>,
{
    let mut attempt = 0;
    loop {
        pace.wait().await;
        let failure = match request().await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        if decide(failure.effect, true, attempt, policy) == Decision::GiveUp {
            return Err(give_up(failure, attempt));
        }
        pace.recover(&failure, attempt).await;
        attempt += 1;
    }
}

/// Adds to the message of a failure how often it was tried, if more than once.
pub fn give_up(mut failure: Failure, attempt: u32) -> Failure {
    if attempt > 0 {
        failure.message = format!("{} (tried {} times)", failure.message, attempt + 1);
    }
    failure
}

impl<C: Clock> Pace<C> {
    /// Starts with nothing held back.
    pub fn new(clock: C, seed: u64) -> Self {
        let rng = RefCell::new(fastrand::Rng::with_seed(seed));
        Self { clock, held_until: Cell::new(Duration::ZERO), rng }
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Waits until requests may go out. Whoever had to wait waits a little longer, each by another time, so that the
    /// server does not get all of them at once.
    pub async fn wait(&self) {
        while let Some(left) = self.held_for() {
            let apart = self.backoff(0);
            self.clock.sleep(left.saturating_add(apart)).await;
        }
    }

    /// Holds every request back until then, on the clock's time. Never shortens what holds already.
    pub fn hold(&self, until: Duration) {
        self.held_until.set(self.held_until.get().max(until));
    }

    /// Lets the pause pass that a failure calls for. Where the server asked for it, everyone else is held back too.
    pub async fn recover(&self, failure: &Failure, attempt: u32) {
        let own = self.backoff(attempt);
        let pause = failure.retry_after.map_or(own, |asked| asked.min(RETRY_AFTER_CAP).max(own));
        tracing::info!(
            attempt = attempt + 1,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            everyone = failure.holds_back_all(),
            "trying again: {failure}"
        );
        if failure.holds_back_all() {
            self.hold(self.clock.now().saturating_add(pause));
            self.wait().await;
        } else {
            self.clock.sleep(pause).await;
        }
    }

    /// Draws the pause before retry number `attempt`.
    pub fn backoff(&self, attempt: u32) -> Duration {
        backoff(attempt, BACKOFF_BASE, BACKOFF_CAP, &mut self.rng.borrow_mut())
    }

    fn held_for(&self) -> Option<Duration> {
        let left = self.held_until.get().saturating_sub(self.clock.now());
        (!left.is_zero()).then_some(left)
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl<C: Clock> Clock for &C {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        (**self).sleep(duration)
    }
}

impl<C: Clock> Clock for Rc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        (**self).sleep(duration)
    }
}

#[cfg(test)]
mod tests;
