//! When requests may go out: shared by everything that speaks to one account.
//!
//! A server that pushes back, with a 429 or a `Retry-After`, speaks to everybody: all requests wait. Then one goes ahead,
//! and with each that the server takes one more may be under way. A server that is still closed is asked by one request
//! at a time, and one that has opened is soon used in full, whatever it counts requests by.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::Notify;

use super::failure::Failure;
use super::retry::{BACKOFF_BASE, BACKOFF_CAP, Clock, RETRY_AFTER_CAP, backoff};

/// The longest time between two questions to a server that does not say when to come back.
pub const PROBE_CAP: Duration = Duration::from_secs(5);

/// The turns of requests.
#[derive(Debug)]
pub struct Pace<C> {
    clock: C,
    rng: RefCell<fastrand::Rng>,
    held_until: Cell<Duration>,
    /// How many requests are under way, and how many may be.
    under_way: Cell<usize>,
    width: Cell<usize>,
    /// Told when either of the two changes.
    changed: Notify,
    /// How often the server began to push back. What was sent before the last time tells nothing about it.
    waves: Cell<u64>,
    /// How often it did in a row, and since when.
    in_a_row: Cell<u32>,
    pushed_since: Cell<Option<Duration>>,
}

/// The right to make one request, until it is dropped.
#[derive(Debug)]
#[must_use = "it is over when it is dropped"]
pub struct Turn<'p, C> {
    pace: &'p Pace<C>,
    wave: u64,
}

/// Draws how long everybody waits after a server has pushed back `in_a_row` times before, and has `asked` for a pause.
pub fn hold(asked: Option<Duration>, in_a_row: u32, rng: &mut fastrand::Rng) -> Duration {
    let doubled = BACKOFF_BASE.saturating_mul(2_u32.saturating_pow(in_a_row)).min(PROBE_CAP);
    // Others may hold the same token, in other processes: they should not come back all at once.
    let own = doubled.mul_f64(0.5 + 0.5 * rng.f64());
    match asked {
        Some(asked) => asked.min(RETRY_AFTER_CAP).saturating_add(BACKOFF_BASE.mul_f64(rng.f64())).max(own),
        None => own,
    }
}

impl<C: Clock> Pace<C> {
    /// Starts with nothing held back.
    pub fn new(clock: C, seed: u64) -> Self {
        Self {
            clock,
            rng: RefCell::new(fastrand::Rng::with_seed(seed)),
            held_until: Cell::new(Duration::ZERO),
            under_way: Cell::new(0),
            width: Cell::new(usize::MAX),
            changed: Notify::new(),
            waves: Cell::new(0),
            in_a_row: Cell::new(0),
            pushed_since: Cell::new(None),
        }
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Waits until a request may go out.
    pub async fn turn(&self) -> Turn<'_, C> {
        loop {
            let left = self.held_until.get().saturating_sub(self.clock.now());
            if !left.is_zero() {
                self.clock.sleep(left).await;
            } else if self.under_way.get() < self.width.get() {
                self.under_way.set(self.under_way.get() + 1);
                return Turn { pace: self, wave: self.waves.get() };
            } else {
                self.changed.notified().await;
            }
        }
    }

    /// How long the server has pushed everything back; nothing if it took the last request that tells.
    pub fn pushed_for(&self) -> Duration {
        self.pushed_since.get().map_or(Duration::ZERO, |since| self.clock.now().saturating_sub(since))
    }

    /// Lets the pause pass after which a request that failed by itself may be tried again.
    pub async fn recover(&self, failure: &Failure, attempt: u32) {
        let pause = self.backoff(attempt);
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(attempt = attempt + 1, pause_ms, "trying again: {failure}");
        self.clock.sleep(pause).await;
    }

    /// Draws the pause before retry number `attempt`.
    pub fn backoff(&self, attempt: u32) -> Duration {
        backoff(attempt, BACKOFF_BASE, BACKOFF_CAP, &mut self.rng.borrow_mut())
    }

    fn pushed_back(&self, failure: &Failure, wave: u64) {
        let now = self.clock.now();
        let is_news = wave == self.waves.get();
        let pause = hold(failure.retry_after, self.in_a_row.get(), &mut self.rng.borrow_mut());
        // One that was sent before the others were held back knows no better when to come back, unless it was told.
        if is_news || failure.retry_after.is_some() {
            self.held_until.set(self.held_until.get().max(now.saturating_add(pause)));
        }
        if is_news {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(pause_ms, "everything waits: {failure}");
            self.waves.set(wave + 1);
            self.in_a_row.set(self.in_a_row.get().saturating_add(1));
            self.pushed_since.set(self.pushed_since.get().or(Some(now)));
            self.width.set(1);
        }
    }

    fn taken(&self, wave: u64) {
        if wave == self.waves.get() {
            self.in_a_row.set(0);
            self.pushed_since.set(None);
            self.width.set(self.width.get().saturating_add(1));
        }
    }
}

impl<C: Clock> Turn<'_, C> {
    /// Ends the turn with what came of the request, from which everybody learns.
    pub fn end<T>(self, result: &Result<T, Failure>) {
        match result {
            Err(failure) if failure.holds_back_all() => self.pace.pushed_back(failure, self.wave),
            // Whatever it was, the server took the request, or there was none to push it back.
            _ => self.pace.taken(self.wave),
        }
    }
}

impl<C> Drop for Turn<'_, C> {
    fn drop(&mut self) {
        self.pace.under_way.set(self.pace.under_way.get().saturating_sub(1));
        self.pace.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
