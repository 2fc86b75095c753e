//! Checks that a saved plan still fits the state and the account.

use jiff::civil::Date;

use super::grounds::Grounds;
use super::{AccountRow, Action, Change, NamedRow, NewKey, OldKey, Plan};
use crate::account::{Listing, Row};
use crate::names::KeyId;
use crate::public_key::{KeyBlob, KeyContent};
use crate::state::State;
use crate::terminal::escape::escape;

/// Lists changes that invalidate a saved plan. Empty if the plan can be applied.
pub fn broken(plan: &Plan, recorded: Option<&State>, observed: &Listing, today: Date) -> Vec<String> {
    let mut broken = base(plan, recorded);
    if let (Some(planned), Some(found)) = (&plan.user_id, observed.user_id())
        && planned != found
    {
        broken.push(format!("the plan is for user {planned}, but the account belongs to user {found}"));
    }
    let grounds = Grounds::new(plan, recorded, today);
    broken.extend(grounds.other_record());
    broken.extend(grounds.primary());
    broken.extend(primary_moved(plan, observed));
    broken.extend(plan.actions.iter().filter_map(|action| {
        let why = grounds.missing(action).or_else(|| action_broken(action, observed, plan.refreshed, today))?;
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

fn action_broken(action: &Action, now: &Listing, refreshed: bool, today: Date) -> Option<String> {
    match &action.change {
        Change::Upload(key) => expired(key, today).or_else(|| uploaded(key, &[], now)),
        Change::Adopt { key, row } | Change::Update { key, row } => {
            expired(key, today).or_else(|| moved(row, key, now, refreshed))
        }
        Change::Replace { key, row, old, promote: _ } => expired(key, today)
            .or_else(|| match row {
                Some(row) => moved(row, key, now, refreshed),
                None => uploaded(key, old, now),
            })
            .or_else(|| old.iter().find_map(|old| old_broken(old, now, refreshed))),
        Change::Promote { blob, row: Some(NamedRow { id, account_name }), owner: _ } => match row_with(now, id, blob) {
            None => Some(format!("id {id} no longer has this key")),
            Some(row) if row.is_primary => Some("it is already the primary key".to_owned()),
            Some(row) => renamed(id, account_name, row),
        },
        Change::Promote { row: None, .. } => None,
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

fn moved(row: &AccountRow, key: &NewKey, now: &Listing, refreshed: bool) -> Option<String> {
    match row_with(now, &row.id, key.key.blob()) {
        None => Some(format!("id {} no longer has this key", row.id)),
        // A plan that was made without a listing has the time from the state.
        Some(found) if refreshed && found.created_at != row.created_at => {
            Some(format!("id {} was created at another time", row.id))
        }
        Some(found) => renamed(&row.id, &row.account_name, found),
    }
}

/// Compares the primary with the planned one, which the plan showed even if it does not change.
fn primary_moved(plan: &Plan, now: &Listing) -> Option<String> {
    let now = now.primary().map(NamedRow::of);
    if !plan.refreshed || plan.primary_row == now {
        return None;
    }
    let name = |row: &Option<NamedRow>| match row {
        Some(NamedRow { id, account_name }) => format!("\"{}\" ({id})", escape(account_name)),
        None => "missing".to_owned(),
    };
    Some(format!("the primary key was {}, and is now {}", name(&plan.primary_row), name(&now)))
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
