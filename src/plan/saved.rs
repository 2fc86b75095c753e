//! Reading a saved plan.

use serde::Deserialize;
use thiserror::Error;

use super::file::{self, ActionFile, AfterFile, BeforeFile, FORMAT_VERSION, PlanFile, ReasonFile};
use super::{AccountRow, Action, ActionKind, Base, Change, NewKey, OldKey, Plan, Reason};
use crate::names::KeyName;
use crate::public_key::{PublicKey, PublicKeyError};
use crate::state::Origin;

/// Why a file is no plan that can be carried out.
#[derive(Debug, Error)]
pub enum PlanFileError {
    /// It is no JSON, or JSON of another shape.
    #[error("it is not a plan that keyform saved: {0}")]
    Foreign(serde_json::Error),
    /// A newer keyform wrote it.
    #[error("it has format version {0}; this keyform reads version {FORMAT_VERSION}")]
    Version(u64),
    /// A key in it is none.
    #[error("the key of {name} is none: {error}")]
    Key {
        /// Whose.
        name: KeyName,
        /// Why.
        error: PublicKeyError,
    },
    /// An action says something else than its parts.
    #[error("the action on {0} does not fit together")]
    Action(KeyName),
    /// It shows a reviewer something else than what it would do.
    #[error("it was changed after it was saved: what it shows of {0} is not what it would do")]
    Shown(KeyName),
    /// The digest is not that of the actions.
    #[error("it was changed after it was saved: its digest is not that of what it would do")]
    Tampered,
}

/// Reads a saved plan.
///
/// # Errors
/// If it is none, or its digest is not that of what it would do. What it relies on is checked by
/// [`broken`](super::broken).
pub fn from_text(text: &[u8]) -> Result<Plan, PlanFileError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Versioned {
        format_version: u64,
    }
    let Versioned { format_version } = serde_json::from_slice(text).map_err(PlanFileError::Foreign)?;
    if format_version != FORMAT_VERSION {
        return Err(PlanFileError::Version(format_version));
    }
    let file: PlanFile = serde_json::from_slice(text).map_err(PlanFileError::Foreign)?;
    let stated = file.clone();
    let plan = Plan {
        endpoint: file.account.endpoint,
        user_id: file.account.user_id,
        user_seen: false,
        pin: file.account.pinned_user_id,
        base: Base { lineage: file.state.lineage, serial: file.state.serial },
        refreshed: file.refreshed,
        actions: file.actions.into_iter().map(action).collect::<Result<_, _>>()?,
        left_out: file.left_out,
        primary: file.primary,
        unchanged: file.counts.unchanged,
        managed: file.counts.managed,
        unmanaged: file.counts.unmanaged,
        // They were for the review; what still matters of them is looked at again.
        drift: Vec::new(),
        notes: Vec::new(),
    };
    // Whatever the file shows must follow from what it would do.
    let meant = file::describe(&plan);
    if let Some((shown, _)) = stated.actions.iter().zip(&meant.actions).find(|(shown, meant)| shown != meant) {
        return Err(PlanFileError::Shown(shown.name.clone()));
    }
    if stated.digest != meant.digest || stated.counts != meant.counts {
        return Err(PlanFileError::Tampered);
    }
    Ok(plan)
}

fn action(file: ActionFile) -> Result<Action, PlanFileError> {
    let ActionFile { action, name, reason, protected, before, after } = file;
    let unfit = || PlanFileError::Action(name.clone());
    let mut old: Vec<_> = before.into_iter().map(old_key).collect();
    let change = match (action, after) {
        (ActionKind::Upload, Some(after)) => Change::Upload(new_key(after, &name)?),
        (ActionKind::Adopt, Some(after)) => {
            Change::Adopt { row: row(&after).ok_or_else(unfit)?, key: new_key(after, &name)? }
        }
        (ActionKind::Replace, Some(after)) if !old.is_empty() => Change::Replace {
            row: row(&after),
            promote: after.promote,
            key: new_key(after, &name)?,
            old: std::mem::take(&mut old),
        },
        (ActionKind::Promote, Some(after)) => {
            Change::Promote { blob: after.key.public_key, id: after.id, instead_of: after.instead_of }
        }
        (ActionKind::Delete, None) => Change::Delete(old.pop().ok_or_else(unfit)?),
        (ActionKind::Forget, None) => Change::Forget(old.pop().ok_or_else(unfit)?),
        _ => return Err(unfit()),
    };
    if !old.is_empty() {
        return Err(unfit());
    }
    let reason = self::reason(reason).ok_or_else(unfit)?;
    Ok(Action { name, change, reason, protected })
}

fn reason(file: ReasonFile) -> Option<Reason> {
    let ReasonFile { code, text: _, from, id, until } = file;
    Some(match code.as_str() {
        "absent" => Reason::Absent,
        "gone" => Reason::Gone,
        "unrecorded" => Reason::Unrecorded,
        "present" => Reason::Present,
        "interrupted" => Reason::Interrupted,
        "other-id" => Reason::OtherId(id?),
        "name-agrees" => Reason::NameAgrees { from: from? },
        "other-key" => Reason::OtherKey,
        "renamed" => Reason::Renamed { from: from? },
        "not-primary" => Reason::NotPrimary,
        "new-primary" => Reason::NewPrimary,
        "undesired" => Reason::Undesired,
        "destroyed" => Reason::Destroyed,
        "expired" => Reason::Expired(until?),
        "left-over" => Reason::LeftOver,
        "orphan" => Reason::Orphan,
        "copy" => Reason::Copy,
        _ => return None,
    })
}

fn old_key(file: BeforeFile) -> OldKey {
    OldKey { name: file.name, id: file.id, blob: file.key.public_key, is_primary: file.is_primary }
}

fn row(file: &AfterFile) -> Option<AccountRow> {
    Some(AccountRow {
        id: file.id.clone()?,
        account_name: file.account_name.clone()?,
        created_at: file.created_at,
        origin: if file.uploaded { Origin::Uploaded } else { Origin::Adopted },
    })
}

fn new_key(file: AfterFile, name: &KeyName) -> Result<NewKey, PlanFileError> {
    let line = format!("{} {}", file.key.public_key, file.comment);
    let key = PublicKey::parse(line.trim_end()).map_err(|error| PlanFileError::Key { name: name.clone(), error })?;
    Ok(NewKey { key, owner: file.owner, expires: file.expires, stale: file.stale_ids })
}
