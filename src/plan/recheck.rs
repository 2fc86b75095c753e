//! Whether a saved plan still fits the state and the account.

use jiff::civil::Date;

use super::{AccountRow, Action, Change, NewKey, OldKey, Plan};
use crate::account::{Listing, Row};
use crate::names::KeyId;
use crate::public_key::KeyBlob;
use crate::state::State;

/// Lists what a saved plan relies on and what has changed since. Empty if the plan can be applied.
pub fn broken(plan: &Plan, recorded: Option<&State>, observed: &Listing, today: Date) -> Vec<String> {
    let mut broken = base(plan, recorded);
    if let (Some(planned), Some(found)) = (&plan.user_id, observed.user_id())
        && planned != found
    {
        broken.push(format!("it is for the account of user {planned}, and this is that of {found}"));
    }
    broken.extend(plan.actions.iter().filter_map(|action| {
        let why = not_ours(action, recorded).or_else(|| action_broken(action, observed, plan.refreshed, today))?;
        Some(format!("{} {}: {why}", action.change.kind().verb(), action.name))
    }));
    broken
}

/// Finds the row with this id, unless it shows another key.
fn holds<'a>(now: &'a Listing, id: &KeyId, blob: &KeyBlob) -> Option<&'a Row> {
    now.by_id(id).filter(|row| row.blob.as_ref().is_none_or(|shown| shown == blob))
}

fn base(plan: &Plan, recorded: Option<&State>) -> Vec<String> {
    let lineage = recorded.map(|state| state.lineage);
    let serial = recorded.map_or(0, |state| state.serial);
    let mut broken = Vec::new();
    if lineage != plan.base.lineage {
        broken.push(match (plan.base.lineage, lineage) {
            (None, _) => "it was made without a state, and there is one now".to_owned(),
            (Some(_), None) => "it was made from a state, and there is none here".to_owned(),
            (Some(_), Some(_)) => "it was made from another state".to_owned(),
        });
    } else if serial != plan.base.serial {
        broken
            .push(format!("it was made from serial {} of the state, which has serial {serial} now", plan.base.serial));
    }
    if let Some(state) = recorded.filter(|state| state.endpoint != plan.endpoint) {
        broken.push(format!("it is for {}, and the state for {}", plan.endpoint, state.endpoint));
    }
    broken
}

/// Even a forged file removes only rows that the state has, recorded or pending.
fn not_ours(action: &Action, recorded: Option<&State>) -> Option<String> {
    let ours = |old: &OldKey| {
        let Some(state) = recorded else { return false };
        let record = state.records.get(&old.id);
        record.is_some_and(|record| record.public_key == old.blob && record.name == old.name)
            || record.is_none() && state.pending.get(&old.blob) == Some(&old.name)
    };
    let foreign = action.change.old_rows().iter().find(|old| !ours(old)).map(|old| &old.id);
    let stale = action.change.new_key().into_iter().flat_map(|key| &key.stale);
    let unknown = || stale.into_iter().find(|id| !recorded.is_some_and(|state| state.records.contains_key(*id)));
    foreign.or_else(unknown).map(|id| format!("{id} is not one of the keys in the state"))
}

fn action_broken(action: &Action, now: &Listing, refreshed: bool, today: Date) -> Option<String> {
    match &action.change {
        Change::Upload(key) => expired(key, today).or_else(|| uploaded(key, &[], now)),
        Change::Adopt { key, row } => expired(key, today).or_else(|| gone(row, key, now)),
        Change::Replace { key, row, old, promote: _ } => expired(key, today)
            .or_else(|| match row {
                Some(row) => gone(row, key, now),
                None => uploaded(key, old, now),
            })
            .or_else(|| old.iter().find_map(|old| old_broken(old, now, refreshed))),
        Change::Promote { blob, id: Some(id), instead_of: _ } => match holds(now, id, blob) {
            None => Some(format!("{id} no longer holds it")),
            Some(row) if row.is_primary => Some("it is the primary already".to_owned()),
            Some(_) => None,
        },
        Change::Promote { id: None, .. } => None,
        Change::Delete(old) => old_broken(old, now, refreshed),
        Change::Forget(old) => holds(now, &old.id, &old.blob).map(|_| format!("{} is there again", old.id)),
    }
}

fn expired(key: &NewKey, today: Date) -> Option<String> {
    key.expires.filter(|&last| last < today).map(|last| format!("it was wanted until {last}"))
}

/// A key that is to be uploaded must not be on the account, except in the rows that it replaces.
fn uploaded(key: &NewKey, old: &[OldKey], now: &Listing) -> Option<String> {
    let mut others = now.holding(key.key.blob()).filter(|row| !old.iter().any(|old| old.id == row.id));
    others.next().map(|row| format!("its key is on the account by now, as {}", row.id))
}

fn gone(row: &AccountRow, key: &NewKey, now: &Listing) -> Option<String> {
    let there = holds(now, &row.id, key.key.blob()).is_some();
    (!there).then(|| format!("{} no longer holds it", row.id))
}

fn old_broken(old: &OldKey, now: &Listing, refreshed: bool) -> Option<String> {
    match holds(now, &old.id, &old.blob) {
        None => Some(format!("{} is gone, or holds another key", old.id)),
        // A plan that was made without a listing does not know which key is the primary.
        Some(row) if refreshed && row.is_primary != old.is_primary => {
            let is = if row.is_primary { "is the primary by now" } else { "is no longer the primary" };
            Some(format!("{} {is}", old.id))
        }
        Some(_) => None,
    }
}
