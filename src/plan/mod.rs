//! The plan: the changes that make the account match the manifest.
//!
//! A pure function of desired, recorded, observed and today's date: no I/O, no clock. The same input gives the same bytes.

mod action;
mod attribute;
mod compare;
mod digest;
mod explained;
mod facts;
pub mod file;
mod grounds;
pub mod guard;
mod key;
mod matching;
mod note;
mod placement;
mod primary;
mod reason;
mod recheck;
mod refusal;
mod removal;
mod selection;

use std::collections::HashSet;

use uuid::Uuid;

pub use action::{Action, ActionKind, Change};
pub use attribute::AttributeChange;
pub use compare::{Input, compare};
pub use digest::Digest;
pub use facts::{AccessChange, Fact};
pub use key::{AccountRow, KeyView, NamedRow, NewKey, OldKey, UnmanagedRow};
pub use note::{Drift, DriftKind, Note};
pub use primary::Primary;
pub use reason::Reason;
pub use recheck::broken;
pub use selection::{LeftOutAction, Partial, Selection};

use refusal::Refusal;

use crate::account::{Endpoint, Listing, Row};
use crate::manifest::{Glob, Violation};
use crate::names::{CommitId, KeyName, StackName, UserId};
use crate::state::{Record, State};
use crate::terminal::phrase::Phrase;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The label of the manifest, for readers.
    pub stack: Option<StackName>,
    /// The commit with the manifest, for readers.
    pub commit: Option<CommitId>,
    pub endpoint: Endpoint,
    /// The owner of the account, if the listing or the state has it.
    pub user_id: Option<UserId>,
    /// What was seen of the account when the plan was made, or when it was read and checked.
    pub sight: Sight,
    /// The owner that the manifest requires.
    pub pin: Option<UserId>,
    pub base: Base,
    /// Whether the account was listed. If not, the manifest was compared with the state only.
    pub refreshed: bool,
    /// By kind in the order of [`ActionKind`], then by name.
    pub actions: Vec<Action>,
    /// What [`Plan::select`] left out. `None` if the plan is complete.
    pub partial: Option<Partial>,
    /// The key that the manifest makes the primary.
    pub primary: Option<KeyName>,
    /// The row that is the primary before apply. `None` if there is none, or if the account was not listed.
    pub primary_row: Option<NamedRow>,
    /// The number of desired keys that need no action.
    pub unchanged: usize,
    /// The number of keys in the state before this plan.
    pub managed: usize,
    /// The records of the keys that the actions change, by name, then id.
    pub recorded: Vec<Record>,
    /// The rows that are neither recorded nor desired, by name, then id. They are never changed.
    pub unmanaged: Vec<UnmanagedRow>,
    /// Whether the policy refuses unmanaged rows that it does not expect.
    pub refuses_unmanaged: bool,
    /// The names of unmanaged rows that the policy expects.
    pub unmanaged_except: Vec<Glob>,
    /// The checks of the policy that keys do not pass, and that refuse the plan.
    pub violations: Vec<Violation>,
    /// By name.
    pub drift: Vec<Drift>,
    pub notes: Vec<Note>,
    /// The guards that refuse the plan, and that no flag of its run allowed.
    pub refusals: Vec<Refusal>,
    /// The arguments of `keyform apply` that make the same plan.
    pub arguments: Vec<String>,
}

/// What was seen of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It was not listed.
    Unseen,
    /// It has no row, so its owner is unknown.
    Empty,
    Rows,
}

impl Sight {
    pub(crate) fn of(observed: Option<&Listing>) -> Self {
        match observed.map(Listing::user_id) {
            None => Self::Unseen,
            Some(None) => Self::Empty,
            Some(Some(_)) => Self::Rows,
        }
    }
}

/// The state that a plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Base {
    /// Where the state is: a path or a URL, as it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The lineage of the state. Missing if there was no state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lineage: Option<Uuid>,
    /// The serial of the state, 0 if there was no state.
    pub serial: u64,
    /// Where the journal is that was read with the state, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
}

impl Base {
    /// Names the state: `keyform.state.json (serial 3)`.
    pub fn phrase(&self) -> Phrase {
        let Self { location, lineage, serial, journal } = self;
        let phrase = match location {
            Some(location) => Phrase::default().named(location).then(" "),
            None => Phrase::default(),
        };
        let age = if lineage.is_some() { format!("serial {serial}") } else { "new".to_owned() };
        match journal {
            Some(journal) => phrase.then(format!("({age}, with the journal ")).named(journal).then(")"),
            None => phrase.then(format!("({age})")),
        }
    }
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Counts the actions of a kind.
    pub fn count(&self, kind: ActionKind) -> usize {
        self.actions.iter().filter(|action| action.change.kind() == kind).count()
    }

    /// Whether nothing is on the account that the manifest does not explain: no copy, unmanaged, mixed or unreadable row.
    pub fn has_no_other_rows(&self) -> bool {
        let is_row =
            |note: &Note| matches!(note, Note::Copies { .. } | Note::MixedLeft { .. } | Note::Unreadable { .. });
        self.refreshed && self.unmanaged.is_empty() && !self.notes.iter().any(is_row)
    }

    /// Returns what a reviewer should know besides the actions: notes, and the unmanaged rows.
    pub fn remarks(&self) -> Vec<Phrase> {
        self.notes.iter().map(Note::phrase).chain(note::unmanaged_phrase(&self.unmanaged)).collect()
    }

    /// Returns the rows that the policy refuses.
    pub fn refused_rows(&self) -> impl Iterator<Item = &UnmanagedRow> {
        self.unmanaged.iter().filter(|row| self.refuses_unmanaged && !row.is_expected)
    }

    /// Leaves out actions, and those that depend on them.
    pub fn select(&mut self, selection: &Selection) {
        let (kept, left) = selection.divide(std::mem::take(&mut self.actions));
        self.actions = kept;
        let mut recorded = std::mem::take(&mut self.recorded);
        recorded.retain(self.is_changed());
        self.recorded = recorded;
        let is_limited = |name: &KeyName| selection.limits(name) || left.iter().any(|action| action.name == *name);
        if self.primary.as_ref().is_some_and(is_limited) {
            self.primary = None;
        }
        if !left.is_empty() {
            let left_out = left.iter().map(LeftOutAction::of).collect();
            self.partial = Some(Partial { selection: selection.clone(), left_out });
        }
    }

    /// Lists the rows that neither the state nor the actions know.
    fn unmanaged_among(&self, recorded: Option<&State>, observed: &Listing) -> Vec<UnmanagedRow> {
        let records = || recorded.into_iter().flat_map(|state| state.records.values().chain(state.replaced.values()));
        let changes = || self.actions.iter().map(|action| &action.change);
        let old_rows = || changes().flat_map(Change::old_rows);
        let mut ids: HashSet<_> = records().map(|record| &record.id).collect();
        ids.extend(changes().filter_map(Change::row).map(|row| &row.id));
        ids.extend(old_rows().map(|old| &old.id));
        let gone: HashSet<_> = old_rows().map(|old| &old.blob).collect();
        let mut kept: HashSet<_> =
            records().map(|record| &record.public_key).filter(|key| !gone.contains(key)).collect();
        kept.extend(changes().filter_map(Change::new_key).map(|key| key.key.blob()));
        let is_copy = |row: &Row| row.blob().is_some_and(|blob| kept.contains(blob));
        let rows = observed.rows().iter().filter(|row| !ids.contains(&row.id) && !is_copy(row));
        UnmanagedRow::sorted(rows, &self.unmanaged_except)
    }

    /// Updates which records the actions change, and the number of all.
    pub fn rebase(&mut self, recorded: Option<&State>) {
        let records = recorded.map(State::sorted).unwrap_or_default();
        self.managed = records.len();
        let is_changed = self.is_changed();
        let changed = records.into_iter().filter(|record| is_changed(record)).cloned().collect();
        drop(is_changed);
        self.recorded = changed;
    }

    /// Returns whether the actions change a record, or take the primary from it.
    fn is_changed(&self) -> impl Fn(&Record) -> bool {
        let changes = || self.actions.iter().map(|action| &action.change);
        let mut ids: HashSet<_> = changes().flat_map(Change::old_rows).map(|old| &old.id).collect();
        ids.extend(changes().filter_map(Change::row).map(|row| &row.id));
        ids.extend(changes().filter_map(Change::new_key).flat_map(|key| &key.stale));
        let promoted: HashSet<_> = changes().filter(|change| change.promotes()).map(Change::blob).collect();
        if !promoted.is_empty() {
            ids.extend(self.primary_row.iter().map(|row| &row.id));
        }
        move |record| ids.contains(&record.id) || promoted.contains(&record.public_key)
    }

    /// Updates what was seen of the account: the unmanaged rows, and which row is the primary.
    pub fn observe(&mut self, recorded: Option<&State>, observed: &Listing) {
        self.sight = Sight::of(Some(observed));
        self.unmanaged = self.unmanaged_among(recorded, observed);
        self.primary_row = observed.primary().map(NamedRow::of);
        let primary = self.primary_row.as_ref().map(|row| &row.id);
        for old in self.actions.iter_mut().flat_map(|action| action.change.old_rows_mut()) {
            old.is_primary = Some(&old.id) == primary;
        }
    }
}
