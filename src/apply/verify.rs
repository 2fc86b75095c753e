//! Lists the account after the changes, and compares it with what was planned.

use super::event::Event;
use super::observe::ARRIVAL;
use super::outcome::{Finding, Status, Step, Verification};
use super::run::{INTERRUPTED, Run};
use super::tools::unless_stopped;
use crate::account::{Clock, Listing, Operation, ReadAccount, WriteAccount};
use crate::plan::ActionKind;
use crate::state::{JournalEntry, Session};

impl<A: ReadAccount + WriteAccount, C: Clock, S: Session> Run<'_, A, C, S> {
    /// Verifies the changes, if a request may have changed the account. Ends changes that had an unknown effect.
    pub(super) async fn verify(&mut self) -> Verification {
        let tools = self.tools;
        let may_have_changed = |step: &Step| match step.kind {
            ActionKind::Adopt | ActionKind::Forget => false,
            ActionKind::Upload | ActionKind::Replace | ActionKind::Promote | ActionKind::Delete => {
                !matches!(step.status, Status::Waiting | Status::Skipped { .. })
            }
        };
        let is_changed = self.facts.steps.iter().any(may_have_changed);
        if tools.options.offline || !is_changed || tools.stop.is_cancelled() {
            return Verification::NotDone;
        }
        (tools.observer)(&Event::Verifying);
        match self.list_and_compare().await {
            Ok(findings) => {
                (tools.observer)(&Event::Verified { findings: &findings });
                Verification::Done(findings)
            }
            Err(reason) => Verification::Failed(reason),
        }
    }

    async fn list_and_compare(&mut self) -> Result<Vec<Finding>, String> {
        let tools = self.tools;
        if self.facts.steps.iter().any(Step::has_unknown_effect) {
            unless_stopped(tools.stop, tools.throttle.clock().sleep(ARRIVAL)).await;
        }
        let mut listing = self.list().await?;
        let is_restored = self.restore_primary(&listing).await;
        if is_restored {
            listing = self.list().await?;
        }
        self.settle_changes(&listing).await;
        let mut findings = self.facts.findings(&listing);
        if is_restored
            && self.facts.lost_primary(&listing).is_none()
            && let Some(name) = self.facts.plan.primary.clone()
        {
            findings.push(Finding::PrimaryRestored { name });
        }
        Ok(findings)
    }

    async fn list(&self) -> Result<Listing, String> {
        match self.tools.list().await {
            Some(listing) => listing.map_err(|error| error.to_string()),
            None => Err(INTERRUPTED.to_owned()),
        }
    }

    /// Promotes the planned primary again if an upload took its place. Returns whether a request was sent: only another
    /// listing shows whether it worked.
    async fn restore_primary(&self, listing: &Listing) -> bool {
        let tools = self.tools;
        let (Some(row), None) = (self.facts.lost_primary(listing), self.halted()) else { return false };
        if let Some(name) = &self.facts.plan.primary {
            (tools.observer)(&Event::Request { operation: Operation::Promote, name });
        }
        let _ = unless_stopped(tools.stop, tools.account.promote(&row.id)).await;
        true
    }

    /// Ends the changes that had an unknown effect and that the listing shows to be carried out.
    async fn settle_changes(&mut self, listing: &Listing) {
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            if !self.facts.steps.get(index).is_some_and(Step::has_unknown_effect) {
                continue;
            }
            if let Some((id, gone)) = self.facts.confirmed_change(action, listing) {
                self.learn(gone.into_iter().map(|id| JournalEntry::Drop { id }).collect()).await;
                self.end(index, Status::Done { id });
            }
        }
    }
}
