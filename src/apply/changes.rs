//! What comes after the uploads: the promotion, the deletions, and what is only forgotten.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::outcome::Status;
use super::{INTERRUPTED, Run};
use crate::account::{Clock, Failure, Operation, SendError, WriteAccount};
use crate::plan::{Change, OldKey};
use crate::state::{Entry, Session};

/// A row to be deleted.
#[derive(Debug, Clone, Copy)]
struct Deletion<'p> {
    /// The action that it is part of.
    index: usize,
    old: &'p OldKey,
}

impl<'a, R, W, C, S: Session> Run<'a, R, W, C, S> {
    /// Makes the planned key the primary, if the plan says so.
    pub(super) async fn promote(&mut self)
    where
        W: WriteAccount,
        C: Clock,
    {
        let tools = self.tools;
        for (index, action) in self.plan.actions.iter().enumerate() {
            let (known, is_whole) = match &action.change {
                Change::Promote { id, .. } => (id.as_ref(), true),
                Change::Replace { promote: true, .. } if self.is_waiting(index) => (None, false),
                _ => continue,
            };
            let status = match (self.halted(), known.or_else(|| self.ledger.placed(&action.name))) {
                (Some(why), _) => Status::Skipped { reason: why },
                (None, None) => Status::Skipped { reason: "the key was not uploaded".to_owned() },
                (None, Some(id)) => {
                    match tools.send(Operation::Promote, &action.name, 0, || tools.writer.promote(id)).await {
                        Ok(()) => Status::Done { id: id.clone() },
                        Err(SendError::Failed(failure)) => Status::Failed(failure),
                        Err(SendError::Stopped(())) => Status::Skipped { reason: INTERRUPTED.to_owned() },
                    }
                }
            };
            let done = matches!(status, Status::Done { .. });
            self.unpromoted |= !done;
            // A replacement is done only when the old key is gone.
            if is_whole || !done {
                self.end(index, status);
            }
        }
    }

    /// Deletes what is no longer desired and what has been replaced, several at a time.
    pub(super) async fn delete(&mut self)
    where
        W: WriteAccount,
        C: Clock,
    {
        let tools = self.tools;
        let mut waiting: VecDeque<Deletion<'a>> = self.deletions().into();
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < tools.options.concurrency.max(1) && self.halted().is_none() {
                let Some(deletion) = waiting.pop_front() else { break };
                let old = deletion.old;
                in_flight.push(async move {
                    (deletion, tools.send(Operation::Delete, &old.name, 0, || tools.writer.delete(&old.id)).await)
                });
            }
            let Some((deletion, result)) = in_flight.next().await else {
                break;
            };
            let Deletion { index, old } = deletion;
            match result {
                Ok(()) => {
                    self.ledger.learn(vec![Entry::Drop { id: old.id.clone() }]).await;
                    self.deleted(index);
                }
                Err(SendError::Failed(failure)) => {
                    let failure = self.not_deleted(index, old, failure);
                    self.end(index, Status::Failed(failure));
                }
                Err(SendError::Stopped(())) => waiting.push_front(deletion),
            }
        }
        let why = self.halted().unwrap_or_else(|| INTERRUPTED.to_owned());
        for deletion in waiting {
            // One that failed has its own words.
            if self.is_waiting(deletion.index) {
                self.end(deletion.index, Status::Skipped { reason: why.clone() });
            }
        }
    }

    /// Drops from the state what is gone from the account.
    pub(super) async fn forget(&mut self) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Change::Forget(old) = &action.change else { continue };
            if let Some(why) = self.halted() {
                self.end(index, Status::Skipped { reason: why });
                continue;
            }
            // The row may have become that of another key in this run: its record is not the old one then.
            if !self.ledger.is_placed(&old.id) {
                self.ledger.learn(vec![Entry::Drop { id: old.id.clone() }]).await;
            }
            self.end(index, Status::Done { id: old.id.clone() });
        }
    }

    /// The rows that may go now. What replaces a row has to be there, and primary if the row is.
    fn deletions(&mut self) -> Vec<Deletion<'a>> {
        let mut deletions = Vec::new();
        for (index, action) in self.plan.actions.iter().enumerate() {
            let olds = match &action.change {
                Change::Delete(old) => std::slice::from_ref(old),
                Change::Replace { old, .. } if self.is_waiting(index) => old.as_slice(),
                _ => continue,
            };
            if !self.ledger.knows_user() {
                let why =
                    "no answer has shown whose account this is, and a row that is not there would count as deleted";
                self.end(index, Status::Skipped { reason: why.to_owned() });
                continue;
            }
            // Where nobody has looked, any of them may be the primary.
            if self.unpromoted && (!self.plan.refreshed || olds.iter().any(|old| old.is_primary)) {
                let why = "it is the primary key, and no other key has become that";
                self.end(index, Status::Skipped { reason: why.to_owned() });
                continue;
            }
            let before = deletions.len();
            // The account may have answered an upload with a row that it had: that is no old one.
            let olds = olds.iter().filter(|old| !self.ledger.is_placed(&old.id));
            deletions.extend(olds.map(|old| Deletion { index, old }));
            if deletions.len() == before {
                self.deleted(index);
            }
        }
        deletions
    }

    /// Notes that an old row of an action is gone; the action ends with the last of them.
    fn deleted(&mut self, index: usize) {
        let Some(action) = self.plan.actions.get(index) else {
            return;
        };
        let id = match &action.change {
            Change::Delete(old) => Some(&old.id),
            Change::Replace { old, .. } => {
                let records = &self.ledger.state().records;
                let remain = old.iter().any(|old| records.contains_key(&old.id) && !self.ledger.is_placed(&old.id));
                if remain { None } else { self.ledger.placed(&action.name) }
            }
            _ => None,
        };
        if let Some(id) = id.cloned().filter(|_| self.is_waiting(index)) {
            self.end(index, Status::Done { id });
        }
    }

    fn not_deleted(&self, index: usize, old: &OldKey, failure: Failure) -> Failure {
        let replaced = self.plan.actions.get(index).filter(|action| matches!(action.change, Change::Replace { .. }));
        match replaced.and_then(|action| self.ledger.placed(&action.name)) {
            None => failure,
            Some(id) => {
                let message = format!(
                    "the new key is there as {id}, but the old one, {}, is not deleted: {}",
                    old.id, failure.message
                );
                Failure { message, ..failure }
            }
        }
    }
}
