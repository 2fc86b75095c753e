//! The account: its rows with their past, and who made them. What the API leaves open is drawn from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use keyform::account::{Listing, Page, Row};
use keyform::emulator::DuplicateKey;
use keyform::manifest::DesiredKey;
use keyform::names::KeyId;
use keyform::public_key::{KeyBlob, KeyContent};

use crate::lag::{LAG, Lag, LaggingChange, Moment};
use crate::support::account::{Mode, row};
use crate::support::keys;

/// Names and keys are few, so that they meet.
pub(crate) const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
pub(crate) const KEYS: u64 = 6;

/// An account with its past.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) mode: Mode,
    /// All rows that ever were, in the order of their uploads.
    rows: Vec<Stored>,
    /// Every change of the primary.
    primaries: Vec<(Moment, Option<KeyId>)>,
    lag: Lag,
    knows_no_lag: bool,
    /// The maximum number of rows on a page.
    pub(crate) page: usize,
    order: Order,
    has_total: bool,
    has_creation_dates: bool,
    /// The server's clock, if its responses have dates.
    clock: Option<Timestamp>,
    /// The primary that the account should have: no upload took its place.
    pub(crate) expected_primary: Option<KeyId>,
    /// When someone else changed the primary.
    primary_disturbed: Option<Duration>,
    /// Rows that were the primary before or after someone else chose another. An interrupted run may want to restore them.
    pub(crate) displaced: BTreeSet<KeyId>,
    /// Keys that others have deleted, and when: that they are missing is not our fault.
    pub(crate) robbed: BTreeMap<KeyBlob, Duration>,
    /// When someone else changed the account, or a request of a process that had ended.
    pub(crate) disturbed: Option<Duration>,
}

/// A row, and who made it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) row: Row,
    pub(crate) ours: bool,
    /// Whether listings do not show its key.
    hides_key: bool,
    /// Whether a run has received its id.
    is_heard: bool,
    /// When the account acknowledged its deletion, and kept it.
    pub(crate) undeleted: Option<Duration>,
    created: Moment,
    deleted: Option<Moment>,
}

/// The order of a listing. It is the same in every version of the account.
#[derive(Debug, Clone, Copy)]
enum Order {
    NewestFirst,
    OldestFirst,
    /// Unrelated to time.
    Mixed,
}

impl Account {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let duplicate_key =
            [DuplicateKey::SecondRow, DuplicateKey::SecondRow, DuplicateKey::SameRow, DuplicateKey::Refuse]
                [rng.usize(..4)];
        let lag = Lag::draw(rng);
        let knows_no_lag = !lag.is_some() && rng.bool();
        let mut account = Self {
            mode: Mode { duplicate_key, uploads_take_primary: rng.bool(), keeps_primary: rng.u8(..4) == 0 },
            rows: Vec::new(),
            primaries: Vec::new(),
            lag,
            knows_no_lag,
            page: [2, 3, 100, 100][rng.usize(..4)],
            order: [Order::NewestFirst, Order::OldestFirst, Order::Mixed][rng.usize(..3)],
            has_total: rng.bool(),
            has_creation_dates: rng.bool(),
            clock: rng.bool().then(|| Timestamp::from_second(86_400).unwrap()),
            expected_primary: None,
            primary_disturbed: None,
            displaced: BTreeSet::new(),
            robbed: BTreeMap::new(),
            disturbed: None,
        };
        account.insert("system", keys::key(KEYS).blob(), false, Duration::ZERO, rng);
        account.rows[0].row.is_user_key = false;
        account
    }

    /// How late a run assumes listings to be. It may know that they show every change at once.
    pub(crate) fn assumed_lag(&self) -> Duration {
        if self.knows_no_lag { Duration::ZERO } else { LAG }
    }

    /// The rows that there are.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Stored> {
        self.rows.iter().filter(|stored| stored.deleted.is_none())
    }

    pub(crate) fn get(&self, id: &KeyId) -> Option<&Stored> {
        self.rows().find(|stored| stored.row.id == *id)
    }

    /// Whether a run that began at `start` can have seen a row.
    pub(crate) fn had(&self, id: &KeyId, start: Duration) -> bool {
        let is_it = |stored: &&Stored| stored.row.id == *id;
        self.rows.iter().find(is_it).is_some_and(|stored| stored.deleted.is_none_or(|gone| gone.at + LAG >= start))
    }

    /// The rows that hold a key, system rows left out.
    pub(crate) fn with_blob(&self, blob: &KeyBlob) -> impl Iterator<Item = &Stored> {
        self.rows().filter(move |stored| stored.row.is_user_key && stored.row.blob() == Some(blob))
    }

    pub(crate) fn primary(&self) -> Option<&Stored> {
        let (_, id) = self.primaries.last()?;
        self.get(id.as_ref()?)
    }

    /// Whether every listing from a moment on shows which row is the primary.
    pub(crate) fn is_primary_shown(&self, from: Duration) -> bool {
        self.primaries.last().is_none_or(|(moment, _)| moment.at + LAG <= from)
    }

    /// The server's time, in whole seconds.
    pub(crate) fn date(&self, now: Duration) -> Option<Timestamp> {
        self.clock.map(|clock| clock + Duration::from_secs(now.as_secs()))
    }

    /// Serves a page, of an earlier version of the account if listings lag.
    pub(crate) fn page(&mut self, offset: u64, limit: u64, now: Duration, rng: &mut Rng) -> Page {
        self.lag.begin_page(offset == 0, now, rng);
        let date = self.date(now);
        let limit = usize::try_from(limit).unwrap().min(self.page);
        let length = limit as u64;
        if self.lag.is_empty_moment(now) {
            let total = self.has_total.then_some(0);
            return Page { rows: Vec::new(), total, limit: Some(length), bytes: 0, date };
        }
        let shows = |moment: &Moment, change| self.lag.shows(moment, change, now);
        let primary = self.primaries.iter().rev().find(|(moment, _)| shows(moment, LaggingChange::Primary));
        let primary = primary.and_then(|(_, id)| id.as_ref());
        let is_shown = |stored: &&Stored| {
            let is_gone = stored.deleted.as_ref().is_some_and(|moment| shows(moment, LaggingChange::Delete));
            shows(&stored.created, LaggingChange::Upload) && !is_gone
        };
        let mut listed: Vec<&Stored> = self.rows.iter().filter(is_shown).collect();
        match self.order {
            Order::OldestFirst => {}
            Order::NewestFirst => listed.reverse(),
            Order::Mixed => listed.sort_by_key(|stored| stored.row.id.as_str().bytes().rev().collect::<Vec<_>>()),
        }
        let total = self.has_total.then_some(listed.len() as u64);
        let rows = listed.into_iter().skip(usize::try_from(offset).unwrap()).take(limit);
        let rows = rows.map(|stored| Row { is_primary: primary == Some(&stored.row.id), ..stored.shown() }).collect();
        Page { rows, total, limit: Some(length), bytes: 0, date }
    }

    /// The account as it is now.
    pub(crate) fn listing(&self) -> Listing {
        let primary = self.primary().map(|stored| &stored.row.id);
        let rows = self.rows().map(|stored| Row { is_primary: primary == Some(&stored.row.id), ..stored.shown() });
        Listing::new(rows).unwrap()
    }

    pub(crate) fn insert(&mut self, name: &str, blob: &KeyBlob, ours: bool, now: Duration, rng: &mut Rng) -> &mut Row {
        let mut row = row(&format!("row-{}", self.rows.len()), name, blob);
        row.created_at = self.has_creation_dates.then(|| Timestamp::UNIX_EPOCH + now);
        let created = self.lag.moment(now, LaggingChange::Upload, rng);
        self.rows.push(Stored {
            row,
            ours,
            hides_key: false,
            is_heard: false,
            undeleted: None,
            created,
            deleted: None,
        });
        &mut self.rows.last_mut().unwrap().row
    }

    pub(crate) fn delete(&mut self, id: &KeyId, now: Duration, rng: &mut Rng) {
        let moment = self.lag.moment(now, LaggingChange::Delete, rng);
        if let Some(stored) = self.rows.iter_mut().find(|stored| stored.row.id == *id) {
            stored.deleted = Some(moment);
        }
        if self.expected_primary.as_ref() == Some(id) {
            self.expected_primary = None;
        }
    }

    /// Makes a row the primary, not as an upload does that takes its place unasked.
    pub(crate) fn make_primary(&mut self, id: &KeyId, now: Duration, rng: &mut Rng) {
        self.take_primary(id, now, rng);
        self.expected_primary = Some(id.clone());
    }

    /// Makes an uploaded row the primary, of a run that began at `start`.
    pub(crate) fn promote_upload(&mut self, id: &KeyId, start: Duration, now: Duration, rng: &mut Rng) {
        // The run cannot know which row was the primary.
        if self.primary_disturbed.is_some_and(|at| at + LAG >= start) {
            self.expected_primary = None;
        }
        self.take_primary(id, now, rng);
    }

    fn take_primary(&mut self, id: &KeyId, now: Duration, rng: &mut Rng) {
        let moment = self.lag.moment(now, LaggingChange::Primary, rng);
        self.primaries.push((moment, Some(id.clone())));
    }

    /// Makes a row the primary, as somebody else does.
    pub(crate) fn displace_primary(&mut self, id: &KeyId, now: Duration, rng: &mut Rng) {
        self.primary_disturbed = Some(now);
        self.displaced.extend(self.expected_primary.take());
        self.displaced.insert(id.clone());
        self.make_primary(id, now, rng);
    }

    /// Notes that a plan is made. What every listing shows as the primary then has to stay the primary, unless an earlier
    /// run has another one to restore, or this one does not list the account.
    pub(crate) fn expect_primary(&mut self, is_observing: bool, has_former: bool, now: Duration) {
        let is_shown = |at: Duration| at + LAG <= now;
        if !is_observing || self.primary_disturbed.is_some_and(|at| !is_shown(at)) {
            self.expected_primary = None;
        } else if self.expected_primary.is_none()
            && !has_former
            && let Some((moment, id)) = self.primaries.last()
            && is_shown(moment.at)
        {
            self.expected_primary = id.clone().filter(|id| self.get(id).is_some());
        }
    }

    /// Notes that a deletion of a row was acknowledged and had no effect. For a while, a run believes that it is gone.
    pub(crate) fn keep_undeleted(&mut self, id: &KeyId, now: Duration) {
        self.disturbed = Some(now);
        if let Some(stored) = self.rows.iter_mut().find(|stored| stored.row.id == *id) {
            stored.undeleted = Some(now);
        }
    }

    /// Hides the key of a row from listings.
    pub(crate) fn hide_key(&mut self, id: &KeyId) {
        if let Some(stored) = self.rows.iter_mut().find(|stored| stored.row.id == *id) {
            stored.hides_key = true;
        }
    }

    /// Notes that a run has received the id of a row.
    pub(crate) fn note_heard(&mut self, id: &KeyId) {
        if let Some(stored) = self.rows.iter_mut().find(|stored| stored.row.id == *id) {
            stored.is_heard = true;
        }
    }

    /// Whether somebody else's row has both the name and the key of a desired one. An upload without a listing cannot be
    /// told from it.
    pub(crate) fn has_twin(&self, manifest: &[DesiredKey]) -> bool {
        let is_twin =
            |row: &Row, key: &DesiredKey| row.name == key.name_to_send() && row.blob() == Some(key.key.blob());
        self.rows.iter().any(|stored| !stored.ours && manifest.iter().any(|key| is_twin(&stored.row, key)))
    }

    /// Whether somebody else has uploaded the key of our row with the same name. Nobody can tell which of them is ours.
    pub(crate) fn is_twin(&self, ours: &Stored) -> bool {
        let is_it = |row: &Row| row.name == ours.row.name && row.content == ours.row.content;
        self.rows.iter().any(|stored| !stored.ours && is_it(&stored.row))
    }

    /// Whether nobody can tell our row from one of others, if its id was not received.
    pub(crate) fn is_unknowable(&self, ours: &Stored) -> bool {
        ours.hides_key && !ours.is_heard || self.is_twin(ours)
    }

    /// Notes that a process has died that began at `start`: nobody may know of what it has deleted, and of ids that it has
    /// received.
    pub(crate) fn forget(&mut self, start: Duration, now: Duration) {
        for stored in &mut self.rows {
            stored.is_heard = false;
        }
        let is_recent = |stored: &&Stored| stored.deleted.as_ref().is_some_and(|moment| moment.at >= start);
        let blobs: Vec<_> =
            self.rows.iter().filter(is_recent).filter_map(|stored| stored.row.blob().cloned()).collect();
        if !blobs.is_empty() {
            self.disturbed = Some(now);
        }
        self.robbed.extend(blobs.into_iter().map(|blob| (blob, now)));
    }

    /// Whether a key was deleted by someone else so recently that a run that began at `start` may have seen its row.
    pub(crate) fn is_robbed(&self, blob: &KeyBlob, start: Duration) -> bool {
        self.robbed.get(blob).is_some_and(|at| *at + LAG >= start)
    }

    /// Whether every listing from a moment on shows the primary and what others have changed.
    pub(crate) fn is_settled(&self, from: Duration) -> bool {
        self.is_undisturbed(from) && self.is_primary_shown(from)
    }

    /// Whether nobody else has changed the account for as long as listings lag before `start`.
    pub(crate) fn is_undisturbed(&self, start: Duration) -> bool {
        self.disturbed.is_none_or(|at| at + LAG < start)
    }

    /// Changes something as somebody else would, and says what.
    pub(crate) fn meddle(&mut self, manifest: &[DesiredKey], now: Duration, rng: &mut Rng) -> String {
        let users: Vec<_> =
            self.rows().filter(|stored| stored.row.is_user_key).map(|stored| stored.row.clone()).collect();
        let some = rng.choice(&users);
        self.disturbed = Some(now);
        match (rng.u8(..4), some) {
            (0, Some(row)) => {
                self.delete(&row.id, now, rng);
                self.robbed.extend(row.blob().cloned().map(|blob| (blob, now)));
                format!("somebody deletes {} ({})", row.id, row.name)
            }
            (1, Some(row)) => {
                self.displace_primary(&row.id, now, rng);
                format!("somebody makes {} ({}) the primary", row.id, row.name)
            }
            _ => {
                let name = NAMES[rng.usize(..NAMES.len())];
                let key = rng.choice(manifest).filter(|_| rng.bool()).map(|key| key.key.clone());
                let blob = key.unwrap_or_else(|| keys::key(rng.u64(..KEYS))).blob().clone();
                let id = self.insert(name, &blob, false, now, rng).id.clone();
                format!("somebody uploads {name} as {id}")
            }
        }
    }
}

impl Stored {
    /// Whether every listing from a moment on shows the row.
    pub(crate) fn is_shown_from(&self, moment: Duration) -> bool {
        self.created.at + LAG <= moment
    }

    /// The row as listings show it.
    fn shown(&self) -> Row {
        let mut row = self.row.clone();
        if self.hides_key {
            (row.public_key, row.content) = (None, KeyContent::Unreadable);
        }
        row
    }
}
