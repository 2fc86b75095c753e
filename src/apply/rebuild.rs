//! Makes a new state from the account, where the old one is lost or broken.

use jiff::Timestamp;
use uuid::Uuid;

use crate::plan::{Change, Plan};
use crate::state::{JournalEntry, State};

/// Builds the state of a plan that was made without one, from a listing with this time of the server: it records the
/// adoptions. What the `old` state knows of requests, which a listing may not show yet, it keeps, and so it does the rows that
/// are still to be deleted.
pub fn rebuilt(plan: &Plan, lineage: Uuid, old: Option<&State>, date: Option<Timestamp>) -> State {
    let mut state = State::new(lineage, plan.endpoint.clone());
    state.serial = 1;
    state.user_id.clone_from(&plan.user_id);
    if let Some(old) = old {
        state.pending.clone_from(&old.pending);
        state.replaced.clone_from(&old.replaced);
        state.former_primary.clone_from(&old.former_primary);
        state.last_apply.clone_from(&old.last_apply);
    }
    state.apply(JournalEntry::Write { at: date });
    for action in &plan.actions {
        if let Change::Adopt { key, row } = &action.change {
            state.apply(JournalEntry::Record(key.record(&action.name, row)));
        }
    }
    state
}
