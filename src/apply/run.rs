//! A plan being carried out: what is learned is journalled and applied, and a serious failure stops what is left.

use jiff::Timestamp;

use super::event::Event;
use super::facts::Facts;
use super::gate::Gate;
use super::ledger::Ledger;
use super::observe::Observation;
use super::outcome::{Outcome, Status, Verification};
use super::relisting::Relisting;
use super::sightings::Sightings;
use super::tools::Tools;
use super::waiting::Waiting;
use crate::account::{Clock, Effect, Failure, FailureKind, ReadAccount};
use crate::plan::{AccountRow, Action, Change, NewKey, Plan};
use crate::state::{JournalEntry, LoadedState, Session};

pub(super) struct Run<'a, A, C, S> {
    pub(super) tools: &'a Tools<'a, A, C>,
    pub(super) gate: &'a Gate<'a>,
    pub(super) facts: Facts<'a>,
    ledger: Ledger<'a, S>,
    /// The account before the changes. `None` if it was not listed.
    pub(super) observation: Option<Observation>,
    /// Why nothing more is started.
    halt: Option<&'static str>,
}

impl<'a, A, C: Clock, S: Session> Run<'a, A, C, S> {
    pub(super) fn new(
        plan: &'a Plan,
        loaded: LoadedState,
        observation: Option<Observation>,
        session: &'a mut S,
        tools: &'a Tools<'a, A, C>,
        gate: &'a Gate<'a>,
    ) -> Self {
        let ledger = Ledger::open(plan, loaded, session, tools.lineage);
        let facts = Facts::new(plan, ledger.base().clone(), tools.throttle.clock().now());
        Self { tools, gate, facts, ledger, observation, halt: None }
    }

    /// Prepares to list the account, now that this run may have changed it.
    pub(super) fn relisting<'o>(&self, observer: &'o dyn Fn(Waiting)) -> Relisting<'o, A, C>
    where
        A: ReadAccount,
        'a: 'o,
    {
        let tools = self.tools;
        let now = tools.throttle.clock().now();
        let sightings = Sightings::new(tools.options.lateness, now, self.facts.deleted.clone());
        Relisting::new(tools.account, tools.throttle, tools.options.retries, observer, sightings)
    }

    /// Returns why nothing more may be started, if so.
    pub(super) fn halted(&self) -> Option<&'static str> {
        if self.ledger.has_failed() {
            // What cannot be journalled must not be done.
            return Some("the state cannot be written");
        }
        self.halt.or_else(|| self.gate.reason())
    }

    /// Starts nothing more.
    pub(super) fn halt(&mut self, reason: &'static str) {
        self.halt = Some(reason);
    }

    /// Journals what was learned, and applies it to the state. What cannot be journalled is kept in memory.
    pub(super) async fn learn(&mut self, entries: Vec<JournalEntry>) {
        if self.tools.options.offline {
            // No listing will find what is lost.
            self.ledger.append_durably(&entries).await;
        } else {
            self.ledger.append(&entries).await;
        }
        self.facts.apply_entries(entries, self.tools.throttle.clock().now());
    }

    /// Makes entries durable, and applies them to the state only then.
    pub(super) async fn learn_durably(&mut self, entries: Vec<JournalEntry>) {
        if self.ledger.append_durably(&entries).await {
            self.facts.apply_entries(entries, self.tools.throttle.clock().now());
        }
    }

    /// Records the rows of keys, which exist at a time of the server, and what they replace. Drops what was recorded for
    /// these keys before.
    pub(super) async fn record_rows<'r>(
        &mut self,
        rows: impl IntoIterator<Item = (&'r Action, &'r NewKey, &'r AccountRow)>,
        at: Option<Timestamp>,
    ) {
        let mut write = Some(JournalEntry::Write { at });
        let mut entries = Vec::new();
        let mut recorded = Vec::new();
        for (action, key, row) in rows {
            self.facts.set_new_row(&action.name, &row.id);
            // The row of an update was recorded before, and nothing was written to the account.
            if !matches!(action.change, Change::Update { .. }) {
                entries.extend(write.take());
            }
            entries.push(JournalEntry::Record(key.record(&action.name, row)));
            let old_rows = action.change.old_rows().iter().filter(|old| old.id != row.id);
            let replaced = old_rows.filter_map(|old| self.facts.state.records.get(&old.id));
            entries.extend(replaced.cloned().map(JournalEntry::Replace));
            let stale = key.stale.iter().filter(|&stale| *stale != row.id);
            entries.extend(stale.map(|id| JournalEntry::Drop { id: id.clone() }));
            recorded.push((action, &row.id));
        }
        if recorded.is_empty() {
            return;
        }
        self.learn(entries).await;
        for (action, id) in recorded {
            (self.tools.observer)(&Event::Recorded { action, id });
        }
    }

    /// Sets the result of an action, and halts the run if its failure concerns the others too.
    pub(super) fn end(&mut self, index: usize, status: Status) {
        if let Status::Failed(failure) = &status
            && self.halt.is_none()
        {
            if concerns_all(failure) {
                self.halt("it would fail for the same reason");
            } else if self.tools.options.fail_fast {
                self.halt("another key failed, and --fail-fast is set");
            }
        }
        if let (Some(step), Some(action)) = (self.facts.steps.get_mut(index), self.facts.plan.actions.get(index)) {
            step.status = status;
            (self.tools.observer)(&Event::Ended { step, action });
        }
    }

    /// Writes the state and returns the outcome.
    pub(super) async fn finish(self, verification: Verification) -> Outcome {
        let Self { tools, gate: _, facts, ledger, observation, halt: _ } = self;
        let Facts { steps, state, .. } = facts;
        let vanished = observation.map(|observation| observation.vanished).unwrap_or_default();
        let mut outcome = Outcome::new(steps, verification);
        outcome.interrupted = tools.stop.is_cancelled();
        ledger.close(state, &vanished, &mut outcome).await;
        outcome
    }
}

/// Whether every other request would fail in the same way.
pub(super) fn concerns_all(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::BadToken | FailureKind::MissingPermission(_) | FailureKind::Forbidden | FailureKind::Redirect => {
            true
        }
        FailureKind::Transport(_) => failure.effect == Effect::NotSent,
        _ => false,
    }
}
