//! Which changes may follow the uploads: a promotion needs the row of its key, a deletion the rows that replace the old
//! one. No I/O.

use super::facts::Facts;
use super::findings::is_primary;
use super::outcome::{Status, Step};
use super::sightings::Sightings;
use crate::names::KeyId;
use crate::plan::{Action, ActionKind, Change, OldKey, Sight};
use crate::public_key::KeyBlob;
use crate::state::State;

/// The reason why a recorded row stays if other rows with its key do.
pub(super) const OTHER_ROW: &str = "another row with this key was not deleted";

/// A row to be deleted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deletion<'p> {
    /// The index of the action that deletes it.
    pub(super) index: usize,
    pub(super) action: &'p Action,
    pub(super) old: &'p OldKey,
}

impl<'p> Facts<'p> {
    /// Returns the row that an action makes the primary now, or why it cannot. `None` if it promotes no row.
    pub(super) fn promotion(&self, index: usize, action: &Action) -> Option<Result<KeyId, &'static str>> {
        let known = match &action.change {
            Change::Promote { row, .. } => row.as_ref().map(|row| &row.id),
            Change::Replace { promote: true, .. } if self.is_waiting(index) => None,
            _ => return None,
        };
        let row = known.or_else(|| self.new_row(&action.name));
        Some(row.cloned().ok_or("the key was not uploaded"))
    }

    /// Returns the rows that an action deletes now, or why it must not. `None` if it deletes none or has ended.
    pub(super) fn deletions(
        &self,
        index: usize,
        action: &'p Action,
    ) -> Option<Result<Vec<Deletion<'p>>, &'static str>> {
        if !action.change.deletes() || !self.is_waiting(index) {
            return None;
        }
        let old_rows = action.change.old_rows();
        if !self.is_user_seen {
            return Some(Err("the owner of the account is unknown, so a missing row cannot be trusted to be deleted"));
        }
        // If the account was not listed, each of them can be the primary.
        if self.is_promotion_missing()
            && (self.plan.sight == Sight::Unseen || old_rows.iter().any(|old| old.is_primary))
        {
            return Some(Err("it is the primary key, and no other key was promoted"));
        }
        if !self.deletes_other_row(index) && old_rows.iter().any(|old| self.has_other_row(old)) {
            return Some(Err(OTHER_ROW));
        }
        if old_rows.iter().any(|old| self.is_last_row(old)) {
            return Some(Err("it also contains a desired key that was not uploaded"));
        }
        let old_rows = old_rows.iter().filter(|old| !self.is_new_row(&old.id));
        Some(Ok(old_rows.map(|old| Deletion { index, action, old }).collect()))
    }

    /// Whether an action deletes a row that was not recorded.
    pub(super) fn deletes_other_row(&self, index: usize) -> bool {
        let action = self.plan.actions.get(index);
        let others = action.and_then(|action| self.other_rows.get(action.change.blob()));
        others.is_some_and(|others| others.contains(&index))
    }

    /// Whether a row that was not recorded, with the key of one that was, was to be deleted and was not.
    pub(super) fn has_other_row(&self, old: &OldKey) -> bool {
        let is_done = |index: &usize| self.steps.get(*index).is_some_and(Step::is_done);
        self.other_rows.get(&old.blob).is_some_and(|others| !others.iter().all(is_done))
    }

    /// Whether a row with several keys contains one that is desired and that this run or an earlier one did not upload.
    fn is_last_row(&self, old: &OldKey) -> bool {
        let is_missing = |key: &KeyBlob| {
            let uploads = |action: &&Action| action.change.new_key().is_some_and(|new| new.key.blob() == key);
            let action = self.plan.actions.iter().find(uploads);
            self.state.pending.contains_key(key) || action.is_some_and(|action| self.new_row(&action.name).is_none())
        };
        old.mixed.iter().any(is_missing)
    }

    /// Returns the row with which an action ends that has deleted its old rows. `None` while one of them is recorded.
    pub(super) fn row_after_deletions(&self, action: &'p Action) -> Option<&KeyId> {
        let remains = |old: &OldKey| self.state.managed(&old.id).is_some() && !self.is_new_row(&old.id);
        if action.change.old_rows().iter().any(remains) {
            return None;
        }
        match &action.change {
            Change::Delete(old) => Some(&old.id),
            _ => self.new_row(&action.name),
        }
    }

    /// Returns the row that is the primary after the apply: the one that was promoted, or that of the key that the
    /// manifest makes the primary, or else the one that was the primary before the uploads. `None` if that is unknown.
    pub(super) fn primary_after(&self) -> Option<KeyId> {
        if let Some((id, _)) = &self.promoted {
            return Some(id.clone());
        }
        if self.plan.primary.is_some() { self.planned_primary() } else { self.primary_to_keep() }
    }

    /// Returns the row of the key that the manifest makes the primary, unless its promotion failed.
    fn planned_primary(&self) -> Option<KeyId> {
        let name = self.plan.primary.as_ref()?;
        if self.steps().any(|(step, action)| action.change.promotes() && !step.is_done()) {
            return None;
        }
        // A row that is replaced can still have the name.
        let is_old =
            |id: &KeyId| self.plan.actions.iter().any(|it| it.change.old_rows().iter().any(|old| old.id == *id));
        let records = self.state.records.values().filter(|record| record.name == *name);
        let records = records.filter(|record| self.is_new_row(&record.id) || !is_old(&record.id));
        let record = records.max_by_key(|record| self.new_row(name) == Some(&record.id))?;
        Some(record.id.clone())
    }

    /// Returns the row that was the primary before the uploads, if the plan keeps it: it neither promotes another one nor
    /// deletes it.
    fn primary_to_keep(&self) -> Option<KeyId> {
        let former = self.state.former_primary.as_ref()?;
        let promotes = self.plan.actions.iter().any(|action| action.change.promotes());
        (!promotes && !self.is_to_be_deleted(former)).then(|| former.clone())
    }

    /// Whether the plan deletes a row.
    pub(super) fn is_to_be_deleted(&self, id: &KeyId) -> bool {
        let deletes_it =
            |action: &Action| action.change.deletes() && action.change.old_rows().iter().any(|old| old.id == *id);
        self.plan.actions.iter().any(deletes_it)
    }

    /// Whether it is certain that no upload has taken the place of the primary that was there before, or that it does not
    /// matter any more.
    pub(super) fn is_former_primary_settled(&self, former: &KeyId, sightings: &Sightings) -> bool {
        if self.promoted.is_some() || sightings.row(former).is_none() {
            return true;
        }
        if !self.is_primary_uncertain {
            return !self.is_primary_taken && !self.is_promotion_missing();
        }
        // An older listing does not show what an upload without a response did.
        is_primary(sightings, former) && sightings.is_latest_after(self.last_write, None)
    }

    /// Whether no upload of this run or an earlier one can have taken the place of the primary, although that was noted.
    pub(super) fn has_uploaded_nothing(&self) -> bool {
        let State { former_primary, pending, .. } = &self.state;
        former_primary.is_some() && pending.is_empty() && self.uploaded.is_empty() && !self.is_primary_uncertain
    }

    /// Whether a promotion was planned and not made, so that the old primary must stay.
    fn is_promotion_missing(&self) -> bool {
        self.steps().any(|(step, action)| {
            // A replacement that has promoted its key waits for its deletions.
            let is_promoted = step.is_done() || step.kind == ActionKind::Replace && step.status == Status::Waiting;
            action.change.promotes() && !is_promoted
        })
    }
}
