//! How late an account may be. These assumptions make it possible to upload no key twice, although the API can neither
//! name a request nor look up a row by id.

use std::time::Duration;

/// The default of [`Lateness::listing_lag`].
pub const DEFAULT_LISTING_LAG: Duration = Duration::from_mins(1);

/// How late an account may show a write, and carry out a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// A listing shows every write that is at least this old. Each of its pages may have an age of its own. Zero if every
    /// write is shown at once.
    pub listing_lag: Duration,
    /// A request is carried out within its timeout and this time after it was sent, or never, regardless of the response.
    pub arrival: Duration,
    /// The time between a listing and a second one that confirms it, longer than a listing can be empty by mistake.
    pub confirm: Duration,
    /// The longest time to wait for the effect of a request.
    pub cap: Duration,
}

impl Default for Lateness {
    fn default() -> Self {
        Self::with_lag(DEFAULT_LISTING_LAG)
    }
}

impl Lateness {
    /// The lateness of an account that shows every write after `listing_lag`. With zero, one listing is enough.
    pub fn with_lag(listing_lag: Duration) -> Self {
        let seconds = Duration::from_secs(15);
        let confirm = if listing_lag.is_zero() { Duration::ZERO } else { seconds };
        Self { listing_lag, arrival: seconds, confirm, cap: Duration::MAX }
    }

    /// The lateness of the embedded sandbox, which carries out a request at once or never.
    pub fn of_sandbox(listing_lag: Duration) -> Self {
        Self { cap: listing_lag.max(Duration::from_secs(1)), ..Self::with_lag(listing_lag) }
    }

    /// Returns how long after the sending of a request with this timeout a listing shows its effect, if it has any.
    pub fn effect_after(&self, timeout: Duration) -> Duration {
        self.listing_lag.saturating_add(timeout).saturating_add(self.arrival).min(self.cap)
    }
}
