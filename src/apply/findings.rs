//! How the account differs from what was planned, as a listing after the changes shows it. No I/O.

use super::facts::Facts;
use super::outcome::{Finding, Status, Step};
use crate::account::{Listing, Row};
use crate::names::KeyId;
use crate::plan::{Action, ActionKind, Change};

impl Facts<'_> {
    pub(super) fn findings(&self, listing: &Listing) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (step, action) in self.steps() {
            if let Status::Done { id } = &step.status {
                findings.extend(check(step, id, action, listing));
            }
        }
        findings.extend(self.check_primary(listing));
        findings
    }

    /// Returns the row of the planned primary, if it was the primary and is not any more.
    pub(super) fn lost_primary<'l>(&self, listing: &'l Listing) -> Option<&'l Row> {
        let name = self.plan.primary.as_ref()?;
        let is_unmade = |step: &Step| step.kind == ActionKind::Promote && !step.is_done();
        if self.steps.iter().any(is_unmade) {
            return None;
        }
        let is_ours = |row: &&Row| self.state.records.get(&row.id).is_some_and(|record| record.name == *name);
        let row = listing.rows().iter().filter(is_ours).max_by_key(|row| self.new_row(name) == Some(&row.id))?;
        (!row.is_primary).then_some(row)
    }

    /// Returns how a promotion or deletion with an unknown effect has ended, if the listing shows that it was carried
    /// out: the row for its result, and the old rows that are gone.
    pub(super) fn confirmed_change(&self, action: &Action, listing: &Listing) -> Option<(KeyId, Vec<KeyId>)> {
        let new_row = || self.new_row(&action.name);
        let id = match &action.change {
            Change::Promote { id, .. } => {
                let is_primary = |id: &&KeyId| listing.by_id(id).is_some_and(|row| row.is_primary);
                id.as_ref().or_else(new_row).filter(is_primary)?
            }
            Change::Delete(old) => &old.id,
            Change::Replace { .. } => new_row()?,
            Change::Upload(_) | Change::Adopt { .. } | Change::Forget(_) => return None,
        };
        let old_rows = action.change.old_rows().iter().map(|old| &old.id);
        let gone: Vec<_> = old_rows.filter(|id| !self.is_new_row(id)).cloned().collect();
        let is_listed = |id: &KeyId| listing.by_id(id).is_some();
        (!gone.iter().any(is_listed)).then(|| (id.clone(), gone))
    }

    fn check_primary(&self, listing: &Listing) -> Option<Finding> {
        if let Some(name) = &self.plan.primary {
            return self.lost_primary(listing).map(|_| Finding::NotPrimary { name: name.clone() });
        }
        let primary = listing.primary()?;
        let is_uploaded = |step: &&Step| {
            step.kind == ActionKind::Upload && matches!(&step.status, Status::Done { id } if *id == primary.id)
        };
        let upload = self.steps.iter().find(is_uploaded)?;
        Some(Finding::PrimaryMoved { name: upload.name.clone() })
    }
}

/// Checks the row of an action that is done.
fn check(step: &Step, id: &KeyId, action: &Action, listing: &Listing) -> Vec<Finding> {
    let (name, row) = (&step.name, listing.by_id(id));
    let mut findings = Vec::new();
    match step.kind {
        ActionKind::Upload | ActionKind::Adopt | ActionKind::Replace => {
            let blob = action.change.blob();
            // A listing can leave out the key.
            let holds_key = |row: &Row| row.blob.as_ref().is_none_or(|shown| shown == blob);
            if !row.is_some_and(holds_key) {
                findings.push(Finding::Missing { name: name.clone(), id: id.clone() });
            }
            let copies = listing.holding(blob).filter(|row| row.id != *id);
            let ids: Vec<_> = copies.map(|row| row.id.clone()).collect();
            if step.kind == ActionKind::Upload && !ids.is_empty() {
                findings.push(Finding::Copies { name: name.clone(), ids });
            }
        }
        ActionKind::Promote => {
            if !row.is_some_and(|row| row.is_primary) {
                findings.push(Finding::NotPrimary { name: name.clone() });
            }
        }
        ActionKind::Delete => {
            if row.is_some() {
                findings.push(Finding::Remains { name: name.clone(), id: id.clone() });
            }
        }
        ActionKind::Forget => {}
    }
    findings
}
