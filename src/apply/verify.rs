//! The account listed once more: is it as planned?

use super::event::Event;
use super::observe::ARRIVAL;
use super::outcome::{Finding, Status};
use super::{INTERRUPTED, Run, Step, unless_stopped};
use crate::account::Operation;
use crate::account::{Clock, Effect, Listing, ReadAccount, Row, WriteAccount, list_all};
use crate::names::KeyId;
use crate::plan::{ActionKind, Change};
use crate::state::{Entry, Session};

impl<R, W, C, S: Session> Run<'_, R, W, C, S> {
    /// Lists the account and compares it with what was done. An upload may have made itself the primary although the
    /// manifest wants another one: that one is promoted again.
    pub(super) async fn read_back(&mut self)
    where
        R: ReadAccount,
        W: WriteAccount,
        C: Clock,
    {
        let tools = self.tools;
        let Some(reader) = tools.reader else { return };
        let touched = self.outcome.steps.iter().any(|step| match step.kind {
            ActionKind::Adopt | ActionKind::Forget => false,
            _ => !matches!(step.status, Status::Waiting | Status::Skipped { .. }),
        });
        if !touched || tools.stop.is_cancelled() {
            return;
        }
        (tools.observer)(&Event::Verifying);
        if self.outcome.steps.iter().any(is_uncertain) {
            unless_stopped(tools.stop, tools.throttle.clock().sleep(ARRIVAL)).await;
        }
        let look = || unless_stopped(tools.stop, list_all(reader, tools.throttle, tools.options.retries));
        let Some(mut listed) = look().await else { return self.unverified() };
        let mut restored = false;
        if let Ok(listing) = &listed
            && let Some(id) = self.lost_primary(listing)
            && self.halted().is_none()
        {
            // Should it fail, the second listing tells.
            if let Some(name) = &self.plan.primary {
                (tools.observer)(&Event::Request { operation: Operation::Promote, name });
            }
            let _ = unless_stopped(tools.stop, tools.writer.promote(&id)).await;
            restored = true;
            let Some(again) = look().await else { return self.unverified() };
            listed = again;
        }
        if let Ok(listing) = &listed {
            self.settle_changes(listing).await;
        }
        match listed {
            Ok(listing) => {
                let mut findings = self.findings(&listing);
                if let Some(name) =
                    self.plan.primary.clone().filter(|_| restored && self.lost_primary(&listing).is_none())
                {
                    findings.push(Finding::PrimaryRestored { name });
                }
                (tools.observer)(&Event::Verified { findings: &findings });
                self.outcome.findings = Some(findings);
            }
            Err(error) => self.outcome.unverified = Some(error.to_string()),
        }
    }

    /// Notes that someone would not wait for the listing.
    fn unverified(&mut self) {
        self.outcome.unverified = Some(INTERRUPTED.to_owned());
    }

    /// Ends the promotions and deletions that nobody knows the end of, and that the listing shows to be made.
    async fn settle_changes(&mut self, listing: &Listing) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            if !self.outcome.steps.get(index).is_some_and(is_uncertain) {
                continue;
            }
            let (gone, id) = match &action.change {
                Change::Promote { id, .. } => {
                    let id = id.as_ref().or_else(|| self.ledger.placed(&action.name));
                    (&[][..], id.filter(|id| listing.by_id(id).is_some_and(|row| row.is_primary)))
                }
                Change::Delete(old) => (std::slice::from_ref(old), Some(&old.id)),
                Change::Replace { old, .. } => (old.as_slice(), self.ledger.placed(&action.name)),
                Change::Upload(_) | Change::Adopt { .. } | Change::Forget(_) => continue,
            };
            if let Some(id) = id.cloned()
                && !gone.iter().any(|old| listing.by_id(&old.id).is_some() && !self.ledger.is_placed(&old.id))
            {
                let gone = gone.iter().filter(|old| !self.ledger.is_placed(&old.id));
                let drops = gone.map(|old| Entry::Drop { id: old.id.clone() }).collect();
                self.ledger.learn(drops).await;
                self.end(index, Status::Done { id });
            }
        }
    }

    /// The row that the manifest makes primary, if it was the primary before and is no longer.
    fn lost_primary(&self, listing: &Listing) -> Option<KeyId> {
        let name = self.plan.primary.as_ref()?;
        let promotes = |step: &Step| step.kind == ActionKind::Promote && !matches!(step.status, Status::Done { .. });
        if self.outcome.steps.iter().any(promotes) {
            return None;
        }
        let ours = |row: &&Row| self.ledger.state().records.get(&row.id).is_some_and(|record| record.name == *name);
        let row = listing.rows().iter().filter(ours).max_by_key(|row| self.ledger.placed(name) == Some(&row.id))?;
        (!row.is_primary).then(|| row.id.clone())
    }

    fn findings(&self, listing: &Listing) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (step, action) in self.outcome.steps.iter().zip(&self.plan.actions) {
            let Status::Done { id } = &step.status else { continue };
            let (name, id) = (step.name.clone(), id.clone());
            match step.kind {
                ActionKind::Upload | ActionKind::Adopt | ActionKind::Replace => {
                    let blob = action.change.blob();
                    let there =
                        listing.by_id(&id).is_some_and(|row| row.blob.as_ref().is_none_or(|shown| shown == blob));
                    if !there {
                        findings.push(Finding::Missing { name: name.clone(), id: id.clone() });
                    }
                    let others = listing.holding(blob).filter(|row| row.id != id);
                    let ids: Vec<_> = others.map(|row| row.id.clone()).collect();
                    if step.kind == ActionKind::Upload && !ids.is_empty() {
                        findings.push(Finding::Copies { name: name.clone(), ids });
                    }
                }
                ActionKind::Promote if listing.by_id(&id).is_some_and(|row| row.is_primary) => {}
                ActionKind::Promote => findings.push(Finding::NotPrimary { name }),
                ActionKind::Delete if listing.by_id(&id).is_some() => findings.push(Finding::Remains { name, id }),
                ActionKind::Delete | ActionKind::Forget => {}
            }
        }
        findings.extend(self.primary_finding(listing));
        findings
    }

    fn primary_finding(&self, listing: &Listing) -> Option<Finding> {
        if let Some(name) = &self.plan.primary {
            return self.lost_primary(listing).map(|_| Finding::NotPrimary { name: name.clone() });
        }
        let primary = listing.primary()?;
        let moved = self.outcome.steps.iter().find(|step| {
            step.kind == ActionKind::Upload && matches!(&step.status, Status::Done { id } if *id == primary.id)
        })?;
        Some(Finding::PrimaryMoved { name: moved.name.clone() })
    }
}

/// Whether a step failed, and nobody knows whether it was not made all the same.
fn is_uncertain(step: &Step) -> bool {
    matches!(&step.status, Status::Failed(failure) if failure.effect == Effect::Unknown)
}
