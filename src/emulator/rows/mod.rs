//! The emulated account as a pure model.
//!
//! Requests are checked and turned into events without a change of the rows; only [`Rows::apply`] changes them. So an
//! event can be written to the log first.

mod event;

use std::collections::HashMap;

use jiff::Timestamp;

pub(super) use event::RowEvent;
pub use event::{NewRow, StoredRow};

use super::behaviour::{AutoPrimary, Behaviour, DeletePrimary, DuplicateKey, DuplicateName, KeyText};
use super::ids;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum UploadOutcome<'a> {
    New(StoredRow),
    Same(&'a StoredRow),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    NotAKey,
    DuplicateKey,
    DuplicateName,
    UnknownId,
    PrimaryStays,
    SystemKeyStays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageOrder {
    OldestFirst,
    NewestFirst,
    /// By a hash of this salt and the row, so that added or deleted rows do not move others.
    Salted(u64),
}

/// The rows, with indexes so that no check of an upload walks over all rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    seed: u64,
    /// Number of rows ever added, which is the number of the last one.
    drawn: u64,
    numbered: HashMap<u64, StoredRow>,
    /// The numbers of all rows, ascending.
    order: Vec<u64>,
    ids: HashMap<String, u64>,
    /// The numbers of the user rows of each blob, ascending.
    blobs: HashMap<String, Vec<u64>>,
    /// Number of user rows with a name.
    names: HashMap<String, u64>,
    primary: Option<u64>,
}

impl Rows {
    /// An empty account, on which `drawn` rows existed before.
    pub(super) fn new(seed: u64, drawn: u64) -> Self {
        Self { seed, drawn, ..Self::default() }
    }

    pub(super) fn drawn(&self) -> u64 {
        self.drawn
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&StoredRow> {
        self.ids.get(id).and_then(|number| self.numbered.get(number))
    }

    /// Lists all rows in order of upload.
    pub(super) fn iter(&self) -> impl Iterator<Item = &StoredRow> {
        self.order.iter().filter_map(|number| self.numbered.get(number))
    }

    /// Takes time in proportion to the page, except for a salted order.
    pub(super) fn page(&self, offset: usize, limit: usize, order: PageOrder) -> Vec<&StoredRow> {
        let row = |number: &u64| self.numbered.get(number);
        match order {
            PageOrder::OldestFirst => self.order.iter().skip(offset).take(limit).filter_map(row).collect(),
            PageOrder::NewestFirst => self.order.iter().rev().skip(offset).take(limit).filter_map(row).collect(),
            PageOrder::Salted(salt) => {
                let mut salted = self.order.clone();
                salted.sort_unstable_by_key(|number| ids::mix(number ^ ids::mix(salt)));
                salted.iter().skip(offset).take(limit).filter_map(row).collect()
            }
        }
    }

    /// Checks an upload.
    pub(super) fn upload(
        &self,
        name: &str,
        public_key: &str,
        behaviour: &Behaviour,
        now: Timestamp,
    ) -> Result<UploadOutcome<'_>, Rejection> {
        let blob = blob_of(public_key).ok_or(Rejection::NotAKey)?;
        let twin =
            self.blobs.get(&blob).and_then(|numbers| numbers.first()).and_then(|number| self.numbered.get(number));
        match (twin, behaviour.duplicate_key) {
            (Some(twin), DuplicateKey::SameRow) => return Ok(UploadOutcome::Same(twin)),
            (Some(_), DuplicateKey::Refuse) => return Err(Rejection::DuplicateKey),
            (Some(_), DuplicateKey::SecondRow) | (None, _) => {}
        }
        if behaviour.duplicate_name == DuplicateName::Refuse && self.names.contains_key(name) {
            return Err(Rejection::DuplicateName);
        }
        let is_primary = match behaviour.auto_primary {
            AutoPrimary::Never => false,
            AutoPrimary::WhenNone => self.primary.is_none(),
            AutoPrimary::Always => true,
        };
        let public_key = match behaviour.key_text {
            KeyText::AsSent => public_key.to_owned(),
            KeyText::Trimmed => public_key.trim().to_owned(),
            KeyText::WithoutComment => blob,
        };
        let row = NewRow { name: name.to_owned(), public_key, is_primary, is_user_key: true };
        Ok(UploadOutcome::New(self.draw(row, now)))
    }

    /// Gives a new row the next id. Does not add it.
    pub(super) fn draw(&self, row: NewRow, now: Timestamp) -> StoredRow {
        let NewRow { name, public_key, is_primary, is_user_key } = row;
        let id = ids::row_id(self.seed, self.drawn + 1);
        StoredRow { id, name, public_key, is_primary, is_user_key, created_at: now, updated_at: now }
    }

    pub(super) fn promotion(&self, id: &str, now: Timestamp) -> Result<RowEvent, Rejection> {
        let row = self.get(id).ok_or(Rejection::UnknownId)?;
        Ok(RowEvent::Promote { id: row.id.clone(), at: now })
    }

    pub(super) fn deletion(&self, id: &str, behaviour: &Behaviour, now: Timestamp) -> Result<RowEvent, Rejection> {
        let row = self.get(id).ok_or(Rejection::UnknownId)?;
        if !row.is_user_key {
            return Err(Rejection::SystemKeyStays);
        }
        let heir = match behaviour.delete_primary {
            _ if !row.is_primary => None,
            DeletePrimary::Allow => None,
            DeletePrimary::Refuse => return Err(Rejection::PrimaryStays),
            DeletePrimary::MoveToOldest => self.iter().find(|other| other.is_user_key && other.id != id),
        };
        Ok(RowEvent::Delete { id: id.to_owned(), heir: heir.map(|row| row.id.clone()), at: now })
    }

    /// An event about an unknown row changes nothing.
    pub(super) fn apply(&mut self, event: RowEvent) {
        match event {
            RowEvent::Upload(row) => self.add(row),
            RowEvent::Promote { id, at } => {
                if let Some(&number) = self.ids.get(&id) {
                    self.set_primary(Some(number), at);
                }
            }
            RowEvent::Delete { id, heir, at } => {
                self.remove(&id);
                if let Some(&number) = heir.and_then(|heir| self.ids.get(&heir)) {
                    self.set_primary(Some(number), at);
                }
            }
        }
    }

    /// Lists the blobs that more than one user row has, sorted.
    pub(super) fn duplicates(&self) -> Vec<String> {
        let many = self.blobs.iter().filter(|(_, numbers)| numbers.len() > 1);
        let mut blobs: Vec<_> = many.map(|(blob, _)| blob.clone()).collect();
        blobs.sort();
        blobs
    }

    fn add(&mut self, row: StoredRow) {
        self.drawn += 1;
        let number = self.drawn;
        if row.is_primary {
            self.set_primary(None, row.updated_at);
            self.primary = Some(number);
        }
        if row.is_user_key {
            if let Some(blob) = blob_of(&row.public_key) {
                self.blobs.entry(blob).or_default().push(number);
            }
            *self.names.entry(row.name.clone()).or_default() += 1;
        }
        self.order.push(number);
        self.ids.insert(row.id.clone(), number);
        self.numbered.insert(number, row);
    }

    fn remove(&mut self, id: &str) {
        let Some(number) = self.ids.remove(id) else { return };
        if self.primary == Some(number) {
            self.primary = None;
        }
        if let Ok(place) = self.order.binary_search(&number) {
            self.order.remove(place);
        }
        let Some(row) = self.numbered.remove(&number) else {
            return;
        };
        if !row.is_user_key {
            return;
        }
        if let Some(blob) = blob_of(&row.public_key)
            && let Some(numbers) = self.blobs.get_mut(&blob)
        {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.blobs.remove(&blob);
            }
        }
        if let Some(count) = self.names.get_mut(&row.name) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&row.name);
            }
        }
    }

    fn set_primary(&mut self, primary: Option<u64>, at: Timestamp) {
        if self.primary == primary {
            return;
        }
        for (number, is_primary) in [(self.primary, false), (primary, true)] {
            if let Some(row) = number.and_then(|number| self.numbered.get_mut(&number)) {
                row.is_primary = is_primary;
                row.updated_at = at;
            }
        }
        self.primary = primary;
    }
}

/// Returns `type base64` of a key.
///
/// The emulator acts for a foreign service: it compares keys by their text, and does not share code with the rest.
fn blob_of(public_key: &str) -> Option<String> {
    let (kind, base64) = first_two_words(public_key)?;
    Some(format!("{kind} {base64}"))
}

fn first_two_words(public_key: &str) -> Option<(&str, &str)> {
    let mut words = public_key.split_whitespace();
    let (kind, base64) = (words.next()?, words.next()?);
    let digits = base64.trim_end_matches('=');
    let is_base64 = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    is_base64.then_some((kind, base64))
}

#[cfg(test)]
mod tests;
