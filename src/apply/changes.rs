//! What follows the uploads: the promotion, the deletions, and what is only dropped from the state.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::dependencies::{Deletion, OTHER_ROW};
use super::gate::INTERRUPTED;
use super::outcome::Status;
use super::run::Run;
use crate::account::{Clock, Dated, Failure, Operation, SendError, WriteAccount};
use crate::names::KeyId;
use crate::plan::{Action, Change};
use crate::state::{DeletedRow, JournalEntry, PromotedRow, Session};

impl<'a, A, C: Clock, S: Session> Run<'a, A, C, S> {
    /// Makes the planned key the primary, if the plan says so.
    pub(super) async fn promote(&mut self)
    where
        A: WriteAccount,
    {
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            let Some(row) = self.facts.promotion(index, action) else { continue };
            let status = match (self.halted(), row) {
                (Some(reason), _) | (None, Err(reason)) => Status::skipped(reason),
                (None, Ok(id)) => self.promote_row(action, id).await,
            };
            // A replacement is done only when its old rows are deleted.
            let is_done = matches!(status, Status::Done { .. });
            if !is_done || matches!(action.change, Change::Promote { .. }) {
                self.end(index, status);
            }
        }
    }

    async fn promote_row(&mut self, action: &Action, id: KeyId) -> Status
    where
        A: WriteAccount,
    {
        let (tools, gate) = (self.tools, self.gate);
        match tools.send(gate, Operation::Promote, action.name.as_str(), 0, || tools.account.promote(&id)).await {
            Ok(Dated { date: at, .. }) => {
                let promoted = PromotedRow { id: id.clone(), at };
                // An upload whose outcome is unknown can still take its place.
                let to_keep = (!self.facts.state.pending.is_empty()).then(|| id.clone());
                self.learn(vec![JournalEntry::Promote(promoted), JournalEntry::FormerPrimary { id: to_keep }]).await;
                Status::Done { id }
            }
            Err(SendError::Failed(failure)) => Status::Failed(failure),
            Err(SendError::Stopped(())) => Status::skipped(self.halted().unwrap_or(INTERRUPTED)),
        }
    }

    /// Promotes the primary again that there was before, if an upload said that it took its place, and no other key was
    /// promoted since.
    pub(super) async fn restore_primary(&mut self)
    where
        A: WriteAccount,
    {
        if self.facts.is_primary_taken
            && self.halted().is_none()
            && self.facts.promoted.is_none()
            && let Some(id) = self.facts.primary_after()
        {
            self.promote_again(id).await;
        } else if self.facts.has_uploaded_nothing() {
            self.learn(vec![JournalEntry::FormerPrimary { id: None }]).await;
        }
    }

    /// Promotes a row that must stay the primary. If that fails, the next run does it: the state still has its id.
    pub(super) async fn promote_again(&mut self, id: KeyId)
    where
        A: WriteAccount,
    {
        let (tools, gate) = (self.tools, self.gate);
        let name = self.facts.name_of(&id);
        let result = tools.send(gate, Operation::Promote, &name, 0, || tools.account.promote(&id)).await;
        self.facts.restoration_failure = match result {
            Ok(Dated { date: at, .. }) => {
                self.learn(vec![JournalEntry::Promote(PromotedRow { id, at })]).await;
                None
            }
            Err(SendError::Failed(failure)) => Some(failure.to_string()),
            Err(SendError::Stopped(())) => Some(INTERRUPTED.to_owned()),
        };
    }

    /// Deletes rows that are not desired any more or that were replaced, several at a time. Recorded rows come last: as long
    /// as one is in the state, later plans look for other rows with its key.
    pub(super) async fn delete(&mut self)
    where
        A: WriteAccount,
    {
        for recorded in [false, true] {
            let waiting = self.deletions(recorded);
            self.delete_rows(waiting).await;
        }
    }

    async fn delete_rows(&mut self, mut waiting: VecDeque<Deletion<'a>>)
    where
        A: WriteAccount,
    {
        let (tools, gate) = (self.tools, self.gate);
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < tools.options.concurrency.max(1) && self.halted().is_none() {
                let Some(deletion) = waiting.pop_front() else { break };
                let Deletion { old, .. } = deletion;
                in_flight.push(async move {
                    (
                        deletion,
                        tools
                            .send(gate, Operation::Delete, old.name.as_str(), 0, || tools.account.delete(&old.id))
                            .await,
                    )
                });
            }
            let Some((deletion, result)) = in_flight.next().await else { break };
            let Deletion { index, action, old } = deletion;
            match result {
                Ok(Dated { date: at, .. }) => {
                    let deleted = DeletedRow { id: old.id.clone(), public_key: old.blob.clone(), at };
                    self.learn(vec![JournalEntry::Delete(deleted)]).await;
                    self.end_if_deleted(index, action);
                }
                Err(SendError::Failed(failure)) => {
                    let failure = self.explain_failure(deletion, failure);
                    self.end(index, Status::Failed(failure));
                }
                Err(SendError::Stopped(())) => waiting.push_front(deletion),
            }
        }
        let reason = self.halted().unwrap_or(INTERRUPTED);
        for Deletion { index, .. } in waiting {
            // An action with several old rows may have failed already.
            if self.facts.is_waiting(index) {
                self.end(index, Status::skipped(reason));
            }
        }
    }

    /// Drops from the state what the account does not have any more.
    pub(super) async fn forget(&mut self) {
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            let Change::Forget(old) = &action.change else { continue };
            let remains = || self.facts.has_other_row(old).then_some(OTHER_ROW);
            if let Some(reason) = self.halted().or_else(remains) {
                self.end(index, Status::skipped(reason));
                continue;
            }
            // If another key got the row in this run, the record is that of the other key.
            if !self.facts.is_new_row(&old.id) {
                self.learn(vec![JournalEntry::Drop { id: old.id.clone() }]).await;
            }
            self.end(index, Status::Done { id: old.id.clone() });
        }
    }

    /// Returns the deletions of recorded or of other rows that may be sent, and ends the actions that have none.
    fn deletions(&mut self, recorded: bool) -> VecDeque<Deletion<'a>> {
        let mut all = VecDeque::new();
        for (index, action) in self.facts.plan.actions.iter().enumerate() {
            if self.facts.deletes_other_row(index) == recorded {
                continue;
            }
            match self.facts.deletions(index, action) {
                None => {}
                Some(Err(reason)) => self.end(index, Status::skipped(reason)),
                Some(Ok(deletions)) if deletions.is_empty() => self.end_if_deleted(index, action),
                Some(Ok(deletions)) => all.extend(deletions),
            }
        }
        all
    }

    /// Ends an action whose old rows are all deleted.
    fn end_if_deleted(&mut self, index: usize, action: &'a Action) {
        if let Some(id) = self.facts.row_after_deletions(action).cloned()
            && self.facts.is_waiting(index)
        {
            self.end(index, Status::Done { id });
        }
    }

    /// Adds to the failure of a replacement that the new key is on the account.
    fn explain_failure(&self, deletion: Deletion<'a>, failure: Failure) -> Failure {
        let Deletion { index: _, action, old } = deletion;
        let is_replacement = matches!(action.change, Change::Replace { .. });
        let Some(id) = self.facts.new_row(&action.name).filter(|_| is_replacement) else { return failure };
        let message = format!(
            "the new key was uploaded as {id}, but the old one, {}, was not deleted: {}",
            old.id, failure.message
        );
        Failure { message, ..failure }
    }
}
