//! Guards: plans that look like a mistake are refused until a person acknowledges what they do.

use super::{Action, ActionKind, Change, Plan};
use crate::names::{KeyName, UserId};

/// Up to so many deletions need no acknowledgement, unless they are most of the keys.
pub const FREE_DELETES: usize = 10;

/// Deleting more than half of the managed keys needs an acknowledgement where there are more than so many.
const SMALL_STATE: usize = 2;

/// What a person has acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    /// So many deletions are meant (`--allow-deletes N`).
    pub deletes: usize,
    /// The account may be left without the primary it has (`--allow-primary-loss`).
    pub primary_loss: bool,
    /// These protected keys may be replaced or deleted (`--allow-protected NAME`).
    pub protected: Vec<KeyName>,
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The manifest is for another account.
    Pin {
        /// Whose account the manifest is for.
        pinned: UserId,
        /// Whose account it is.
        account: UserId,
    },
    /// It would replace or delete a key that is protected.
    Protected {
        /// The key.
        name: KeyName,
        /// What it would do.
        kind: ActionKind,
    },
    /// It would delete many keys.
    Deletes {
        /// How many.
        deletes: usize,
        /// Of how many.
        managed: usize,
    },
    /// It would delete the primary key and put no other in its place.
    PrimaryLoss {
        /// The primary.
        name: KeyName,
    },
}

/// Every guard that a plan trips and nobody has acknowledged.
pub fn refusals(plan: &Plan, acknowledged: &Acknowledged) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if let (Some(pinned), Some(account)) = (&plan.pin, &plan.user_id)
        && pinned != account
    {
        refusals.push(Refusal::Pin { pinned: pinned.clone(), account: account.clone() });
    }
    for action in plan.actions.iter().filter(|action| action.protected) {
        if !acknowledged.protected.contains(&action.name) {
            refusals.push(Refusal::Protected { name: action.name.clone(), kind: action.change.kind() });
        }
    }
    let deletes = plan.count(ActionKind::Delete);
    let most = plan.managed > SMALL_STATE && deletes * 2 > plan.managed;
    if (deletes > FREE_DELETES || most) && deletes > acknowledged.deletes {
        refusals.push(Refusal::Deletes { deletes, managed: plan.managed });
    }
    if !acknowledged.primary_loss
        && let Some(name) = lost_primary(&plan.actions)
    {
        refusals.push(Refusal::PrimaryLoss { name: name.clone() });
    }
    refusals
}

/// The primary that goes without another key being promoted.
fn lost_primary(actions: &[Action]) -> Option<&KeyName> {
    let promotes = actions.iter().any(|action| match &action.change {
        Change::Promote { .. } => true,
        Change::Replace { promote, .. } => *promote,
        Change::Upload(_) | Change::Adopt { .. } | Change::Delete(_) | Change::Forget(_) => false,
    });
    if promotes {
        return None;
    }
    actions.iter().find_map(|action| match &action.change {
        Change::Delete(old) if old.is_primary => Some(&action.name),
        _ => None,
    })
}

impl Refusal {
    /// What would happen, in words.
    pub fn message(&self) -> String {
        match self {
            Self::Pin { pinned, account } => {
                format!("the manifest is for the account of user {pinned}, but this token opens that of {account}")
            }
            Self::Protected { name, kind } => format!("the plan would {} {name}, which is protected", kind.verb()),
            Self::Deletes { deletes, managed } => format!("the plan would delete {deletes} of {managed} managed keys"),
            Self::PrimaryLoss { name } => {
                format!("the plan would delete {name}, the primary key, and make no other key primary")
            }
        }
    }

    /// What to do about it: the flag that acknowledges it, if there is one.
    pub fn help(&self) -> String {
        match self {
            Self::Pin { .. } => {
                "use the token of the account that the manifest names, or the manifest of this account".to_owned()
            }
            Self::Protected { name, .. } => {
                format!(
                    "take `protect` off the key in a reviewed change, or acknowledge it with --allow-protected {name}"
                )
            }
            Self::Deletes { deletes, .. } => format!("if that is meant, acknowledge it with --allow-deletes {deletes}"),
            Self::PrimaryLoss { .. } => {
                "give another key `primary: true`, or acknowledge it with --allow-primary-loss".to_owned()
            }
        }
    }
}
