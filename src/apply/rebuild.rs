//! Makes a new state from the account, where the old one is lost or broken.

use uuid::Uuid;

use crate::plan::{Change, Plan};
use crate::state::{JournalEntry, State};

/// Builds the state of a plan that was made without one: it records the adoptions.
pub fn rebuilt(plan: &Plan, lineage: Uuid) -> State {
    let mut state = State::new(lineage, plan.endpoint.clone());
    state.serial = 1;
    state.user_id.clone_from(&plan.user_id);
    for action in &plan.actions {
        if let Change::Adopt { key, row } = &action.change {
            state.apply(JournalEntry::Record(row.record(&action.name, key.key.blob())));
        }
    }
    state
}
