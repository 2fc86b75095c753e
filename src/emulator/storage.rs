//! The rows and their log, changed together: first the log, then the rows.

use std::borrow::Cow;

use jiff::Timestamp;

use super::behaviour::ListOrder;
use super::config::EmulatorConfig;
use super::error::EmulatorError;
use super::ids;
use super::lag::Replica;
use super::log::RowLog;
use super::rows::{NewRow, PageOrder, RowEvent, Rows, StoredRow};

/// The digits of a base64 text.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[derive(Debug)]
pub(super) struct Storage {
    rows: Rows,
    log: Option<RowLog>,
    seed: u64,
    /// Number of listings begun, for orders that differ between listings.
    listings: u64,
    replica: Option<Replica>,
}

impl Storage {
    /// Opens the file of keys if one is configured, and adds the missing system keys.
    pub(super) fn open(config: &EmulatorConfig) -> Result<Self, EmulatorError> {
        let seed = config.seed;
        let (log, rows) = match &config.keys {
            Some(path) => RowLog::open(path, seed).map(|(log, rows)| (Some(log), rows))?,
            None => (None, Rows::new(seed, 0)),
        };
        let replica = config.lag.is_some().then(|| Replica::new(rows.clone(), config.lag.clone(), seed));
        let mut storage = Self { rows, log, seed, listings: 0, replica };
        let present = storage.rows.iter().filter(|row| !row.is_user_key).count();
        for index in present..usize::try_from(config.behaviour.system_keys).unwrap_or(usize::MAX) {
            let row = storage.rows.draw(system_key(index), config.clock.now());
            storage.add(row, config.clock.now())?;
        }
        Ok(storage)
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Returns the rows that a listing shows at `now`: those of a moment ago if listings lag.
    pub(super) fn listed(&mut self, offset: usize, now: Timestamp) -> Cow<'_, Rows> {
        match &mut self.replica {
            Some(replica) => Cow::Owned(replica.view(offset == 0, now)),
            None => Cow::Borrowed(&self.rows),
        }
    }

    /// Writes an event to the log, then applies it. An event that cannot be written is not applied.
    pub(super) fn commit(&mut self, event: RowEvent, now: Timestamp) -> Result<(), EmulatorError> {
        if let Some(log) = &mut self.log {
            log.append(&event)?;
        }
        if let Some(replica) = &mut self.replica {
            replica.record(event.clone(), now);
        }
        self.rows.apply(event);
        Ok(())
    }

    pub(super) fn add(&mut self, row: StoredRow, now: Timestamp) -> Result<StoredRow, EmulatorError> {
        self.commit(RowEvent::Upload(row.clone()), now)?;
        Ok(row)
    }

    pub(super) fn page_order(&mut self, order: ListOrder, offset: usize) -> PageOrder {
        let begins = match order {
            ListOrder::OldestFirst => return PageOrder::OldestFirst,
            ListOrder::NewestFirst => return PageOrder::NewestFirst,
            ListOrder::Shuffled => offset == 0,
            ListOrder::Unstable => true,
        };
        self.listings += u64::from(begins);
        PageOrder::Salted(self.seed ^ ids::mix(self.listings))
    }
}

/// Returns a key in the format of an Ed25519 key; its point may not be on the curve.
fn system_key(index: usize) -> NewRow {
    let mut rng = fastrand::Rng::with_seed(u64::try_from(index).unwrap_or_default());
    let digits: String = (0..43).map(|_| rng.choice(BASE64).map_or('A', |&b| char::from(b))).collect();
    NewRow {
        name: format!("platform-{}", index + 1),
        public_key: format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{digits} platform"),
        is_primary: false,
        is_user_key: false,
    }
}
