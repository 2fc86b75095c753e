//! What is known while a plan is carried out: in memory, and in the journal as soon as it is learned.

use std::collections::HashMap;

use uuid::Uuid;

use super::outcome::{Outcome, Saved, Status};
use crate::names::{KeyId, KeyName, UserId};
use crate::plan::{AccountRow, NewKey, Plan};
use crate::public_key::KeyBlob;
use crate::state::{Entry, Loaded, Session, State, StateError};

/// The state of an account while it changes.
pub(super) struct Ledger<'s, S> {
    session: &'s mut S,
    /// What the journal builds on.
    base: State,
    /// What is known by now.
    state: State,
    /// Whether a journal of an earlier run waits to be folded.
    journaled: bool,
    /// What was learned and could not be written.
    unsaved: Vec<Entry>,
    trouble: Option<StateError>,
    pin: Option<UserId>,
    user_seen: bool,
    /// The ids that keys have got in this run. Each has its record in the state.
    placed: HashMap<KeyName, KeyId>,
}

/// An upload or a promotion landed on the account of somebody else.
#[derive(Debug)]
pub(super) struct OtherAccount {
    pub(super) expected: UserId,
    pub(super) found: UserId,
}

impl<'s, S: Session> Ledger<'s, S> {
    pub(super) fn open(plan: &Plan, loaded: Loaded, session: &'s mut S, lineage: Uuid) -> Self {
        let mut base = loaded.state.unwrap_or_else(|| State::new(lineage, plan.endpoint.clone()));
        let known = base.user_id.clone();
        base.user_id = known.or_else(|| plan.user_id.clone());
        Self {
            session,
            state: base.clone(),
            base,
            journaled: loaded.journaled,
            unsaved: Vec::new(),
            trouble: None,
            pin: plan.pin.clone(),
            user_seen: plan.user_seen,
            placed: HashMap::with_capacity(plan.actions.len()),
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Whether the account itself has shown whose it is. What the state says of that is about the right account.
    pub(super) fn knows_user(&self) -> bool {
        self.user_seen
    }

    /// Whether the state could not be written: nothing more should be started.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The id that a key has got in this run.
    pub(super) fn placed(&self, name: &KeyName) -> Option<&KeyId> {
        self.placed.get(name)
    }

    /// Whether a row has become the row of a desired key in this run, so that it must not be deleted as an old one.
    pub(super) fn is_placed(&self, id: &KeyId) -> bool {
        let record = self.state.records.get(id);
        record.is_some_and(|record| self.placed(&record.name) == Some(id))
    }

    /// Makes the intent to upload these durable. Where that fails, the ledger is in trouble and nothing may be sent: a
    /// crash would leave keys that nobody knows of.
    pub(super) async fn intend(&mut self, uploads: &[(&KeyName, &KeyBlob)]) {
        if uploads.is_empty() || self.is_in_trouble() {
            return;
        }
        let intend =
            |(name, blob): &(&KeyName, &KeyBlob)| Entry::Intend { name: (*name).clone(), public_key: (*blob).clone() };
        let entries: Vec<_> = uploads.iter().map(intend).collect();
        let written = match self.session.append(&self.base, &entries).await {
            Ok(()) => self.session.sync().await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                self.take_in(entries);
                // So that no answer has to wait while a map of all records moves to a larger place.
                self.state.records.reserve(uploads.len());
            }
            Err(error) => self.trouble = Some(error),
        }
    }

    /// Takes in what was learned, and writes it down at once. What cannot be written is kept for the outcome.
    pub(super) async fn learn(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        if self.trouble.is_none()
            && let Err(error) = self.session.append(&self.base, &entries).await
        {
            self.trouble = Some(error);
        }
        if self.trouble.is_some() {
            self.unsaved.extend(entries.iter().cloned());
        }
        self.take_in(entries);
    }

    fn take_in(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.state.learn(entry);
        }
    }

    /// Learns whose account a row is on.
    pub(super) async fn meet(&mut self, user: &UserId) -> Result<(), OtherAccount> {
        let expected = self.pin.as_ref().or(self.state.user_id.as_ref());
        if let Some(expected) = expected.filter(|&expected| expected != user) {
            return Err(OtherAccount { expected: expected.clone(), found: user.clone() });
        }
        self.user_seen = true;
        if self.state.user_id.is_none() {
            self.learn(vec![Entry::Account { user_id: user.clone() }]).await;
        }
        Ok(())
    }

    /// Records that keys are in rows, and drops what was recorded for them before.
    pub(super) async fn place<'p>(
        &mut self,
        placed: impl IntoIterator<Item = (&'p KeyName, &'p NewKey, &'p AccountRow)>,
    ) {
        let mut entries = Vec::new();
        for (name, key, row) in placed {
            let id = &row.id;
            self.placed.insert(name.clone(), id.clone());
            entries.push(Entry::Record(row.record(name, key.key.blob())));
            entries.extend(key.stale.iter().filter(|&stale| stale != id).map(|id| Entry::Drop { id: id.clone() }));
        }
        self.learn(entries).await;
    }

    /// Writes the state, if this run changed it, or a run before it did and could not say so.
    pub(super) async fn close(mut self, outcome: &mut Outcome) {
        let changed = self.state != self.base || self.journaled;
        let written = if changed {
            self.state.serial += 1;
            self.session.fold(&self.state).await
        } else {
            self.session.discard().await
        };
        match written {
            Ok(()) => {
                let saved = Saved { serial: self.state.serial, keys: self.state.records.len() };
                outcome.saved = changed.then_some(saved);
                // That the journal could not be written is no matter by now, unless something was left undone for it.
                let undone = outcome.steps.iter().any(|step| matches!(step.status, Status::Skipped { .. }));
                outcome.save_error = self.trouble.filter(|_| undone);
            }
            Err(error) => {
                if changed {
                    outcome.rescued = self.session.rescue(&self.base, &self.unsaved).await;
                }
                outcome.save_error = Some(self.trouble.unwrap_or(error));
            }
        }
    }
}
