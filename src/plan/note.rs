//! What a reviewer should know besides the actions: drift, and notes.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::matching::{Inventory, Matching, is_row_of};
use crate::manifest::{EXPIRES_SOON_DAYS, days_until};
use crate::names::{KeyId, KeyName};
use crate::state::Record;
use crate::terminal::phrase::Phrase;

/// The most names or ids that one sentence lists.
const MAX_LISTED: usize = 20;

/// A difference between the state and the account that keyform did not make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Drift {
    /// The name that the key is recorded under.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// The id that the key is recorded under.
    #[schemars(with = "String")]
    pub id: KeyId,
    #[serde(flatten)]
    pub kind: DriftKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum DriftKind {
    /// The row is not on the account.
    Deleted,
    /// The row holds another key.
    OtherKey,
    /// The row has another name.
    Renamed { from: String, to: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Note {
    /// The last day of a desired key is today, or soon.
    ExpiresSoon {
        #[schemars(with = "String")]
        name: KeyName,
        #[schemars(with = "String", extend("format" = "date"))]
        last: Date,
        /// The number of days until then; 0 if it is today.
        days: i64,
    },
    /// The account holds a desired key more than once.
    Copies {
        #[schemars(with = "String")]
        name: KeyName,
        /// The rows that are left alone.
        #[schemars(with = "Vec<String>")]
        ids: Vec<KeyId>,
    },
    /// The listing has rows that show no key.
    Unreadable {
        /// The number of these rows.
        rows: usize,
    },
    /// The account was not listed, and it is unknown whether these keys were uploaded.
    Pending {
        #[schemars(with = "Vec<String>")]
        names: Vec<KeyName>,
    },
    /// The account was not listed, and the plan deletes rows, one of which may be the primary key.
    PrimaryUnknown,
}

/// Finds where the account differs from the state, by name.
pub(super) fn find_drift(inventory: &Inventory<'_>) -> Vec<Drift> {
    let Some(listing) = inventory.observed else { return Vec::new() };
    let kind = |record: &Record| match listing.by_id(&record.id) {
        None => Some(DriftKind::Deleted),
        Some(row) if !is_row_of(row, record) => Some(DriftKind::OtherKey),
        Some(row) => {
            let known = record.account_name.as_deref().unwrap_or(record.name.as_str());
            (row.name != known).then(|| DriftKind::Renamed { from: known.to_owned(), to: row.name.clone() })
        }
    };
    let drift =
        |record: &&Record| Some(Drift { name: record.name.clone(), id: record.id.clone(), kind: kind(record)? });
    inventory.records.iter().filter_map(drift).collect()
}

/// Finds what is worth a note. `deletes` is whether the plan deletes rows.
pub(super) fn find_notes(inventory: &Inventory<'_>, matching: &Matching<'_>, today: Date, deletes: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    for key in &matching.keys {
        if let Some(last) = key.expires
            && let days = days_until(today, last)
            && days <= EXPIRES_SOON_DAYS
        {
            notes.push(Note::ExpiresSoon { name: key.name.clone(), last, days });
        }
    }
    for key in &matching.keys {
        let rows = inventory.rows_with(key.key.blob());
        let surplus =
            rows.filter(|row| !matching.is_holder(row) && !inventory.is_managed(row) && !inventory.is_orphan(row));
        let ids: Vec<_> = surplus.map(|row| row.id.clone()).collect();
        if !ids.is_empty() {
            notes.push(Note::Copies { name: key.name.clone(), ids });
        }
    }
    let rows = inventory.rows().filter(|row| row.blob.is_none() && !inventory.is_managed(row)).count();
    if rows > 0 {
        notes.push(Note::Unreadable { rows });
    }
    if !inventory.is_refreshed() {
        let names: BTreeSet<_> = inventory.pending().map(|(_, name)| name.clone()).collect();
        if !names.is_empty() {
            notes.push(Note::Pending { names: names.into_iter().collect() });
        }
        if deletes {
            notes.push(Note::PrimaryUnknown);
        }
    }
    notes
}

impl Drift {
    pub fn phrase(&self) -> Phrase {
        let Self { name, id, kind } = self;
        let phrase = Phrase::default().named(name).then(" (").named(id).then(") ");
        match kind {
            DriftKind::Deleted => phrase.then("is gone from the account"),
            DriftKind::OtherKey => phrase.then("holds another key than was recorded"),
            DriftKind::Renamed { from, to } => {
                phrase.then("was called ").foreign(from).then(" and is called ").foreign(to).then(" on the account")
            }
        }
    }
}

impl Note {
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::ExpiresSoon { name, last, days } => {
                let left = match days {
                    0 => "today".to_owned(),
                    1 => format!("tomorrow, {last}"),
                    days => format!("in {days} days, on {last}"),
                };
                Phrase::new("the last day of ")
                    .named(name)
                    .then(format!(" is {left}; from the day after, a plan deletes it"))
            }
            Self::Copies { name, ids } => {
                let phrase = Phrase::new("the account holds the key of ").named(name);
                listed(phrase.then(" more than once; left alone: "), ids)
            }
            Self::Unreadable { rows: 1 } => {
                Phrase::new("the account shows 1 row without its key; whether it holds a desired key cannot be told")
            }
            Self::Unreadable { rows } => Phrase::new(format!(
                "the account shows {rows} rows without their keys; whether they hold a desired key cannot be told"
            )),
            Self::Pending { names } => {
                let phrase = listed(Phrase::new("it is not known whether these were uploaded: "), names);
                phrase.then("; a plan without --offline finds out")
            }
            Self::PrimaryUnknown => {
                Phrase::new("the account was not listed, so it is not known whether a key that goes is the primary")
            }
        }
    }
}

fn listed<T: Display>(phrase: Phrase, names: &[T]) -> Phrase {
    let phrase = phrase.list(names.iter().take(MAX_LISTED));
    let more = names.len().saturating_sub(MAX_LISTED);
    if more == 0 { phrase } else { phrase.then(format!(" and {more} more")) }
}
