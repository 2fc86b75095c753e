//! Decides what a desired key needs: a row, a record, or to be the primary.

use super::action::{Action, Change};
use super::key::{AccountRow, NamedRow, NewKey};
use super::matching::{Holder, Inventory, Matching};
use super::reason::Reason;
use super::removal::Replaced;
use crate::manifest::DesiredKey;
use crate::names::KeyName;
use crate::state::{Origin, Record};

/// Decides how to get a desired key onto the account and into the state, with the attributes of the manifest.
pub(super) fn placement(
    key: &DesiredKey,
    holder: Holder<'_>,
    replaced: Replaced,
    matching: &Matching<'_>,
    inventory: &Inventory<'_>,
) -> Option<(Change, Reason)> {
    let Replaced { old, stale } = replaced;
    let gone = stale.first().cloned();
    let (row, reason) = match holder {
        Holder::Pending => return None,
        Holder::Recorded(record) => (Some(recorded_row(record, inventory)), Reason::Changed),
        Holder::Replaced(record) => (Some(recorded_row(record, inventory)), Reason::Needed),
        Holder::Unrecorded(row) => {
            let reason = gone.map_or(Reason::Present, |id| Reason::OtherId { id });
            (Some(AccountRow::new(row, Origin::Adopted)), reason)
        }
        Holder::Nowhere if !inventory.is_refreshed() => (None, Reason::Unrecorded),
        Holder::Nowhere if gone.is_some() => (None, Reason::Gone),
        // The reason of a misnamed key follows.
        Holder::Misnamed(_) | Holder::Nowhere => (None, Reason::Absent),
    };
    let record = match holder {
        Holder::Recorded(record) | Holder::Misnamed(record) | Holder::Replaced(record) => Some(record),
        Holder::Unrecorded(_) | Holder::Nowhere | Holder::Pending => {
            let mut ids = old.iter().map(|old| &old.id).chain(&stale);
            ids.find_map(|id| inventory.record(id))
        }
    };
    let mut new = NewKey {
        key: key.key.clone(),
        account_name: key.account_name.clone(),
        owner: key.owner.clone(),
        expires: key.expires,
        protect: key.protect,
        changes: Vec::new(),
        stale,
    };
    new.changes = record.map(|record| new.changes_to(record, &key.name)).unwrap_or_default();
    if !old.is_empty() {
        let is_primary = row.as_ref().is_some_and(|row| inventory.primary().is_some_and(|it| it.id == row.id));
        let promote = matching.primary.is_none() && !is_primary && old.iter().any(|old| old.is_primary);
        let misnamed = old.iter().find(|old| old.blob == *key.key.blob());
        let renamed = || misnamed.map(|old| Reason::Renamed { from: old.account_name.clone() });
        let revoked = old.iter().find_map(|old| matching.revoked(&old.blob)).map(Reason::revoked);
        let reason = revoked.or_else(renamed).unwrap_or(Reason::OtherKey);
        return Some((Change::Replace { key: new, row, old, promote }, reason));
    }
    Some(match (holder, row) {
        (Holder::Recorded(_), _) if new.changes.is_empty() => return None,
        (Holder::Recorded(_), Some(row)) => (Change::Update { key: new, row }, reason),
        (_, Some(row)) => (Change::Adopt { key: new, row }, reason),
        (_, None) => (Change::Upload(new), reason),
    })
}

/// Decides whether to promote a key: if it is the primary in the manifest, but not on the account.
pub(super) fn promotion(key: &DesiredKey, holder: Holder<'_>, inventory: &Inventory<'_>) -> Option<(Change, Reason)> {
    if !key.primary {
        return None;
    }
    let (row, reason) = match holder {
        Holder::Recorded(record) | Holder::Replaced(record) => match inventory.row_of(record) {
            Some(row) if !row.is_primary => (Some(row), Reason::NotPrimary),
            _ => return None,
        },
        Holder::Unrecorded(row) if row.is_primary => return None,
        Holder::Unrecorded(row) => (Some(row), Reason::NotPrimary),
        Holder::Pending => return None,
        Holder::Misnamed(_) | Holder::Nowhere => (None, Reason::NewPrimary),
    };
    let (blob, owner) = (key.key.blob().clone(), key.owner.clone());
    Some((Change::Promote { blob, row: row.map(NamedRow::of), owner }, reason))
}

/// Makes the primary again what was the primary before an interrupted run, if an upload of that run took its place.
pub(super) fn restoration(actions: &[Action], matching: &Matching<'_>, inventory: &Inventory<'_>) -> Option<Action> {
    let former = inventory.row(inventory.former_primary()?)?;
    let primary = inventory.primary()?;
    let is_uploaded = inventory.record(&primary.id).is_some_and(|record| record.origin == Origin::Uploaded);
    let changes_primary = |action: &Action| {
        let deletes_it = action.change.deletes() && action.change.old_rows().iter().any(|old| old.id == former.id);
        action.change.promotes() || deletes_it
    };
    if primary.id == former.id || !is_uploaded || matching.primary.is_some() || actions.iter().any(changes_primary) {
        return None;
    }
    let record = inventory.record(&former.id);
    let blob = former.blob().cloned().or_else(|| record.map(|record| record.public_key.clone()))?;
    let name = record.map_or_else(|| KeyName::recorded(&former.name), |record| record.name.clone());
    let owner = record.and_then(|record| record.owner.clone());
    let change = Change::Promote { blob, row: Some(NamedRow::of(former)), owner };
    Some(Action::new(&name, change, Reason::Restored))
}

fn recorded_row(record: &Record, inventory: &Inventory<'_>) -> AccountRow {
    inventory.row_of(record).map_or_else(
        || AccountRow {
            id: record.id.clone(),
            account_name: record.row_name().to_owned(),
            created_at: record.created_at,
            origin: record.origin,
        },
        |row| AccountRow::new(row, record.origin),
    )
}
