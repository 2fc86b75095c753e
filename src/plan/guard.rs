//! Guards: plans that look like a mistake are refused unless a flag allows them.

use std::collections::BTreeSet;

pub use super::refusal::Refusal;
use super::{Action, ActionKind, Change, OldKey, Plan, Reason, Sight};
use crate::names::KeyName;

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

/// Guards run twice: when a plan is shown, and before it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Plan,
    Apply,
}

/// Finds every guard that a plan trips and that no flag allows.
pub fn refusals(plan: &Plan, acknowledged: &Acknowledged, stage: Stage) -> Vec<Refusal> {
    let Acknowledged { deletes, primary_loss, empty_account, new_state, protected, unmanaged } = acknowledged;
    let mut refusals = Vec::new();
    refusals.extend(other_account(plan));
    refusals.extend(lost_state(plan).filter(|_| !new_state));
    refusals.extend(vanished(plan).filter(|_| !empty_account));
    refusals.extend(plan.violations.iter().cloned().map(|violation| Refusal::Policy { violation }));
    refusals.extend(unexpected_rows(plan).filter(|_| !unmanaged));
    refusals.extend(protected_keys(plan, protected));
    refusals.extend(many_deletions(plan, *deletes));
    refusals.extend(lost_primary(plan, stage).filter(|_| !primary_loss));
    refusals
}

fn other_account(plan: &Plan) -> Option<Refusal> {
    let (pinned, account) = (plan.pin.as_ref()?, plan.user_id.as_ref()?);
    (pinned != account).then(|| Refusal::Pin { pinned: pinned.clone(), account: account.clone() })
}

/// Without the state, the plan cannot delete the keys that were removed from the manifest since the last apply.
fn lost_state(plan: &Plan) -> Option<Refusal> {
    let is_listed = |action: &&Action| match &action.change {
        Change::Adopt { .. } => true,
        Change::Delete(_) => matches!(action.reason, Reason::Expired { .. }),
        Change::Upload(_)
        | Change::Update { .. }
        | Change::Replace { .. }
        | Change::Promote { .. }
        | Change::Forget(_) => false,
    };
    if plan.base.lineage.is_some() || !plan.refreshed {
        return None;
    }
    let left_out = plan.partial.iter().flat_map(|partial| &partial.left_out);
    let left_out = left_out.filter(|left| left.kind == ActionKind::Adopt).map(|left| &left.name);
    let names = plan.actions.iter().filter(is_listed).map(|action| &action.name);
    let names: BTreeSet<_> = names.chain(left_out).collect();
    let first = names.first()?;
    Some(Refusal::NewState { keys: names.len(), first: (*first).clone() })
}

fn vanished(plan: &Plan) -> Option<Refusal> {
    let managed = plan.managed;
    (plan.sight == Sight::Empty && managed > 0 && !plan.is_empty()).then_some(Refusal::EmptyAccount { managed })
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
    first_of_name.map(|action| Refusal::Protected { name: action.name.clone(), action: action.change.kind() }).collect()
}

fn many_deletions(plan: &Plan, allowed: usize) -> Option<Refusal> {
    let ids: BTreeSet<_> = plan.actions.iter().flat_map(deletions).map(|old| &old.id).collect();
    let recorded: BTreeSet<_> = plan.recorded.iter().map(|record| &record.id).collect();
    let (rows, keys, managed) = (ids.len(), ids.intersection(&recorded).count(), plan.managed);
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
    let name = deleted(&plan.actions, |_| true).filter(|_| stage == Stage::Apply && plan.sight != Sight::Rows)?;
    Some(Refusal::PrimaryUnknown { name: name.clone() })
}

/// Finds the first action that deletes a row for which `is_at_issue` returns true.
fn deleted(actions: &[Action], is_at_issue: impl Fn(&OldKey) -> bool) -> Option<&KeyName> {
    let deletes = |action: &&Action| match &action.change {
        Change::Delete(old) => is_at_issue(old),
        Change::Replace { old, .. } => old.iter().any(&is_at_issue),
        Change::Upload(_)
        | Change::Adopt { .. }
        | Change::Update { .. }
        | Change::Promote { .. }
        | Change::Forget(_) => false,
    };
    actions.iter().find(deletes).map(|action| &action.name)
}
