//! Compares desired, recorded and observed keys.
//!
//! First, each desired key is matched with the row that contains it. Then [`removal`](super::removal) decides for each
//! recorded row whether it stays, and [`placement`](super::placement) what each desired key needs. Keys are compared by blob
//! before name: a blob with another name is the same key, a name with another blob is another key.

use std::collections::HashSet;

use jiff::civil::Date;

use super::action::{Action, Change};
use super::key::{NamedRow, UnmanagedRow};
use super::matching::{Holder, Inventory, Matching};
use super::note::{find_drift, find_notes};
use super::placement::{placement, promotion, restoration};
use super::removal::Removals;
use super::{Base, Plan, Sight};
use crate::account::{Endpoint, Listing, Row};
use crate::manifest::{Desired, UnmanagedPolicy};
use crate::names::KeyId;
use crate::state::State;

/// The complete input of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    pub desired: &'a Desired,
    pub recorded: Option<&'a State>,
    /// Missing if the account was not listed.
    pub observed: Option<&'a Listing>,
    pub endpoint: &'a Endpoint,
    /// Keys are desired up to and including their last day.
    pub today: Date,
    /// Delete every managed key. Keys that the state protects stay protected.
    pub destroy: bool,
}

pub fn compare(input: Input<'_>) -> Plan {
    let Input { desired, recorded, observed, endpoint, today, destroy } = input;
    let inventory = &Inventory::new(recorded, observed);
    let matching = &Matching::new(desired, today, destroy, inventory);

    let Removals { replaced, mut actions, left, .. } = Removals::find(inventory, matching, today);
    let mut unchanged = 0;
    for ((key, holder), replaced) in matching.keys.iter().zip(&matching.holders).zip(replaced) {
        if let Some((change, reason)) = promotion(key, *holder, inventory) {
            actions.push(Action::new(&key.name, change, reason));
        }
        match placement(key, *holder, replaced, matching, inventory) {
            Some((change, reason)) => actions.push(Action::new(&key.name, change, reason)),
            None if matches!(holder, Holder::Pending) => {}
            None => unchanged += 1,
        }
    }
    actions.extend(restoration(&actions, matching, inventory));
    actions.sort_by(|a, b| a.order().cmp(&b.order()));

    let deletes = actions.iter().any(|action| action.change.deletes());
    let mut plan = Plan {
        stack: None,
        commit: None,
        endpoint: endpoint.clone(),
        user_id: (observed.and_then(|listing| listing.user_id().cloned()))
            .or_else(|| recorded.and_then(|state| state.user_id.clone())),
        sight: Sight::of(observed),
        pin: desired.account.clone(),
        base: Base {
            location: None,
            lineage: recorded.map(|state| state.lineage),
            serial: recorded.map_or(0, |state| state.serial),
            journal: None,
        },
        refreshed: observed.is_some(),
        unmanaged: unmanaged(&actions, inventory, matching, desired),
        refuses_unmanaged: desired.unmanaged == UnmanagedPolicy::Refuse,
        unmanaged_except: desired.unmanaged_except.clone(),
        violations: desired.refused_violations().to_vec(),
        actions,
        partial: None,
        primary: matching.primary.map(|key| key.name.clone()),
        primary_row: inventory.primary().map(NamedRow::of),
        unchanged,
        managed: 0,
        recorded: Vec::new(),
        drift: find_drift(inventory),
        notes: find_notes(inventory, matching, left, today, deletes),
        refusals: Vec::new(),
        arguments: Vec::new(),
    };
    plan.rebase(recorded);
    plan
}

/// Returns the rows that are neither recorded nor in an action and that do not contain a desired key alone, by name, then
/// id.
fn unmanaged(
    actions: &[Action],
    inventory: &Inventory<'_>,
    matching: &Matching<'_>,
    desired: &Desired,
) -> Vec<UnmanagedRow> {
    let ours: HashSet<&KeyId> = actions
        .iter()
        .flat_map(|Action { change, .. }| {
            let deleted = if let Change::Delete(old) = change { Some(&old.id) } else { None };
            change.row().map(|row| &row.id).into_iter().chain(deleted)
        })
        .collect();
    let is_copy = |row: &Row| row.blob().is_some_and(|blob| matching.with_blob(blob).is_some());
    let rows = inventory.rows().filter(|row| !inventory.is_managed(row) && !ours.contains(&row.id) && !is_copy(row));
    UnmanagedRow::sorted(rows, &desired.unmanaged_except)
}
