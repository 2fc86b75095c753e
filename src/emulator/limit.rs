//! The rate limit: a maximum number of requests in a window of time.

use std::time::{Duration, Instant};

/// Requests beyond the limit are answered with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The maximum in one window.
    pub requests: u32,
    /// The length of a window, which begins with its first request.
    pub window: Duration,
    /// Whether a 429 has a `Retry-After` with the end of the window.
    pub retry_after: bool,
}

#[derive(Debug)]
pub(super) struct RateWindow {
    limit: RateLimit,
    began: Option<Instant>,
    used: u32,
}

impl RateWindow {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, began: None, used: 0 }
    }

    /// Counts a request. One beyond the limit gets the rest of the window as an error, if [`RateLimit::retry_after`].
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Option<Duration>> {
        let elapsed = self.began.map(|began| now.saturating_duration_since(began));
        let elapsed = match elapsed {
            Some(elapsed) if elapsed < self.limit.window => elapsed,
            _ => {
                self.began = Some(now);
                self.used = 0;
                Duration::ZERO
            }
        };
        if self.used < self.limit.requests {
            self.used += 1;
            Ok(())
        } else {
            Err(self.limit.retry_after.then(|| self.limit.window.saturating_sub(elapsed)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_admits_its_number_of_requests_and_the_next_begins_when_it_ends() {
        let window = Duration::from_mins(1);
        let mut running = RateWindow::new(RateLimit { requests: 2, window, retry_after: true });
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(running.admit(at(0)), Ok(()));
        assert_eq!(running.admit(at(10)), Ok(()));
        assert_eq!(running.admit(at(20)), Err(Some(Duration::from_secs(40))));
        assert_eq!(running.admit(at(60)), Ok(()), "a new window");
        assert_eq!(running.admit(at(100)), Ok(()), "which began at 60");
        assert_eq!(running.admit(at(119)), Err(Some(Duration::from_secs(1))));
    }

    #[test]
    fn a_limit_can_be_without_retry_after() {
        let mut running =
            RateWindow::new(RateLimit { requests: 0, window: Duration::from_secs(1), retry_after: false });
        assert_eq!(running.admit(Instant::now()), Err(None));
    }
}
