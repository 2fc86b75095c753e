//! Checks that a saved plan still fits the state and the account.

use jiff::civil::Date;

use super::{AccountRow, Action, Change, NewKey, OldKey, Plan, Reason};
use crate::account::{Listing, Row};
use crate::names::KeyId;
use crate::public_key::{KeyBlob, KeyContent};
use crate::state::{Record, State};
use crate::terminal::escape::escape;

/// Lists changes that invalidate a saved plan. Empty if the plan can be applied.
pub fn broken(plan: &Plan, recorded: Option<&State>, observed: &Listing, today: Date) -> Vec<String> {
    let mut broken = base(plan, recorded);
    if let (Some(planned), Some(found)) = (&plan.user_id, observed.user_id())
        && planned != found
    {
        broken.push(format!("the plan is for user {planned}, but the account belongs to user {found}"));
    }
    broken.extend(plan.actions.iter().filter_map(|action| {
        let why = not_recorded(action, recorded)
            .or_else(|| not_expired(action, recorded, today))
            .or_else(|| action_broken(action, observed, plan.refreshed, today))?;
        Some(format!("{} {}: {why}", action.change.kind().verb(), action.name))
    }));
    broken
}

/// Finds the row with this id, unless it contains another key.
fn row_with<'a>(now: &'a Listing, id: &KeyId, blob: &KeyBlob) -> Option<&'a Row> {
    now.by_id(id).filter(|row| row.content.can_be(blob))
}

fn base(plan: &Plan, recorded: Option<&State>) -> Vec<String> {
    let lineage = recorded.map(|state| state.lineage);
    let serial = recorded.map_or(0, |state| state.serial);
    let mut broken = Vec::new();
    if lineage != plan.base.lineage {
        broken.push(match (plan.base.lineage, lineage) {
            (None, _) => "the plan was made without a state, but now there is one".to_owned(),
            (Some(_), None) => "the plan was made from a state, but the state is now missing".to_owned(),
            (Some(_), Some(_)) => "the plan was made from another state".to_owned(),
        });
    } else if serial != plan.base.serial {
        broken.push(format!(
            "the plan was made from serial {} of the state, which is now at serial {serial}",
            plan.base.serial
        ));
    }
    if let Some(state) = recorded.filter(|state| state.endpoint != plan.endpoint) {
        broken.push(format!("the plan is for {}, but the state is for {}", plan.endpoint, state.endpoint));
    }
    broken
}

/// Ensures that even a forged plan removes only rows that are recorded in the state, or keys that must be removed
/// whether they are recorded or not.
fn not_recorded(action: &Action, recorded: Option<&State>) -> Option<String> {
    let rows = || recorded.into_iter().flat_map(|state| state.records.values().chain(state.replaced.values()));
    let is_recorded = |old: &OldKey| {
        let record = recorded.and_then(|state| state.managed(&old.id));
        record.is_some_and(|record| record.public_key == old.blob && record.name == old.name)
    };
    let may_go = |old: &OldKey| match action.reason {
        // These rows need not be recorded.
        Reason::Revoked { .. } | Reason::Expired { .. } => true,
        Reason::CopyOfRemoved => rows().any(|record| record.public_key == old.blob),
        Reason::Undeleted => recorded
            .is_some_and(|state| state.last_apply.deleted.get(&old.id).is_some_and(|row| row.public_key == old.blob)),
        _ => is_recorded(old),
    };
    let foreign = action.change.old_rows().iter().find(|old| !may_go(old)).map(|old| &old.id);
    let stale = action.change.new_key().into_iter().flat_map(|key| &key.stale);
    let updated = match &action.change {
        Change::Update { row, .. } => Some(&row.id),
        _ => None,
    };
    let mut kept = stale.chain(updated);
    let unknown = || kept.find(|id| !recorded.is_some_and(|state| state.records.contains_key(*id)));
    foreign.or_else(unknown).map(|id| format!("id {id} does not match a key in the state"))
}

/// Ensures that a plan cannot leave a removal out of its digest by calling it expired.
fn not_expired(action: &Action, recorded: Option<&State>, today: Date) -> Option<String> {
    let rows = || recorded.into_iter().flat_map(|state| state.records.values().chain(state.replaced.values()));
    let has_expired = |old: &OldKey| {
        let expires = |record: &Record| record.public_key == old.blob && record.expires == old.expires;
        old.expires.is_some_and(|last| last < today) && rows().any(expires)
    };
    let old = action.change.old_rows().iter().find(|old| old.has_expired && !has_expired(old))?;
    Some(format!("the recorded expiry of id {} has not passed", old.id))
}

fn action_broken(action: &Action, now: &Listing, refreshed: bool, today: Date) -> Option<String> {
    match &action.change {
        Change::Upload(key) => expired(key, today).or_else(|| uploaded(key, &[], now)),
        Change::Adopt { key, row } | Change::Update { key, row } => {
            expired(key, today).or_else(|| moved(row, key, now))
        }
        Change::Replace { key, row, old, promote: _ } => expired(key, today)
            .or_else(|| match row {
                Some(row) => moved(row, key, now),
                None => uploaded(key, old, now),
            })
            .or_else(|| old.iter().find_map(|old| old_broken(old, now, refreshed))),
        Change::Promote { blob, id: Some(id), owner: _, instead_of: _ } => match row_with(now, id, blob) {
            None => Some(format!("id {id} no longer has this key")),
            Some(row) if row.is_primary => Some("it is already the primary key".to_owned()),
            Some(_) => None,
        },
        Change::Promote { id: None, .. } => None,
        Change::Delete(old) => old_broken(old, now, refreshed),
        Change::Forget(old) => {
            row_with(now, &old.id, &old.blob).map(|_| format!("id {} is on the account again", old.id))
        }
    }
}

fn expired(key: &NewKey, today: Date) -> Option<String> {
    key.expires.filter(|&last| last < today).map(|last| format!("the key expired; its last day was {last}"))
}

/// Ensures that a key to upload is not on the account, except in the rows that it replaces.
fn uploaded(key: &NewKey, old: &[OldKey], now: &Listing) -> Option<String> {
    let mut others = now.holding(key.key.blob()).filter(|row| !old.iter().any(|old| old.id == row.id));
    others.next().map(|row| format!("the key is already on the account, id {}", row.id))
}

fn moved(row: &AccountRow, key: &NewKey, now: &Listing) -> Option<String> {
    match row_with(now, &row.id, key.key.blob()) {
        None => Some(format!("id {} no longer has this key", row.id)),
        Some(found) => renamed(&row.id, &row.account_name, found),
    }
}

/// Compares the name on the account with the planned one.
fn renamed(id: &KeyId, planned: &str, found: &Row) -> Option<String> {
    let (planned, now) = (escape(planned), escape(&found.name));
    (planned != now).then(|| format!("id {id} was named \"{planned}\" on the account, and is now \"{now}\""))
}

fn old_broken(old: &OldKey, now: &Listing, refreshed: bool) -> Option<String> {
    let row = if old.mixed.is_empty() {
        row_with(now, &old.id, &old.blob)
    } else {
        now.by_id(&old.id).filter(|row| row.content == KeyContent::Mixed(old.mixed.clone()))
    };
    match row {
        None => Some(format!("id {} is no longer on the account, or has another key", old.id)),
        // A plan that was made without a listing does not know which key is the primary.
        Some(row) if refreshed && row.is_primary != old.is_primary => {
            let is = if row.is_primary { "is now the primary key" } else { "is no longer the primary key" };
            Some(format!("id {} {is}", old.id))
        }
        Some(row) => renamed(&old.id, &old.account_name, row),
    }
}
