//! How the account differs from what was planned, as listings after the changes show it. No I/O.

use std::collections::{HashMap, HashSet};

use super::facts::Facts;
use super::outcome::{Finding, Status, Step};
use super::sightings::Sightings;
use crate::account::Row;
use crate::names::KeyId;
use crate::plan::{Action, ActionKind, Change, NamedRow, OldKey};

impl Facts<'_> {
    /// Returns the findings. If the primary was promoted again and is the primary now, that is one of them.
    pub(super) fn findings(&self, sightings: &Sightings, is_restored: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (step, action) in self.steps() {
            if let Status::Done { id } = &step.status {
                findings.extend(check(step, id, action, sightings));
            }
        }
        findings.extend(self.remaining(sightings));
        findings.extend(self.unreadable(sightings));
        findings.extend(self.check_primary(sightings, is_restored));
        findings
    }

    /// Returns other rows with keys that the plan has removed: added meanwhile, or with other keys besides.
    fn remaining(&self, sightings: &Sightings) -> Vec<Finding> {
        let desired: HashSet<_> = self.state.records.values().map(|record| &record.public_key).collect();
        let deletions = || self.steps().filter(|(step, action)| step.is_done() && action.change.deletes());
        let old_rows = || deletions().flat_map(|(_, action)| action.change.old_rows());
        let removed: HashMap<_, _> = old_rows().map(|old| (&old.blob, &old.name)).collect();
        let planned: HashSet<_> = old_rows().map(|old| &old.id).collect();
        let mut findings = Vec::new();
        for row in sightings.rows().filter(|row| !planned.contains(&row.id)) {
            let keys = row.content.all().iter().filter(|key| !desired.contains(key));
            for name in keys.filter_map(|key| removed.get(key).copied()) {
                let (name, id) = (name.clone(), row.id.clone());
                let is_alone = row.blob().is_some();
                findings.push(if is_alone { Finding::Again { name, id } } else { Finding::MixedLeft { name, id } });
            }
        }
        findings
    }

    /// Returns the rows without a readable key that are not recorded, if the plan has removed keys: they can be in one.
    fn unreadable(&self, sightings: &Sightings) -> Option<Finding> {
        let has_removed = |(step, action): (&Step, &Action)| {
            step.is_done() && matches!(action.change, Change::Replace { .. } | Change::Delete(_) | Change::Forget(_))
        };
        if !self.steps().any(has_removed) {
            return None;
        }
        let is_unknown = |row: &&Row| row.content.is_unreadable() && self.state.managed(&row.id).is_none();
        let deleted: HashSet<_> =
            self.steps().flat_map(|(_, action)| action.change.old_rows()).map(|old| &old.id).collect();
        let rows = sightings.rows().filter(is_unknown).filter(|row| !deleted.contains(&row.id));
        let mut rows: Vec<_> = rows.map(NamedRow::of).collect();
        rows.sort_by(|a, b| (&a.account_name, &a.id).cmp(&(&b.account_name, &b.id)));
        (!rows.is_empty()).then_some(Finding::Unreadable { rows })
    }

    /// Counts the keys that no listing shows: those that must be on the account, and those whose deletion is uncertain.
    pub(super) fn unlisted(&self, sightings: &Sightings) -> usize {
        let is_unlisted = |(step, action): &(&Step, &Action)| {
            if let Status::Done { id } = &step.status {
                return action.change.new_key().is_some() && sightings.row(id).is_none();
            }
            let is_listed = |old: &OldKey| sightings.row(&old.id).is_some();
            step.has_unknown_effect() && action.change.deletes() && !action.change.old_rows().iter().any(is_listed)
        };
        self.steps().filter(is_unlisted).count()
    }

    /// Returns the row that the plan makes or leaves the primary, if an upload of this run is the primary instead.
    pub(super) fn lost_primary(&self, sightings: &Sightings) -> Option<KeyId> {
        let expected = self.primary_after()?;
        let primary = sightings.latest().primary()?;
        (!is_primary(sightings, &expected) && self.uploaded.contains(&primary.id)).then_some(expected)
    }

    /// Whether the listings do not show the planned primary as the primary, and no upload of this run instead.
    pub(super) fn lacks_planned_primary(&self, sightings: &Sightings) -> bool {
        let is_lacking = || self.primary_after().is_some_and(|expected| !is_primary(sightings, &expected));
        match &self.promoted {
            Some(_) => is_lacking(),
            None => self.plan.primary.is_some() && is_lacking() && self.lost_primary(sightings).is_none(),
        }
    }

    /// Whether the primary that there was before the uploads was promoted again.
    pub(super) fn has_restored_primary(&self) -> bool {
        self.promoted.as_ref().is_some_and(|(id, _)| self.state.former_primary.as_ref() == Some(id))
    }

    /// Returns how a promotion or deletion with an unknown effect has ended, if the listings show that it was carried
    /// out: the row for its result, and the old rows that are gone.
    pub(super) fn confirmed_change(&self, action: &Action, sightings: &Sightings) -> Option<(KeyId, Vec<KeyId>)> {
        let new_row = || self.new_row(&action.name);
        let id = match &action.change {
            Change::Promote { row, .. } => {
                let id = row.as_ref().map(|row| &row.id);
                id.or_else(new_row).filter(|id| is_primary(sightings, id))?
            }
            Change::Delete(old) => &old.id,
            Change::Replace { promote: true, .. } => new_row().filter(|id| is_primary(sightings, id))?,
            Change::Replace { .. } => new_row()?,
            Change::Upload(_) | Change::Adopt { .. } | Change::Update { .. } | Change::Forget(_) => return None,
        };
        let old_rows = action.change.old_rows().iter().map(|old| &old.id);
        let gone: Vec<_> = old_rows.filter(|id| !self.is_new_row(id)).cloned().collect();
        let is_listed = |id: &KeyId| sightings.row(id).is_some();
        (!gone.iter().any(is_listed)).then(|| (id.clone(), gone))
    }

    fn check_primary(&self, sightings: &Sightings, is_restored: bool) -> Option<Finding> {
        let primary = sightings.latest().primary();
        let Some(expected) = self.primary_after() else {
            let uploaded = primary.filter(|row| self.uploaded.contains(&row.id))?;
            let record = self.state.records.get(&uploaded.id)?;
            return Some(Finding::PrimaryMoved { name: record.name.clone() });
        };
        let name = self.name_of(&expected);
        if is_primary(sightings, &expected) {
            return is_restored.then_some(Finding::PrimaryRestored { name });
        }
        // What someone else made the primary is not ours to judge, unless the plan names another.
        let is_wrong = self.lacks_planned_primary(sightings) || self.lost_primary(sightings).is_some();
        is_wrong.then(|| match self.restoration_failure.clone() {
            // The listings can be older than what that request did.
            Some(reason) => Finding::NotRestored { name, reason },
            None => Finding::NotPrimary { name },
        })
    }
}

/// Whether the listings show a row as the primary. Pages of different ages can show several.
pub(super) fn is_primary(sightings: &Sightings, id: &KeyId) -> bool {
    sightings.row(id).is_some_and(|row| row.is_primary)
}

/// Checks the row of an action that is done.
fn check(step: &Step, id: &KeyId, action: &Action, sightings: &Sightings) -> Vec<Finding> {
    let (name, row) = (&step.name, sightings.row(id));
    let mut findings = Vec::new();
    match step.kind {
        ActionKind::Upload | ActionKind::Adopt | ActionKind::Update | ActionKind::Replace => {
            let blob = action.change.blob();
            // A listing can leave out the key.
            let has_key = |row: &Row| row.content.can_be(blob);
            if !row.is_some_and(has_key) {
                findings.push(Finding::Missing { name: name.clone(), id: id.clone() });
            }
            let copies = sightings.holding(blob).filter(|row| row.id != *id);
            let ids: Vec<_> = copies.map(|row| row.id.clone()).collect();
            if step.kind == ActionKind::Upload && !ids.is_empty() {
                findings.push(Finding::Copies { name: name.clone(), ids });
            }
        }
        ActionKind::Delete => {
            if row.is_some() {
                findings.push(Finding::Remains { name: name.clone(), id: id.clone() });
            }
        }
        ActionKind::Promote | ActionKind::Forget => {}
    }
    findings
}
