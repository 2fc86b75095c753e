//! When to send a request again, and how long to wait before.
//!
//! Decisions are pure; time and randomness are passed in, so that a simulation can run in virtual time.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::failure::{Effect, Failure};
use super::pace::Pace;

/// The mean pause before the first retry is half of this.
pub const BACKOFF_BASE: Duration = Duration::from_millis(250);

/// The longest pause that backing off asks for.
pub const BACKOFF_CAP: Duration = Duration::from_secs(20);

/// The longest `Retry-After` that is obeyed in full.
pub const RETRY_AFTER_CAP: Duration = Duration::from_mins(1);

/// How long a server may push everything back, and take nothing, before a request is given up.
pub const PUSH_BACK_CAP: Duration = Duration::from_mins(5);

/// How often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times after the first.
    pub retries: u32,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait, then send the same request again. One of its retries is used up.
    Retry,
    /// Send the same request again when its turn comes: the server has many requests, and nothing against this one.
    Queue,
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

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 5 }
    }
}

/// Decides what follows a failure. `attempt` counts the retries so far, 0 after the first request; `pushed_for` is how
/// long the server has pushed everything back.
///
/// A request whose effect is unknown is repeated only if it is idempotent; otherwise someone has to look first. One that
/// was pushed back waits for its turn, for at most [`PUSH_BACK_CAP`], unless nothing is to be sent twice at all.
pub fn decide(
    failure: &Failure,
    idempotent: bool,
    attempt: u32,
    policy: RetryPolicy,
    pushed_for: Duration,
) -> Decision {
    let may_repeat = match failure.effect {
        Effect::NotSent => true,
        Effect::Unknown => idempotent,
        Effect::Refused => false,
    };
    match () {
        () if !may_repeat || policy.retries == 0 => Decision::GiveUp,
        () if failure.is_push_back() && pushed_for < PUSH_BACK_CAP => Decision::Queue,
        () if failure.is_push_back() || attempt >= policy.retries => Decision::GiveUp,
        () => Decision::Retry,
    }
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
        let turn = pace.turn().await;
        let result = request().await;
        turn.end(&result);
        let failure = match result {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        match decide(&failure, true, attempt, policy, pace.pushed_for()) {
            Decision::GiveUp => return Err(give_up(failure, attempt, pace.pushed_for())),
            Decision::Queue => {}
            Decision::Retry => {
                pace.recover(&failure, attempt).await;
                attempt += 1;
            }
        }
    }
}

/// Adds to the message of a failure how often it was tried, if more than once, or how long it was pushed back, if that
/// is why it is given up.
pub fn give_up(mut failure: Failure, attempt: u32, pushed_for: Duration) -> Failure {
    if failure.is_push_back() && pushed_for >= PUSH_BACK_CAP {
        let minutes = PUSH_BACK_CAP.as_secs() / 60;
        failure.message = format!("{} (for {minutes} minutes, the longest that is waited)", failure.message);
    } else if attempt > 0 {
        failure.message = format!("{} (tried {} times)", failure.message, attempt + 1);
    }
    failure
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
