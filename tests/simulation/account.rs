//! The account: rows, who made them, and what nobody knows of the real one drawn by the seed.

use std::collections::BTreeSet;

use fastrand::Rng;
use jiff::Timestamp;
use keyform::account::{Listing, Page, Row};
use keyform::manifest::DesiredKey;
use keyform::names::{KeyId, KeyName};
use keyform::public_key::KeyBlob;

use crate::support::account::{Mode, row};
use crate::support::keys;
use keyform::emulator::DuplicateKey;

/// Names and keys are few, so that they meet.
pub(crate) const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
pub(crate) const KEYS: u64 = 6;

/// An account that is a list.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) mode: Mode,
    pub(crate) rows: Vec<Stored>,
    /// The most rows that it puts on a page.
    pub(crate) page: u64,
    /// Whether every page is a page of another order.
    pub(crate) shuffles: bool,
    states_total: bool,
    dates: bool,
    next: u32,
    /// Names and keys that keyform may have uploaded together: a row of another that has both cannot be told from ours.
    pub(crate) claimed: BTreeSet<(String, KeyBlob)>,
    /// Keys that others have deleted: that one is missing is not our fault.
    pub(crate) robbed: BTreeSet<KeyBlob>,
}

/// A row, and who made it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) row: Row,
    pub(crate) ours: bool,
}

impl Account {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let duplicate_key =
            [DuplicateKey::SecondRow, DuplicateKey::SecondRow, DuplicateKey::SameRow, DuplicateKey::Refuse]
                [rng.usize(..4)];
        let mut system = row("system", "system", keys::key(KEYS).blob());
        system.is_user_key = false;
        let page = [2, 3, 100, 100][rng.usize(..4)];
        Self {
            mode: Mode { duplicate_key, uploads_take_primary: rng.bool(), keeps_primary: rng.u8(..4) == 0 },
            rows: vec![Stored { row: system, ours: false }],
            page,
            shuffles: rng.bool(),
            // Without a total, pages of ever another order cannot be put together.
            states_total: page < 100 || rng.bool(),
            dates: rng.bool(),
            next: 0,
            claimed: BTreeSet::new(),
            robbed: BTreeSet::new(),
        }
    }

    pub(crate) fn get(&self, id: &KeyId) -> Option<&Stored> {
        self.rows.iter().find(|stored| stored.row.id == *id)
    }

    /// The rows that hold a key, those of the platform apart.
    pub(crate) fn with_blob(&self, blob: &KeyBlob) -> impl Iterator<Item = &Stored> {
        self.rows.iter().filter(move |stored| stored.row.is_user_key && stored.row.blob.as_ref() == Some(blob))
    }

    pub(crate) fn page(&self, offset: u64, limit: u64, rng: &mut Rng) -> Page {
        let mut rows: Vec<_> = self.rows.iter().map(|stored| stored.row.clone()).collect();
        if self.shuffles {
            rng.shuffle(&mut rows);
        }
        let total = self.states_total.then_some(rows.len() as u64);
        let limit = limit.min(self.page);
        let rows = rows.into_iter().skip(usize::try_from(offset).unwrap()).take(usize::try_from(limit).unwrap());
        Page { rows: rows.collect(), total, limit: Some(limit), ..Page::default() }
    }

    pub(crate) fn listing(&self) -> Listing {
        Listing::new(self.rows.iter().map(|stored| stored.row.clone())).unwrap()
    }

    pub(crate) fn insert(&mut self, name: &str, blob: &KeyBlob, ours: bool) -> Row {
        self.next += 1;
        let mut row = row(&format!("row-{}", self.next), name, blob);
        row.created_at = self.dates.then(|| Timestamp::from_second(i64::from(self.next)).unwrap());
        self.rows.push(Stored { row: row.clone(), ours });
        row
    }

    pub(crate) fn make_primary(&mut self, id: &KeyId) {
        for stored in &mut self.rows {
            stored.row.is_primary = stored.row.id == *id;
        }
    }

    /// Whether somebody else's row has both the name and the key of a desired one. Who uploads without looking cannot
    /// tell it from its own ever after.
    pub(crate) fn has_twin(&self, manifest: &[DesiredKey]) -> bool {
        let is_twin =
            |row: &Row, key: &DesiredKey| row.name == key.name.as_str() && row.blob.as_ref() == Some(key.key.blob());
        self.rows.iter().any(|stored| !stored.ours && manifest.iter().any(|key| is_twin(&stored.row, key)))
    }

    /// Notes that keyform may upload a key under a name from now on.
    pub(crate) fn claim(&mut self, name: &KeyName, blob: &KeyBlob) {
        self.claimed.insert((name.to_string(), blob.clone()));
    }

    /// Changes something as somebody else would; says what.
    pub(crate) fn meddle(&mut self, rng: &mut Rng) -> String {
        let users: Vec<_> =
            self.rows.iter().filter(|stored| stored.row.is_user_key).map(|stored| stored.row.clone()).collect();
        let some = rng.choice(&users);
        match (rng.u8(..4), some) {
            (0, Some(row)) => {
                self.rows.retain(|stored| stored.row.id != row.id);
                self.robbed.extend(row.blob.clone());
                format!("somebody deletes {} ({})", row.id, row.name)
            }
            (1, Some(row)) => {
                self.make_primary(&row.id);
                format!("somebody makes {} ({}) the primary", row.id, row.name)
            }
            _ => {
                let name = NAMES[rng.usize(..NAMES.len())].to_owned();
                let blob = keys::key(rng.u64(..KEYS)).blob().clone();
                if self.claimed.contains(&(name.clone(), blob.clone())) {
                    return "somebody looks at the account".to_owned();
                }
                let row = self.insert(&name, &blob, false);
                format!("somebody uploads {name} as {}", row.id)
            }
        }
    }
}
