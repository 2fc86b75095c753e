//! Guards: plans that look like a mistake are refused unless a flag allows them.

use super::{Action, ActionKind, Change, OldKey, Plan};
use crate::manifest::Violation;
use crate::names::{KeyName, UserId};
use crate::terminal::phrase::Phrase;
use crate::terminal::shell::{flag, quoted};

/// The number of deletions that need no flag, unless they are most of the managed keys.
pub const FREE_DELETES: usize = 10;

#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    /// The number of deletions that are allowed (`--allow-deletes N`).
    pub deletes: usize,
    /// The account may lose its primary key (`--allow-primary-loss`).
    pub primary_loss: bool,
    /// The account may have none of the managed keys (`--allow-empty-account`).
    pub empty_account: bool,
    /// These protected keys may be replaced or deleted (`--allow-protected NAME`).
    pub protected: Vec<KeyName>,
    /// The account may have rows that the policy does not expect (`--allow-unmanaged`).
    pub unmanaged: bool,
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The manifest is for another account.
    Pin { pinned: UserId, account: UserId },
    /// The plan replaces or deletes a protected key.
    Protected { name: KeyName, kind: ActionKind },
    /// The plan deletes more keys than are allowed, out of `managed`.
    Deletes { deletes: usize, managed: usize },
    /// The plan deletes the primary key and promotes no other key.
    PrimaryLoss { name: KeyName },
    /// The plan deletes a row that may be the primary key, because the account was not listed.
    PrimaryUnknown { name: KeyName },
    /// The account has rows that are not managed and that the policy does not expect.
    Unmanaged { rows: usize, first: String },
    /// A key does not pass a check of the policy.
    Policy(Violation),
    /// The account has none of its `managed` keys, so it may be another account.
    Vanished { managed: usize },
}

/// Guards run twice: when a plan is shown, and before it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Plan,
    Apply,
}

/// Finds every guard that a plan trips and that no flag allows.
pub fn refusals(plan: &Plan, acknowledged: &Acknowledged, stage: Stage) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if let (Some(pinned), Some(account)) = (&plan.pin, &plan.user_id)
        && pinned != account
    {
        refusals.push(Refusal::Pin { pinned: pinned.clone(), account: account.clone() });
    }
    refusals.extend(plan.violations.iter().cloned().map(Refusal::Policy));
    if !acknowledged.unmanaged
        && let Some(first) = plan.refused_rows().next()
    {
        let rows = plan.refused_rows().count();
        refusals.push(Refusal::Unmanaged { rows, first: first.account_name.clone() });
    }
    for action in plan.actions.iter().filter(|action| action.is_protected()) {
        if !acknowledged.protected.contains(&action.name) {
            refusals.push(Refusal::Protected { name: action.name.clone(), kind: action.change.kind() });
        }
    }
    let deletes = plan.count(ActionKind::Delete);
    let is_most = deletes * 2 > plan.managed;
    if (deletes > FREE_DELETES || is_most) && deletes > acknowledged.deletes {
        refusals.push(Refusal::Deletes { deletes, managed: plan.managed });
    }
    if plan.refreshed && !plan.user_seen && plan.managed > 0 && !plan.is_empty() && !acknowledged.empty_account {
        refusals.push(Refusal::Vanished { managed: plan.managed });
    }
    if acknowledged.primary_loss || plan.actions.iter().any(|action| action.change.promotes()) {
        return refusals;
    }
    let is_primary = |old: &OldKey| old.is_primary;
    if let Some(name) = deleted(&plan.actions, is_primary) {
        refusals.push(Refusal::PrimaryLoss { name: name.clone() });
    } else if let (Stage::Apply, false, Some(name)) = (stage, plan.user_seen, deleted(&plan.actions, |_| true)) {
        refusals.push(Refusal::PrimaryUnknown { name: name.clone() });
    }
    refusals
}

/// Finds the first action that deletes a row for which `is_at_issue` returns true.
fn deleted(actions: &[Action], is_at_issue: impl Fn(&OldKey) -> bool) -> Option<&KeyName> {
    let deletes = |action: &&Action| match &action.change {
        Change::Delete(old) => is_at_issue(old),
        Change::Replace { old, row: None, .. } => old.iter().any(&is_at_issue),
        // The row of the new key may be the primary itself.
        Change::Replace { old, row: Some(_), .. } => old.iter().any(|old| old.is_primary && is_at_issue(old)),
        Change::Upload(_)
        | Change::Adopt { .. }
        | Change::Update { .. }
        | Change::Promote { .. }
        | Change::Forget(_) => false,
    };
    actions.iter().find(deletes).map(|action| &action.name)
}

impl Refusal {
    /// Says what the plan does.
    pub fn message(&self) -> Phrase {
        match self {
            Self::Pin { pinned, account } => Phrase::new("the manifest is for user ")
                .named(pinned)
                .then(", but the account belongs to user ")
                .named(account),
            Self::Protected { name, kind } => {
                Phrase::new(format!("the plan {}s ", kind.verb())).named(name).then(", which is protected")
            }
            Self::Deletes { deletes, managed } => {
                Phrase::new(format!("the plan deletes {deletes} of {managed} managed keys"))
            }
            Self::Unmanaged { rows: 1, first } => {
                Phrase::new("the account has a key that is not managed, ").foreign(first)
            }
            Self::Unmanaged { rows, first } => {
                Phrase::new(format!("the account has {rows} keys that are not managed, "))
                    .foreign(first)
                    .then(" and others")
            }
            Self::Policy(violation) => Phrase::new("policy: ").then(violation.message.as_str()),
            Self::PrimaryLoss { name } => {
                Phrase::new("the plan deletes ").named(name).then(", the primary key, and promotes no other key")
            }
            Self::PrimaryUnknown { name } => Phrase::new("the plan deletes ")
                .named(name)
                .then(", which may be the primary key, and the account was not listed"),
            Self::Vanished { managed } => {
                Phrase::new(format!("the account has no keys, but the state has {managed}; it may be another account"))
            }
        }
    }

    /// Says what to do about it, with the flag that allows it if there is one.
    pub fn help(&self) -> Phrase {
        match self {
            Self::Pin { .. } => {
                Phrase::new("use a token of the user in `account.userId`, or the manifest for this account")
            }
            Self::Protected { name, .. } => {
                // Quoted, because people copy this into a shell, and the name comes from the manifest.
                let words = flag("--allow-protected", name.as_str());
                let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
                Phrase::new("remove `protect: true` from the key, or pass ").named(&words.join(" "))
            }
            Self::Deletes { deletes, .. } => {
                Phrase::new("check the manifest, or pass ").named(&format_args!("--allow-deletes {deletes}"))
            }
            Self::PrimaryUnknown { .. } => Phrase::new("remove --offline, or pass ").named(&"--allow-primary-loss"),
            Self::Vanished { .. } => Phrase::new("check the token; if the account was emptied on purpose, pass ")
                .named(&"--allow-empty-account"),
            Self::Unmanaged { .. } => {
                Phrase::new("add it to `keys`, `revoked` or `policy.unmanagedExcept` in the manifest, or pass ")
                    .named(&"--allow-unmanaged")
            }
            Self::Policy(violation) => Phrase::new(violation.help.as_str()),
            Self::PrimaryLoss { .. } => {
                Phrase::new("set `primary: true` on another key, or pass ").named(&"--allow-primary-loss")
            }
        }
    }
}
