//! Drift and notes: what a reviewer should know besides the actions.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::explained::HasExplanation;
use super::key::UnmanagedRow;
use super::matching::{Inventory, Matching, is_row_of};
use crate::account::Row;
use crate::manifest::{EXPIRES_SOON_DAYS, days_until};
use crate::names::{KeyId, KeyName};
use crate::state::Record;
use crate::terminal::phrase::Phrase;

/// Maximum number of names or ids in a sentence.
const MAX_LISTED: usize = 20;

/// A difference between the state and the account that keyform did not make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The recorded name of the key.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// The recorded id of the key.
    #[schemars(with = "String")]
    pub id: KeyId,
    #[serde(flatten)]
    pub kind: DriftKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum DriftKind {
    /// The row is no longer on the account.
    Deleted,
    /// The row contains a different key.
    OtherKey,
    /// The row has a different name.
    Renamed { from: String, to: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Note {
    /// A desired key expires today or soon.
    ExpiresSoon {
        #[schemars(with = "String")]
        name: KeyName,
        /// The last day on which the key is desired.
        #[schemars(with = "String", extend("format" = "date"))]
        last: Date,
        /// The number of days until the last day, 0 if it is today.
        days: i64,
    },
    /// The account contains a desired key more than once.
    Copies {
        #[schemars(with = "String")]
        name: KeyName,
        /// The rows that are not changed.
        #[schemars(with = "Vec<String>")]
        ids: Vec<KeyId>,
    },
    /// A row contains keys that must be removed, but it has several keys or something before a key, so it stays.
    MixedLeft {
        #[schemars(with = "String")]
        id: KeyId,
        /// The name on the account.
        account_name: String,
        /// The keys that must be removed.
        #[schemars(with = "Vec<String>")]
        names: Vec<KeyName>,
    },
    /// The listing has rows without a readable public key.
    Unreadable {
        /// The number of these rows.
        rows: usize,
    },
    /// The account was not listed, so it is unknown whether these keys were uploaded.
    Pending {
        #[schemars(with = "Vec<String>")]
        names: Vec<KeyName>,
    },
    /// The account lists rows with the names of these uploads, and does not show their keys.
    Unconfirmed {
        #[schemars(with = "Vec<String>")]
        names: Vec<KeyName>,
    },
    /// The account was not listed, and the plan deletes a row that may be the primary key.
    PrimaryUnknown,
}

/// Finds differences between the account and the state, sorted by name.
pub(super) fn find_drift(inventory: &Inventory<'_>) -> Vec<Drift> {
    let Some(listing) = inventory.observed else { return Vec::new() };
    let kind = |record: &Record| match listing.by_id(&record.id) {
        None => Some(DriftKind::Deleted),
        Some(row) if !is_row_of(row, record) => Some(DriftKind::OtherKey),
        Some(row) => {
            let known = record.row_name();
            (row.name != known).then(|| DriftKind::Renamed { from: known.to_owned(), to: row.name.clone() })
        }
    };
    let drift =
        |record: &&Record| Some(Drift { name: record.name.clone(), id: record.id.clone(), kind: kind(record)? });
    inventory.records.iter().filter_map(drift).collect()
}

/// Finds notes for the reviewer. `left` are those of mixed rows, and `deletes` is whether the plan deletes rows.
pub(super) fn find_notes(
    inventory: &Inventory<'_>,
    matching: &Matching<'_>,
    left: Vec<Note>,
    today: Date,
    deletes: bool,
) -> Vec<Note> {
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
        let surplus = rows.filter(|row| !matching.is_holder(row) && !inventory.is_managed(row));
        let ids: Vec<_> = surplus.map(|row| row.id.clone()).collect();
        if !ids.is_empty() {
            notes.push(Note::Copies { name: key.name.clone(), ids });
        }
    }
    notes.extend(left);
    let is_unreadable =
        |row: &&Row| row.content.is_unreadable() && !inventory.is_managed(row) && inventory.deleted_key(row).is_none();
    let rows = inventory.rows().filter(is_unreadable).count();
    if rows > 0 {
        notes.push(Note::Unreadable { rows });
    }
    let pending: BTreeSet<_> = inventory.pending().map(|pending| pending.name.clone()).collect();
    if !pending.is_empty() {
        let names = pending.into_iter().collect();
        notes.push(if inventory.is_refreshed() { Note::Unconfirmed { names } } else { Note::Pending { names } });
    }
    if deletes && !inventory.is_refreshed() {
        notes.push(Note::PrimaryUnknown);
    }
    notes
}

impl HasExplanation for Drift {
    fn explanation(&self) -> Phrase {
        self.phrase()
    }
}

impl HasExplanation for Note {
    fn explanation(&self) -> Phrase {
        self.phrase()
    }
}

impl Drift {
    pub fn phrase(&self) -> Phrase {
        let Self { name, id, kind } = self;
        let phrase = Phrase::default().named(name).then(" (").named(id).then(") ");
        match kind {
            DriftKind::Deleted => phrase.then("is no longer on the account"),
            DriftKind::OtherKey => phrase.then("now has a different key on the account"),
            DriftKind::Renamed { from, to } => {
                phrase.then("was renamed on the account from ").foreign(from).then(" to ").foreign(to)
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
                    1 => "tomorrow".to_owned(),
                    days => format!("in {days} days"),
                };
                Phrase::default().named(name).then(format!(" expires {left} ({last}); plans after that day delete it"))
            }
            Self::Copies { name, ids } => {
                let phrase = Phrase::new("duplicates of ").named(name);
                listed(phrase.then(" on the account are not changed: "), ids)
            }
            Self::MixedLeft { id, account_name, names } => {
                let phrase = Phrase::new("the row ").foreign(account_name).then(" (").named(id);
                let phrase = listed(phrase.then(") is left, although it contains keys to remove: "), names);
                phrase.then("; it also has other keys or options, so delete it on the web page or revoke the key")
            }
            Self::Unreadable { rows: 1 } => {
                Phrase::new("1 key on the account has no readable public key and cannot be compared with the manifest")
            }
            Self::Unreadable { rows } => Phrase::new(format!(
                "{rows} keys on the account have no readable public key and cannot be compared with the manifest"
            )),
            Self::Pending { names } => {
                let phrase = listed(Phrase::new("these keys may have been uploaded already: "), names);
                phrase.then("; plan without --offline to find out")
            }
            Self::Unconfirmed { names } => {
                let phrase = listed(Phrase::new("these keys may have been uploaded already: "), names);
                phrase.then("; the account lists keys with these names, but does not show them")
            }
            Self::PrimaryUnknown => Phrase::new("the account was not listed, so the plan may delete the primary key"),
        }
    }
}

/// Lists the unmanaged rows by name and fingerprint, up to [`MAX_LISTED`]. Those that are expected are only counted.
pub(super) fn unmanaged_phrase(rows: &[UnmanagedRow]) -> Option<Phrase> {
    let (expected, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_expected);
    if rows.is_empty() {
        return None;
    }
    let mut phrase = Phrase::new(if others.is_empty() { "not managed, as expected: " } else { "not managed: " });
    for (index, row) in others.iter().take(MAX_LISTED).enumerate() {
        phrase = phrase.then(if index > 0 { ", " } else { "" }).followed_by(row.phrase());
    }
    let more = others.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        phrase = phrase.then(format!(" and {more} more"));
    }
    Some(match (others.len(), expected.len()) {
        (_, 0) => phrase,
        (0, count) => phrase.then(format!("{count} {}", if count == 1 { "key" } else { "keys" })),
        (_, count) => phrase.then(format!("; {count} more that the policy expects")),
    })
}

/// Adds names or ids, up to [`MAX_LISTED`].
pub(super) fn listed<T: Display>(phrase: Phrase, names: &[T]) -> Phrase {
    let phrase = phrase.list(names.iter().take(MAX_LISTED));
    let more = names.len().saturating_sub(MAX_LISTED);
    if more == 0 { phrase } else { phrase.then(format!(" and {more} more")) }
}
