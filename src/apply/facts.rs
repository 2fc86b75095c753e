//! What a run knows while it carries out a plan. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::outcome::{Status, Step};
use super::sightings::DeletedAt;
use crate::names::{KeyId, KeyName, UserId};
use crate::plan::{Action, Change, Plan, Sight};
use crate::public_key::KeyBlob;
use crate::state::{DeletedRow, JournalEntry, PromotedRow, State};

/// The basis of all decisions of a run.
pub(super) struct Facts<'p> {
    pub(super) plan: &'p Plan,
    /// One for each action, in the plan's order.
    pub(super) steps: Vec<Step>,
    /// The state, with everything that the run has learned.
    pub(super) state: State,
    /// Whether a response has shown the owner of the account. Before that, a deletion proves nothing: on the account of
    /// somebody else every row is missing.
    pub(super) is_user_seen: bool,
    /// The deletions of rows that are not recorded, by their key: the indices of their actions.
    pub(super) other_rows: HashMap<&'p KeyBlob, Vec<usize>>,
    /// The rows that keys got in this run. Each is recorded in the state.
    new_rows: HashMap<KeyName, KeyId>,
    /// The rows that this run uploaded.
    pub(super) uploaded: BTreeSet<KeyId>,
    /// Whether an uploaded row said that it is the primary.
    pub(super) is_primary_taken: bool,
    /// Whether an uploaded row can be the primary of which no response said so, of this run or of an earlier one.
    pub(super) is_primary_uncertain: bool,
    /// The row that this run made the primary, and when.
    pub(super) promoted: Option<(KeyId, Duration)>,
    /// Why the last request to promote the former primary again failed.
    pub(super) restoration_failure: Option<String>,
    /// The rows that this run and the last ones deleted.
    pub(super) deleted: BTreeMap<KeyId, DeletedAt>,
    /// When the run started.
    pub(super) start: Duration,
    /// When the last response to a change came.
    pub(super) last_write: Duration,
}

/// The owner of the account is not the expected one.
#[derive(Debug)]
pub(super) struct OtherUser {
    pub(super) expected: UserId,
    pub(super) found: UserId,
}

impl<'p> Facts<'p> {
    /// Starts at a time of the run's clock.
    pub(super) fn new(plan: &'p Plan, state: State, start: Duration) -> Self {
        let steps = plan.actions.iter().map(|action| Step {
            name: action.name.clone(),
            kind: action.change.kind(),
            status: Status::Waiting,
        });
        let deleted = state.last_apply.deleted.values();
        let deleted = deleted.map(|row| (row.id.clone(), DeletedAt { by: start, at: row.at })).collect();
        let is_primary_uncertain = state.former_primary.is_some();
        let mut other_rows: HashMap<_, Vec<_>> = HashMap::new();
        for (index, action) in plan.actions.iter().enumerate() {
            if let Change::Delete(old) = &action.change
                && state.managed(&old.id).is_none()
            {
                other_rows.entry(&old.blob).or_default().push(index);
            }
        }
        Self {
            plan,
            steps: steps.collect(),
            state,
            is_user_seen: plan.sight == Sight::Rows,
            other_rows,
            new_rows: HashMap::with_capacity(plan.actions.len()),
            uploaded: BTreeSet::new(),
            is_primary_taken: false,
            is_primary_uncertain,
            promoted: None,
            restoration_failure: None,
            deleted,
            start,
            last_write: start,
        }
    }

    /// Returns the steps with their actions.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&Step, &'p Action)> {
        self.steps.iter().zip(&self.plan.actions)
    }

    pub(super) fn is_waiting(&self, index: usize) -> bool {
        self.steps.get(index).is_some_and(|step| step.status == Status::Waiting)
    }

    /// Applies what was learned, at a time of the run's clock.
    pub(super) fn apply_entries(&mut self, entries: Vec<JournalEntry>, now: Duration) {
        for entry in entries {
            match &entry {
                JournalEntry::Write { .. } => self.last_write = now,
                JournalEntry::Delete(DeletedRow { id, at, .. }) => {
                    self.last_write = now;
                    self.deleted.insert(id.clone(), DeletedAt { by: now, at: *at });
                }
                JournalEntry::Promote(PromotedRow { id, .. }) => {
                    self.last_write = now;
                    self.promoted = Some((id.clone(), now));
                }
                JournalEntry::Record(record) => {
                    self.deleted.remove(&record.id);
                }
                JournalEntry::Intend(_)
                | JournalEntry::Resend { .. }
                | JournalEntry::Answered { .. }
                | JournalEntry::Settle { .. }
                | JournalEntry::Replace(_)
                | JournalEntry::Drop { .. }
                | JournalEntry::FormerPrimary { .. }
                | JournalEntry::Account { .. } => {}
            }
            self.state.apply(entry);
        }
    }

    /// Notes the row that a key got. The caller records it in the state as well.
    pub(super) fn set_new_row(&mut self, name: &KeyName, id: &KeyId) {
        self.new_rows.insert(name.clone(), id.clone());
    }

    /// Returns the row that a key got in this run.
    pub(super) fn new_row(&self, name: &KeyName) -> Option<&KeyId> {
        self.new_rows.get(name)
    }

    /// Whether a key got this row in this run. An account can answer an upload with a row that it had before, even with
    /// one that the plan deletes: such a row must stay.
    pub(super) fn is_new_row(&self, id: &KeyId) -> bool {
        let record = self.state.records.get(id);
        record.is_some_and(|record| self.new_row(&record.name) == Some(id))
    }

    /// Returns the recorded name of a row, or else its id.
    pub(super) fn name_of(&self, id: &KeyId) -> String {
        self.state.records.get(id).map_or_else(|| id.to_string(), |record| record.name.to_string())
    }

    /// Compares the owner of a row with the pinned user, or else with the recorded one.
    pub(super) fn check_user(&self, user: &UserId) -> Result<(), OtherUser> {
        match self.plan.pin.as_ref().or(self.state.user_id.as_ref()) {
            Some(expected) if expected != user => Err(OtherUser { expected: expected.clone(), found: user.clone() }),
            _ => Ok(()),
        }
    }
}
