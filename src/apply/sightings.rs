//! What several listings of an account show together. No I/O.
//!
//! A listing can be older than a write, and each of its pages can have an age of its own. So a row that any listing shows
//! exists, and a row that none shows is missing only if the listings are new enough, see [`Lateness`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::account::{Lateness, ListError, Listing, Row};
use crate::names::KeyId;
use crate::public_key::KeyBlob;

/// The listings since a moment, at least one.
#[derive(Debug)]
pub(super) struct Sightings {
    lateness: Lateness,
    /// When the first could be requested.
    start: Duration,
    /// Rows that were deleted. A listing that can be older than that does not prove that they exist.
    deleted: BTreeMap<KeyId, DeletedAt>,
    latest: Listing,
    /// The deleted rows that were left out of the latest listing.
    hidden: BTreeSet<KeyId>,
    /// Rows that an earlier listing showed and the latest does not.
    earlier: BTreeMap<KeyId, Row>,
    listings: Vec<Moment>,
}

/// When a row was deleted, or at the latest.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeletedAt {
    /// On the clock of the run.
    pub(super) by: Duration,
    /// On the clock of the server.
    pub(super) at: Option<Timestamp>,
}

/// How old a listing can be.
#[derive(Debug, Clone, Copy)]
struct Moment {
    sent: Duration,
    received: Duration,
    date: Option<Timestamp>,
    is_empty: bool,
}

/// When listings will decide about something that none of them shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecided {
    /// The time of the next listing that counts.
    pub(super) next: Duration,
    /// The time of the listing that decides.
    pub(super) end: Duration,
}

impl Moment {
    /// Returns when a listing must be requested to confirm this one, which it does itself if no time is needed. A request can
    /// be slow, so the time between two listings counts from the response.
    fn confirmed_from(self, confirm: Duration) -> Duration {
        if confirm.is_zero() { self.sent } else { self.received.saturating_add(confirm) }
    }
}

impl Sightings {
    pub(super) fn new(lateness: Lateness, start: Duration, deleted: BTreeMap<KeyId, DeletedAt>) -> Self {
        let (latest, hidden) = (Listing::default(), BTreeSet::new());
        Self { lateness, start, deleted, latest, hidden, earlier: BTreeMap::new(), listings: Vec::new() }
    }

    /// Adds a listing. Deleted rows are left out of one that can be older than their deletion.
    pub(super) fn add(&mut self, listing: Listing) {
        let moment = Moment {
            sent: listing.sent(),
            received: listing.received(),
            date: listing.date(),
            is_empty: listing.rows().is_empty(),
        };
        let lag = self.lateness.listing_lag;
        let hides = |id: &KeyId| {
            let deletion = self.deleted.get(id);
            deletion.is_some_and(|deletion| !is_after(moment, deletion.by, deletion.at, lag))
        };
        let hidden = self.deleted.keys().filter(|id| listing.by_id(id).is_some() && hides(id));
        self.hidden = hidden.cloned().collect();
        let latest = listing.without(|id| self.hidden.contains(id));
        let before = std::mem::replace(&mut self.latest, latest);
        if !self.listings.is_empty() {
            self.earlier.extend(before.into_rows().into_iter().map(|row| (row.id.clone(), row)));
            self.earlier.retain(|id, _| self.latest.by_id(id).is_none());
        }
        self.listings.push(moment);
    }

    /// Returns a row as the latest listing shows it that does.
    pub(super) fn row(&self, id: &KeyId) -> Option<&Row> {
        self.latest.by_id(id).or_else(|| self.earlier.get(id))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.latest.rows().iter().chain(self.earlier.values())
    }

    /// Returns the rows that show this key.
    pub(super) fn holding<'s, 'b: 's>(&'s self, blob: &'b KeyBlob) -> impl Iterator<Item = &'s Row> {
        let earlier = self.earlier.values().filter(move |row| row.blob() == Some(blob));
        self.latest.holding(blob).chain(earlier)
    }

    pub(super) fn latest(&self) -> &Listing {
        &self.latest
    }

    /// Whether the latest listing was requested at least the listing lag after a write.
    pub(super) fn is_latest_after(&self, by: Duration, at: Option<Timestamp>) -> bool {
        self.listings.last().is_some_and(|moment| is_after(*moment, by, at, self.lateness.listing_lag))
    }

    /// Counts the deleted rows of the latest listing of which only a later one can tell whether they exist: there is no
    /// time of the server to compare.
    pub(super) fn hidden_without_date(&self) -> usize {
        let has_date = self.listings.last().is_some_and(|moment| moment.date.is_some());
        let is_undated = |id: &&KeyId| !has_date || self.deleted.get(*id).is_none_or(|deletion| deletion.at.is_none());
        self.hidden.iter().filter(is_undated).count()
    }

    /// Decides whether a request that no listing shows, and whose effect a listing must show that is sent at `since`, had
    /// none. An empty listing needs a second one.
    pub(super) fn is_without_effect(&self, since: Duration) -> Result<(), Undecided> {
        let confirm = self.lateness.confirm;
        let mut counting = self.listings.iter().filter(|moment| moment.sent >= since);
        let Some(first) = counting.next() else {
            return Err(Undecided { next: since, end: since });
        };
        let end = first.confirmed_from(confirm);
        let decides = |moment: &Moment| !moment.is_empty || moment.sent >= end;
        if decides(first) || counting.any(decides) { Ok(()) } else { Err(Undecided { next: end, end }) }
    }

    /// Decides whether rows that no listing shows are missing, although they were written, at the latest, at `by` on the
    /// clock of the run or `at` on that of the server. It takes two listings.
    pub(super) fn is_missing(&self, by: Duration, at: Option<Timestamp>) -> Result<(), Undecided> {
        let Lateness { listing_lag, confirm, .. } = self.lateness;
        let Some(first) = self.listings.iter().find(|moment| is_after(**moment, by, at, listing_lag)) else {
            let next = by.saturating_add(listing_lag);
            return Err(Undecided { next, end: next.saturating_add(confirm) });
        };
        let end = first.confirmed_from(confirm);
        let is_confirmed = self.listings.iter().any(|moment| moment.sent >= end);
        if is_confirmed { Ok(()) } else { Err(Undecided { next: end, end }) }
    }

    /// Decides whether the account is empty: one empty listing can be a mistake.
    pub(super) fn is_empty(&self) -> Result<bool, Undecided> {
        if self.listings.iter().any(|moment| !moment.is_empty) {
            return Ok(false);
        }
        match self.is_without_effect(self.start) {
            Ok(()) => Ok(true),
            Err(undecided) => Err(undecided),
        }
    }

    /// Returns all rows as one listing.
    ///
    /// # Errors
    /// If the listings are of several users.
    pub(super) fn into_listing(self) -> Result<Listing, ListError> {
        let Self { latest, mut earlier, .. } = self;
        if earlier.is_empty() {
            return Ok(latest);
        }
        if latest.primary().is_some() {
            for row in earlier.values_mut() {
                row.is_primary = false;
            }
        }
        latest.with(earlier.into_values())
    }
}

/// Whether a listing shows a write, if it has not been undone: it was sent at least `lag` later, by one of the clocks.
fn is_after(moment: Moment, by: Duration, at: Option<Timestamp>, lag: Duration) -> bool {
    if moment.sent >= by.saturating_add(lag) {
        return true;
    }
    let (Some(date), Some(at)) = (moment.date, at) else { return false };
    // Both are in whole seconds, so the write can be almost a second later.
    let age = date.duration_since(at).saturating_sub(SignedDuration::from_secs(1));
    SignedDuration::try_from(lag).is_ok_and(|lag| age >= lag)
}
