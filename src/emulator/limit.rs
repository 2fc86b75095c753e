//! A bound on requests in a window of time, as a pure count.

use std::time::{Duration, Instant};

/// How many requests a token may make in a window; the others are answered 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The most requests in one window.
    pub requests: u32,
    /// How long a window lasts. It begins with its first request.
    pub window: Duration,
    /// Whether a 429 says in `Retry-After` when the window ends.
    pub retry_after: bool,
}

/// The window that is running.
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

    /// Counts a request. One too many is told how long the window still lasts, if the limit says so at all.
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
    fn a_window_admits_its_number_and_begins_anew_when_it_ends() {
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
    fn a_limit_can_keep_the_time_to_itself() {
        let mut running =
            RateWindow::new(RateLimit { requests: 0, window: Duration::from_secs(1), retry_after: false });
        assert_eq!(running.admit(Instant::now()), Err(None));
    }
}
