//! Listings that are behind writes, like those of a replica.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::choice::choices;
use super::rows::{RowEvent, Rows};

/// How far listings are behind writes. The default is not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// By the emulator's clock.
    pub most: Duration,
    pub scope: LagScope,
    /// The changes that become visible late. All others are visible at once.
    pub of: BTreeSet<LaggingChange>,
}

choices! {
    /// What shares one delay.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum LagScope {
        /// All pages of a listing show the account as it was --lag seconds before the first page
        #[default]
        Listing = "listing",
        /// Each page has its own age, up to --lag seconds
        Page = "page",
        /// Each change becomes visible after its own delay, up to --lag seconds
        Row = "row",
    }
}

choices! {
    /// A change that can become visible late.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum LaggingChange {
        /// Uploaded rows
        Upload = "upload",
        /// Deleted rows
        Delete = "delete",
        /// A change of the primary key
        Primary = "primary",
    }
}

/// What listings are read from.
#[derive(Debug)]
pub(super) struct Replica {
    lag: Lag,
    /// Every change that is older than the lag.
    base: Rows,
    recent: VecDeque<RecentChange>,
    /// When the current listing began, or each page where pages lag on their own.
    snapshot: Timestamp,
    rng: Rng,
}

#[derive(Debug)]
struct RecentChange {
    event: RowEvent,
    at: Timestamp,
    /// With [`LagScope::Row`], the time from which listings show it.
    visible: Timestamp,
}

impl Lag {
    pub fn is_some(&self) -> bool {
        !self.most.is_zero() && !self.of.is_empty()
    }
}

impl Default for Lag {
    fn default() -> Self {
        Self {
            most: Duration::ZERO,
            scope: LagScope::default(),
            of: [LaggingChange::Upload, LaggingChange::Delete, LaggingChange::Primary].into(),
        }
    }
}

impl Replica {
    pub(super) fn new(rows: Rows, lag: Lag, seed: u64) -> Self {
        Self { lag, base: rows, recent: VecDeque::new(), snapshot: Timestamp::MIN, rng: Rng::with_seed(seed) }
    }

    pub(super) fn record(&mut self, event: RowEvent, at: Timestamp) {
        let visible = later(at, self.lag.most.mul_f64(self.rng.f64()));
        self.recent.push_back(RecentChange { event, at, visible });
    }

    /// Returns the rows that a request at `now` sees.
    pub(super) fn view(&mut self, begins_listing: bool, now: Timestamp) -> Rows {
        if begins_listing || self.lag.scope != LagScope::Listing {
            self.snapshot = now;
        }
        while let Some(change) = self.recent.front()
            && later(change.at, self.lag.most) <= self.snapshot
        {
            self.base.apply(change.event.clone());
            self.recent.pop_front();
        }
        let age = self.lag.most.mul_f64(self.rng.f64());
        let mut rows = self.base.clone();
        for RecentChange { event, at, visible } in &self.recent {
            let is_shown = match self.lag.scope {
                LagScope::Listing => false,
                LagScope::Page => later(*at, age) <= now,
                LagScope::Row => *visible <= now,
            };
            if is_shown || !self.lag.of.contains(&kind_of(event)) {
                rows.apply(event.clone());
            }
        }
        rows
    }
}

fn kind_of(event: &RowEvent) -> LaggingChange {
    match event {
        RowEvent::Upload(_) => LaggingChange::Upload,
        RowEvent::Promote { .. } => LaggingChange::Primary,
        RowEvent::Delete { .. } => LaggingChange::Delete,
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::behaviour::Behaviour;
    use crate::emulator::rows::{NewRow, PageOrder, UploadOutcome};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lagging(scope: LagScope, of: &[LaggingChange]) -> Replica {
        let lag = Lag { most: Duration::from_mins(1), scope, of: of.iter().copied().collect() };
        Replica::new(Rows::new(0, 0), lag, 7)
    }

    /// Uploads a key for each second of `seconds`.
    fn upload(replica: &mut Replica, seconds: std::ops::Range<i64>) -> Rows {
        let mut rows = Rows::new(0, 0);
        for second in seconds {
            let key = format!("ssh-ed25519 AAAA{second}");
            let Ok(UploadOutcome::New(row)) = rows.upload("name", &key, &Behaviour::default(), at(second)) else {
                panic!("a new key is a new row")
            };
            rows.apply(RowEvent::Upload(row.clone()));
            replica.record(RowEvent::Upload(row), at(second));
        }
        rows
    }

    #[test]
    fn a_listing_shows_the_rows_of_exactly_the_lag_ago_on_all_its_pages() {
        let mut replica = lagging(LagScope::Listing, &[LaggingChange::Upload]);
        upload(&mut replica, 0..100);
        assert_eq!(replica.view(true, at(59)).len(), 0);
        assert_eq!(replica.view(true, at(70)).len(), 11);
        assert_eq!(replica.view(false, at(75)).len(), 11, "a later page of the same listing");
        assert_eq!(replica.view(true, at(200)).len(), 100);
    }

    #[test]
    fn pages_and_rows_lag_on_their_own_and_never_longer_than_the_lag() {
        for scope in [LagScope::Page, LagScope::Row] {
            let mut replica = lagging(scope, &[LaggingChange::Upload]);
            upload(&mut replica, 0..100);
            let seen: BTreeSet<_> = (0..20).map(|more| replica.view(true, at(100 + more)).len()).collect();
            assert!(seen.len() > 1, "{scope}: {seen:?}");
            assert!(seen.iter().all(|count| *count >= 40), "{scope}: {seen:?}");
            assert_eq!(replica.view(true, at(160)).len(), 100);
        }
    }

    #[test]
    fn changes_that_do_not_lag_are_shown_at_once() {
        let mut replica = lagging(LagScope::Listing, &[LaggingChange::Delete]);
        let rows = upload(&mut replica, 0..2);
        let first = rows.page(0, 1, PageOrder::OldestFirst)[0].id.clone();
        replica.record(RowEvent::Delete { id: first.clone(), heir: None, at: at(2) }, at(2));
        assert_eq!(replica.view(true, at(3)).len(), 2, "the deletion is not visible yet");
        assert!(replica.view(true, at(62)).get(&first).is_none());
    }

    #[test]
    fn a_row_added_without_lag_is_shown_at_once() {
        let mut rows = Rows::new(0, 0);
        let row =
            NewRow { name: "a".into(), public_key: "ssh-ed25519 AAAA".into(), is_primary: false, is_user_key: true };
        let row = rows.draw(row, at(0));
        rows.apply(RowEvent::Upload(row));
        let lag = Lag { most: Duration::from_mins(1), ..Lag::default() };
        assert_eq!(Replica::new(rows, lag, 0).view(true, at(1)).len(), 1);
    }
}
