//! Guards: plans that look like a mistake are refused unless a flag allows them.

use std::collections::BTreeSet;

use super::{Action, ActionKind, Change, OldKey, Plan, Reason};
use crate::manifest::Violation;
use crate::names::{KeyId, KeyName, UserId};
use crate::state::State;
use crate::terminal::phrase::Phrase;
use crate::terminal::shell::{flag, quoted};

/// The number of rows that a plan may delete without a flag.
pub const FREE_DELETES: usize = 10;

/// The number of keys from which on a plan may not delete most of the managed keys without a flag.
pub const FEW_KEYS: usize = 3;

#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Acknowledged {
    /// The number of rows that may be deleted (`--allow-deletes N`).
    pub deletes: usize,
    /// The account may lose its primary key (`--allow-primary-loss`).
    pub primary_loss: bool,
    /// The account may show no key although the state has some (`--allow-empty-account`).
    pub empty_account: bool,
    /// Keys of the manifest may be on the account although there is no state (`--allow-new-state`).
    pub new_state: bool,
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
    /// There is no state, although this many keys of the manifest are on the account.
    NewState { keys: usize, first: KeyName },
    /// The account shows no key, but the state has `managed`, so it may be another account.
    EmptyAccount { managed: usize },
    /// A key does not pass a check of the policy.
    Policy(Violation),
    /// The account has rows that are not managed and that the policy does not expect.
    Unmanaged { rows: usize, first: String },
    /// The plan replaces or deletes a protected key.
    Protected { name: KeyName, kind: ActionKind },
    /// The plan deletes more rows than are allowed, among them `keys` of the `managed` ones.
    Deletes { rows: usize, keys: usize, managed: usize },
    /// The plan deletes the primary key and promotes no other key.
    PrimaryLoss { name: KeyName },
    /// The plan deletes a row that may be the primary key, because the account was not listed.
    PrimaryUnknown { name: KeyName },
}

/// Guards run twice: when a plan is shown, and before it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Plan,
    Apply,
}

/// Finds every guard that a plan trips and that no flag allows. `recorded` is the state that the plan was made from.
pub fn refusals(plan: &Plan, recorded: Option<&State>, acknowledged: &Acknowledged, stage: Stage) -> Vec<Refusal> {
    let Acknowledged { deletes, primary_loss, empty_account, new_state, protected, unmanaged } = acknowledged;
    let mut refusals = Vec::new();
    refusals.extend(other_account(plan));
    refusals.extend(lost_state(plan, recorded).filter(|_| !new_state));
    refusals.extend(vanished(plan, recorded).filter(|_| !empty_account));
    refusals.extend(plan.violations.iter().cloned().map(Refusal::Policy));
    refusals.extend(unexpected_rows(plan).filter(|_| !unmanaged));
    refusals.extend(protected_keys(plan, protected));
    refusals.extend(many_deletions(plan, recorded, *deletes));
    refusals.extend(lost_primary(plan, stage).filter(|_| !primary_loss));
    refusals
}

fn other_account(plan: &Plan) -> Option<Refusal> {
    let (pinned, account) = (plan.pin.as_ref()?, plan.user_id.as_ref()?);
    (pinned != account).then(|| Refusal::Pin { pinned: pinned.clone(), account: account.clone() })
}

/// Without the state, the plan cannot delete the keys that were removed from the manifest since the last apply.
fn lost_state(plan: &Plan, recorded: Option<&State>) -> Option<Refusal> {
    let is_listed = |action: &&Action| match &action.change {
        Change::Adopt { .. } => true,
        Change::Delete(_) => matches!(action.reason, Reason::Expired { .. }),
        Change::Upload(_)
        | Change::Update { .. }
        | Change::Replace { .. }
        | Change::Promote { .. }
        | Change::Forget(_) => false,
    };
    if recorded.is_some() || !plan.refreshed {
        return None;
    }
    let left_out = plan.partial.iter().flat_map(|partial| &partial.left_out);
    let left_out = left_out.filter(|left| left.kind == ActionKind::Adopt).map(|left| &left.name);
    let names = plan.actions.iter().filter(is_listed).map(|action| &action.name);
    let names: BTreeSet<_> = names.chain(left_out).collect();
    let first = names.first()?;
    Some(Refusal::NewState { keys: names.len(), first: (*first).clone() })
}

fn vanished(plan: &Plan, recorded: Option<&State>) -> Option<Refusal> {
    let managed = managed(recorded);
    let is_empty = plan.refreshed && !plan.user_seen;
    (is_empty && managed > 0 && !plan.is_empty()).then_some(Refusal::EmptyAccount { managed })
}

fn unexpected_rows(plan: &Plan) -> Option<Refusal> {
    let first = plan.refused_rows().next()?.account_name.clone();
    Some(Refusal::Unmanaged { rows: plan.refused_rows().count(), first })
}

/// Finds the protected keys that a plan changes, each once. A flag may have any name that the plan shows.
fn protected_keys(plan: &Plan, allowed: &[KeyName]) -> Vec<Refusal> {
    let mut seen = BTreeSet::new();
    let is_allowed = |action: &Action| {
        let old = action.change.old_rows().iter().filter(|old| old.protect).map(|old| &old.name);
        old.chain([&action.name]).any(|name| allowed.contains(name))
    };
    let actions = plan.actions.iter().filter(|action| action.is_protected() && !is_allowed(action));
    let first_of_name = actions.filter(|action| seen.insert(&action.name));
    first_of_name.map(|action| Refusal::Protected { name: action.name.clone(), kind: action.change.kind() }).collect()
}

fn many_deletions(plan: &Plan, recorded: Option<&State>, allowed: usize) -> Option<Refusal> {
    let ids: BTreeSet<_> = plan.actions.iter().flat_map(deletions).map(|old| &old.id).collect();
    let is_managed = |id: &&&KeyId| recorded.is_some_and(|state| state.records.contains_key(**id));
    let (rows, keys, managed) = (ids.len(), ids.iter().filter(is_managed).count(), managed(recorded));
    let is_most = keys >= FEW_KEYS && keys * 2 > managed;
    ((rows > FREE_DELETES || is_most) && rows > allowed).then_some(Refusal::Deletes { rows, keys, managed })
}

/// Returns the rows that an action deletes. A replacement that keeps the name on the account takes no key away.
fn deletions(action: &Action) -> impl Iterator<Item = &OldKey> {
    let kept_name = match &action.change {
        Change::Replace { key, .. } => Some(key.name_to_send(&action.name)),
        _ => None,
    };
    let old = if action.change.deletes() { action.change.old_rows() } else { &[] };
    old.iter().filter(move |old| Some(old.account_name.as_str()) != kept_name)
}

fn lost_primary(plan: &Plan, stage: Stage) -> Option<Refusal> {
    if plan.actions.iter().any(|action| action.change.promotes()) {
        return None;
    }
    if let Some(name) = deleted(&plan.actions, |old| old.is_primary) {
        return Some(Refusal::PrimaryLoss { name: name.clone() });
    }
    // A plan may be shown to somebody who cannot list the account.
    let name = deleted(&plan.actions, |_| true).filter(|_| stage == Stage::Apply && !plan.user_seen)?;
    Some(Refusal::PrimaryUnknown { name: name.clone() })
}

fn managed(recorded: Option<&State>) -> usize {
    recorded.map_or(0, |state| state.records.len())
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
            Self::NewState { keys, first } => {
                let more = if *keys > 1 { format!(" and {} more", keys - 1) } else { String::new() };
                Phrase::new("there is no state, but the account has keys of the manifest: ").named(first).then(more)
            }
            Self::Deletes { rows, keys, managed } if rows == keys => {
                Phrase::new(format!("the plan deletes {keys} of {managed} managed keys"))
            }
            Self::Deletes { rows, keys, managed } => {
                Phrase::new(format!("the plan deletes {rows} rows, among them {keys} of {managed} managed keys"))
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
            Self::EmptyAccount { managed } => {
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
                Phrase::new("first apply the entry of this key without `protect: true`, or pass ")
                    .named(&words.join(" "))
            }
            Self::NewState { .. } => {
                Phrase::new("choose the state with --state; if there is none yet, pass ").named(&"--allow-new-state")
            }
            Self::Deletes { rows, .. } => {
                Phrase::new("check the manifest, or pass ").named(&format_args!("--allow-deletes {rows}"))
            }
            Self::PrimaryUnknown { .. } => Phrase::new("remove --offline, or pass ").named(&"--allow-primary-loss"),
            Self::EmptyAccount { .. } => Phrase::new("check the token; if the account was emptied on purpose, pass ")
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
