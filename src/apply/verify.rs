//! Lists the account after the changes, and compares it with what was planned.

use super::event::Event;
use super::gate::INTERRUPTED;
use super::outcome::{Finding, Status, Step, Verification};
use super::relisting::OpenQuestion;
use super::run::Run;
use super::sightings::Sightings;
use super::waiting::{WaitReason, Waiting};
use crate::account::{Clock, ReadAccount, WriteAccount};
use crate::plan::ActionKind;
use crate::state::{JournalEntry, Session};

impl<A: ReadAccount + WriteAccount, C: Clock, S: Session> Run<'_, A, C, S> {
    /// Verifies the changes, if a request may have changed the account. Ends changes that had an unknown effect.
    pub(super) async fn verify(&mut self) -> Verification {
        let tools = self.tools;
        let may_have_changed = |step: &Step| match step.kind {
            ActionKind::Adopt | ActionKind::Update | ActionKind::Forget => false,
            ActionKind::Upload | ActionKind::Replace | ActionKind::Promote | ActionKind::Delete => {
                !matches!(step.status, Status::Waiting | Status::Skipped { .. })
            }
        };
        let is_changed = self.facts.steps.iter().any(may_have_changed);
        if tools.options.offline || !is_changed || self.gate.reason().is_some() {
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

    /// Lists the account until it shows the changes, or must show them.
    async fn list_and_compare(&mut self) -> Result<Vec<Finding>, String> {
        let tools = self.tools;
        let announce = |waiting: Waiting| (tools.observer)(&Event::Waiting(waiting));
        let mut relisting = self.relisting(&announce);
        let mut is_restored = self.facts.has_restored_primary();
        let mut may_restore = true;
        let mut open = Vec::new();
        loop {
            match self.gate.unless_closed(relisting.list_for(&open)).await {
                None => return Err(self.gate.reason().unwrap_or(INTERRUPTED).to_owned()),
                Some(listed) => listed.map_err(|error| error.to_string())?,
            }
            open = self.open_questions(&relisting.sightings);
            if !open.is_empty() {
                continue;
            }
            // Only another listing shows whether that worked.
            match self.facts.lost_primary(&relisting.sightings) {
                Some(id) if may_restore && self.halted().is_none() => {
                    self.promote_again(id).await;
                    (is_restored, may_restore) = (true, false);
                    open = self.open_questions(&relisting.sightings);
                }
                _ => break,
            }
        }
        let sightings = relisting.sightings;
        self.settle_changes(&sightings).await;
        let findings = self.facts.findings(&sightings, is_restored);
        if self.facts.state.pending.is_empty()
            && let Some(former) = &self.facts.state.former_primary
            && self.facts.is_former_primary_settled(former, &sightings)
        {
            self.learn(vec![JournalEntry::FormerPrimary { id: None }]).await;
        }
        Ok(findings)
    }

    /// Returns what the listings should show, and what they can be too old for.
    fn open_questions(&self, sightings: &Sightings) -> Vec<OpenQuestion> {
        let facts = &self.facts;
        let mut open = Vec::new();
        let keys = facts.unlisted(sightings);
        if keys > 0
            && let Err(undecided) = sightings.is_missing(facts.last_write, None)
        {
            open.push(OpenQuestion { reason: WaitReason::Unlisted { keys }, undecided });
        }
        // A run before this one can have promoted it.
        let (by, at) = match (&facts.promoted, &facts.state.last_apply.promoted) {
            (Some((_, by)), _) => (*by, None),
            (None, earlier) => (facts.start, earlier.as_ref().and_then(|row| row.at)),
        };
        if facts.lacks_planned_primary(sightings)
            && let Err(undecided) = sightings.is_missing(by, at)
        {
            open.push(OpenQuestion { reason: WaitReason::NotPrimary, undecided });
        }
        open
    }

    /// Ends the changes that had an unknown effect and that the listings show to be carried out.
    async fn settle_changes(&mut self, sightings: &Sightings) {
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            if !self.facts.steps.get(index).is_some_and(Step::has_unknown_effect) {
                continue;
            }
            if let Some((id, gone)) = self.facts.confirmed_change(action, sightings) {
                self.learn(gone.into_iter().map(|id| JournalEntry::Drop { id }).collect()).await;
                self.end(index, Status::Done { id });
            }
        }
    }
}
