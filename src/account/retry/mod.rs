//! Whether to send a request again, and how long to wait before that. Pure: time and randomness are passed in.

use std::time::Duration;

use super::failure::{Effect, Failure};
use super::verdict::Operation;

/// The mean pause before the first retry is half of this.
pub const BACKOFF_BASE: Duration = Duration::from_millis(250);

/// The longest pause before a retry.
pub const BACKOFF_CAP: Duration = Duration::from_secs(20);

/// The longest pause between two requests to a server that pushes back and does not say when to come back.
pub const PROBE_CAP: Duration = Duration::from_secs(5);

/// The longest `Retry-After` that is obeyed in full.
pub const RETRY_AFTER_CAP: Duration = Duration::from_mins(1);

/// How long a server may push every request back before a request fails.
pub const PUSH_BACK_CAP: Duration = Duration::from_mins(5);

/// How often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times after the first. With 0 no request is sent twice, not even one that was pushed back.
    pub retries: u32,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait, then send the same request again. Uses up one of its retries.
    Retry,
    /// Send the same request again as soon as the throttle permits: the server turns away all requests, not this one.
    Queue,
    /// Report the failure.
    GiveUp,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 5 }
    }
}

/// Decides what follows a failure. `attempt` counts the retries so far, 0 after the first request; `pushed_for` is how
/// long the server has pushed every request back.
///
/// A request with an unknown effect is repeated only if it is idempotent; otherwise the account has to be listed first.
/// One that was pushed back is queued for at most [`PUSH_BACK_CAP`].
pub fn decide(
    failure: &Failure,
    operation: Operation,
    attempt: u32,
    policy: RetryPolicy,
    pushed_for: Duration,
) -> Decision {
    if !may_repeat(failure, operation) || policy.retries == 0 {
        Decision::GiveUp
    } else if failure.is_push_back() {
        if pushed_for < PUSH_BACK_CAP { Decision::Queue } else { Decision::GiveUp }
    } else if attempt < policy.retries {
        Decision::Retry
    } else {
        Decision::GiveUp
    }
}

/// Draws the pause before retry number `attempt` (from 0): uniformly up to [`BACKOFF_BASE`] doubled `attempt` times, at
/// most [`BACKOFF_CAP`]. "Full jitter": requests that failed together do not come back together.
pub fn backoff(attempt: u32, rng: &mut fastrand::Rng) -> Duration {
    let doubled = BACKOFF_BASE.saturating_mul(2_u32.saturating_pow(attempt));
    doubled.min(BACKOFF_CAP).mul_f64(rng.f64())
}

/// Draws how long all requests wait after a server has pushed back `push_backs` times before, and has `asked` for a
/// pause.
pub fn hold(asked: Option<Duration>, push_backs: u32, rng: &mut fastrand::Rng) -> Duration {
    let doubled = BACKOFF_BASE.saturating_mul(2_u32.saturating_pow(push_backs)).min(PROBE_CAP);
    // Other processes may use the same token: they should not come back all at once.
    let own = doubled.mul_f64(0.5 + 0.5 * rng.f64());
    match asked {
        Some(asked) => asked.min(RETRY_AFTER_CAP).saturating_add(BACKOFF_BASE.mul_f64(rng.f64())).max(own),
        None => own,
    }
}

/// Adds to the message of a failure why its request is not sent again: how long it was pushed back, or how often it was
/// tried. Nothing is added to the failure of a request that must not be repeated.
pub fn give_up(failure: Failure, operation: Operation, attempt: u32, pushed_for: Duration) -> Failure {
    if !may_repeat(&failure, operation) {
        failure
    } else if failure.is_push_back() && pushed_for >= PUSH_BACK_CAP {
        let minutes = PUSH_BACK_CAP.as_secs() / 60;
        let message = format!("{} (gave up after {minutes} minutes)", failure.message);
        Failure { message, ..failure }
    } else {
        count_tries(failure, attempt)
    }
}

/// Adds to the message of a failure how often its request was sent, if there was a retry.
pub fn count_tries(failure: Failure, attempt: u32) -> Failure {
    if attempt == 0 {
        return failure;
    }
    let message = format!("{} (tried {} times)", failure.message, attempt + 1);
    Failure { message, ..failure }
}

fn may_repeat(failure: &Failure, operation: Operation) -> bool {
    match failure.effect {
        Effect::NotSent => true,
        Effect::Unknown => operation.is_idempotent(),
        Effect::Refused => false,
    }
}

#[cfg(test)]
mod tests;
