//! How far listings are behind the account.

use std::time::Duration;

use fastrand::Rng;

/// The age at which every listing shows a change.
pub(crate) const LAG: Duration = Duration::from_mins(1);

/// How long a listing can be empty by mistake.
const EMPTY_MOMENT: Duration = Duration::from_secs(15);

/// The time from one empty moment to the next.
const BETWEEN_EMPTY_MOMENTS: Duration = Duration::from_mins(5);

/// How far listings are behind the account.
#[derive(Debug)]
pub(crate) struct Lag {
    scope: Scope,
    /// Whether a change of each kind becomes visible late.
    of: [bool; 3],
    ages: Ages,
    /// The time of the version of the account that the current page shows.
    snapshot: Duration,
    /// How often an empty moment begins with a listing.
    empty: f64,
    /// The last empty moment.
    empty_at: Option<(Duration, Duration)>,
}

/// When something changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Duration,
    /// When listings show it, if each change has a time of its own.
    visible: Duration,
}

/// A change that can become visible late.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LaggingChange {
    Upload,
    Delete,
    Primary,
}

/// What shares one age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Listings show every change at once.
    None,
    Listing,
    Page,
    /// Each change becomes visible at a time of its own.
    Change,
}

#[derive(Debug, Clone, Copy)]
enum Ages {
    /// Each is drawn.
    Drawn,
    /// All are the longest that there can be.
    Longest,
}

impl Lag {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let scope = [Scope::None, Scope::Listing, Scope::Page, Scope::Change][rng.usize(..4)];
        Self {
            scope,
            of: [rng.u8(..8) > 0, rng.u8(..8) > 0, rng.u8(..8) > 0],
            ages: if rng.u8(..4) == 0 { Ages::Longest } else { Ages::Drawn },
            snapshot: Duration::ZERO,
            empty: if scope == Scope::None || rng.bool() { 0.0 } else { 0.2 },
            empty_at: None,
        }
    }

    pub(crate) fn is_some(&self) -> bool {
        self.scope != Scope::None
    }

    /// Notes a change that is made now.
    pub(crate) fn moment(&self, now: Duration, change: LaggingChange, rng: &mut Rng) -> Moment {
        let age = if self.scope == Scope::Change && self.lags(change) { self.age(rng) } else { Duration::ZERO };
        Moment { at: now, visible: now + age }
    }

    /// Draws the version of the account that the next page shows.
    pub(crate) fn begin_page(&mut self, begins_listing: bool, now: Duration, rng: &mut Rng) {
        if begins_listing || self.scope == Scope::Page {
            self.snapshot = now.saturating_sub(self.age(rng));
        }
        let may_be_empty = self.empty_at.is_none_or(|(_, end)| end + BETWEEN_EMPTY_MOMENTS <= now);
        if may_be_empty && rng.f64() < self.empty {
            let length = if rng.bool() { EMPTY_MOMENT } else { EMPTY_MOMENT.mul_f64(rng.f64()) };
            self.empty_at = Some((now, now + length));
        }
    }

    /// Whether the listing is empty, no matter what is on the account.
    pub(crate) fn is_empty_moment(&self, now: Duration) -> bool {
        self.empty_at.is_some_and(|(start, end)| (start..end).contains(&now))
    }

    /// Whether the current page shows a change.
    pub(crate) fn shows(&self, moment: &Moment, change: LaggingChange, now: Duration) -> bool {
        match self.scope {
            Scope::None => true,
            Scope::Listing | Scope::Page => !self.lags(change) || moment.at <= self.snapshot,
            Scope::Change => moment.visible <= now,
        }
    }

    fn lags(&self, change: LaggingChange) -> bool {
        self.of[change as usize]
    }

    fn age(&self, rng: &mut Rng) -> Duration {
        match (self.ages, rng.u8(..4)) {
            (Ages::Longest, _) | (Ages::Drawn, 0) => LAG,
            (Ages::Drawn, 1) => Duration::ZERO,
            (Ages::Drawn, _) => LAG.mul_f64(rng.f64()),
        }
    }
}
