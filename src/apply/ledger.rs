//! Writes what a run learns: to the journal at once, to the state at the end.

use uuid::Uuid;

use super::outcome::{Outcome, Saved, Status};
use crate::names::KeyId;
use crate::plan::Plan;
use crate::state::{JournalEntry, LoadedState, Session, State, StateError};

pub(super) struct Ledger<'s, S> {
    session: &'s mut S,
    /// The state that the journal continues.
    base: State,
    /// Whether an earlier run left a journal.
    is_journaled: bool,
    error: Option<StateError>,
}

impl<'s, S: Session> Ledger<'s, S> {
    pub(super) fn open(plan: &Plan, loaded: LoadedState, session: &'s mut S, lineage: Uuid) -> Self {
        let mut base = loaded.state.unwrap_or_else(|| State::new(lineage, plan.endpoint.clone()));
        if base.user_id.is_none() {
            base.user_id.clone_from(&plan.user_id);
        }
        Self { session, base, is_journaled: loaded.journaled, error: None }
    }

    /// Returns the state as it was when the run began.
    pub(super) fn base(&self) -> &State {
        &self.base
    }

    /// Whether the journal could not be written. Nothing more may be started then.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Appends to the journal. After an error, the final state alone has the entries.
    pub(super) async fn append(&mut self, entries: &[JournalEntry]) {
        if entries.is_empty() {
            return;
        }
        if self.error.is_none()
            && let Err(error) = self.session.append(&self.base, entries).await
        {
            self.error = Some(error);
        }
    }

    /// Appends to the journal, and returns whether the entries are durable.
    pub(super) async fn append_durably(&mut self, entries: &[JournalEntry]) -> bool {
        if entries.is_empty() || self.has_failed() {
            return false;
        }
        let written = match self.session.append(&self.base, entries).await {
            Ok(()) => self.session.sync().await,
            Err(error) => Err(error),
        };
        self.error = written.err();
        !self.has_failed()
    }

    /// Writes the state if this run or an earlier one that left a journal changed it. Then it also forgets the deleted rows
    /// that the account has stopped listing.
    pub(super) async fn close(self, mut state: State, vanished: &[KeyId], outcome: &mut Outcome) {
        let is_changed = state != self.base || self.is_journaled;
        let written = if is_changed {
            state.last_apply.deleted.retain(|id, _| !vanished.contains(id));
            state.serial = self.session.serial_after(&state);
            self.session.fold(&state).await
        } else {
            self.session.discard().await
        };
        match written {
            Ok(()) => {
                let saved = Saved { serial: state.serial, keys: state.records.len() };
                outcome.saved = is_changed.then_some(saved);
                // An error of the journal matters now only if it made the run skip actions.
                let is_incomplete = outcome.steps.iter().any(|step| matches!(step.status, Status::Skipped { .. }));
                outcome.save_error = self.error.filter(|_| is_incomplete);
            }
            Err(error) => {
                if is_changed {
                    // A reader sees the new state if the failure came late, else the old one, with the journal or without.
                    let readable = self.session.load().await.unwrap_or_default();
                    outcome.is_journaled = readable.journaled;
                    outcome.unsaved = state.changes_since(&self.base);
                    // When something was written says nothing about what was.
                    outcome.unsaved.retain(|entry| !matches!(entry, JournalEntry::Write { .. }));
                    if let Some(readable) = &readable.state {
                        outcome.unsaved.retain(|entry| !readable.includes(entry));
                    }
                }
                outcome.save_error = Some(self.error.unwrap_or(error));
            }
        }
    }
}
