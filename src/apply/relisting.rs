//! Lists the account until its listings decide something, at growing intervals.

use std::time::Duration;

use super::sightings::{Sightings, Undecided};
use super::waiting::{WaitReason, Waiting};
use crate::account::{Clock, ListError, ReadAccount, RetryPolicy, Throttle, list_all};

/// The pauses after the first listings.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// The pause after each of the others.
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// Something that the listings so far leave open.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenQuestion {
    pub(super) reason: WaitReason,
    pub(super) undecided: Undecided,
}

impl OpenQuestion {
    /// Sums up uploads of which it is unknown whether they were carried out.
    pub(super) fn uncertain(undecided: impl Iterator<Item = Undecided>) -> Option<Self> {
        let undecided: Vec<_> = undecided.collect();
        let next = undecided.iter().map(|undecided| undecided.next).min()?;
        let end = undecided.iter().map(|undecided| undecided.end).max()?;
        let reason = WaitReason::Uncertain { uploads: undecided.len() };
        Some(Self { reason, undecided: Undecided { next, end } })
    }
}

/// A series of listings.
pub(super) struct Relisting<'a, A, C> {
    account: &'a A,
    throttle: &'a Throttle<C>,
    retries: RetryPolicy,
    observer: &'a dyn Fn(Waiting),
    pub(super) sightings: Sightings,
    /// How many listings were made.
    count: usize,
    /// What was announced last.
    announced: Option<WaitReason>,
}

impl<'a, A: ReadAccount, C: Clock> Relisting<'a, A, C> {
    pub(super) fn new(
        account: &'a A,
        throttle: &'a Throttle<C>,
        retries: RetryPolicy,
        observer: &'a dyn Fn(Waiting),
        sightings: Sightings,
    ) -> Self {
        Self { account, throttle, retries, observer, sightings, count: 0, announced: None }
    }

    /// Lists the account once more, for what is open: soon after the listing before, and at the time that counts.
    pub(super) async fn list_for(&mut self, open: &[OpenQuestion]) -> Result<(), ListError> {
        let now = self.throttle.clock().now();
        if let Some(next) = open.iter().map(|open| open.undecided.next).min() {
            let pause = self.count.checked_sub(1).and_then(|last| PAUSES.get(last)).unwrap_or(&LAST_PAUSE);
            let pause = (*pause).min(next.saturating_sub(now));
            self.announce(open, now);
            if !pause.is_zero() {
                self.throttle.clock().sleep(pause).await;
            }
        }
        self.count += 1;
        let listing = list_all(self.account, self.throttle, self.retries).await?;
        self.sightings.add(listing);
        Ok(())
    }

    /// Reports what takes the longest, when the listings wait for something else than before.
    fn announce(&mut self, open: &[OpenQuestion], now: Duration) {
        let Some(longest) = open.iter().max_by_key(|open| open.undecided.end) else { return };
        if self.announced != Some(longest.reason) {
            self.announced = Some(longest.reason);
            (self.observer)(Waiting { reason: longest.reason, at_most: longest.undecided.end.saturating_sub(now) });
        }
    }
}
