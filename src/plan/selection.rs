//! Selects actions of a complete plan.
//!
//! The plan is made first, from everything that is desired, so a key that is left out stays desired.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::{Action, ActionKind, Change};
use super::attribute::AttributeChange;
use super::note::listed;
use crate::names::KeyName;
use crate::public_key::{Fingerprint, KeyBlob};
use crate::terminal::phrase::Phrase;

/// Which actions to keep. An action is kept if every rule keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// Keep only actions on these keys, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub target: Vec<KeyName>,
    /// Leave out actions on these keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub exclude: Vec<KeyName>,
    /// Leave out actions that delete rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_deletes: bool,
    /// Keep only removals of keys whose recorded expiry has passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_expired: bool,
}

/// What a selection left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Partial {
    pub selection: Selection,
    /// At least one action, in the order of plans.
    #[schemars(length(min = 1))]
    pub left_out: Vec<LeftOutAction>,
}

/// An action that is not part of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeftOutAction {
    #[serde(rename = "action")]
    pub kind: ActionKind,
    #[schemars(with = "String")]
    pub name: KeyName,
    /// The fingerprint of the new key, or else of the old one.
    #[schemars(with = "String")]
    pub fingerprint: Fingerprint,
}

impl Selection {
    /// Divides actions into those to keep, and those that are left out or depend on one that is. Both in the order of plans.
    pub(super) fn divide(&self, actions: Vec<Action>) -> (Vec<Action>, Vec<Action>) {
        let (kept, mut left): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| self.keeps(action));
        let (dependent, independent): (Vec<_>, Vec<_>) = kept.into_iter().partition(|action| depends_on(action, &left));
        left.extend(dependent);
        left.sort_by(|a, b| a.order().cmp(&b.order()));
        (independent, left)
    }

    fn keeps(&self, action: &Action) -> bool {
        let Self { target, exclude, no_deletes, only_expired } = self;
        (target.is_empty() || is_on(action, target))
            && !is_on(action, exclude)
            && !(*no_deletes && action.change.deletes())
            && (!only_expired || action.is_expired_removal())
    }

    /// Whether actions on a key can be left out because of its name.
    pub(super) fn limits(&self, name: &KeyName) -> bool {
        !self.target.is_empty() && !self.target.contains(name) || self.exclude.contains(name)
    }

    /// Returns the flags, with the names of excluded keys.
    fn phrase(&self) -> Phrase {
        let Self { target, exclude, no_deletes, only_expired } = self;
        let mut flags = Vec::new();
        flags.extend((!target.is_empty()).then(|| listed(Phrase::new("--target "), target)));
        flags.extend((!exclude.is_empty()).then(|| listed(Phrase::new("--exclude "), exclude)));
        flags.extend(no_deletes.then(|| Phrase::new("--no-deletes")));
        flags.extend(only_expired.then(|| Phrase::new("--only-expired")));
        let mut phrase = Phrase::default();
        for (index, flag) in flags.into_iter().enumerate() {
            phrase = phrase.then(if index > 0 { " and " } else { "" }).followed_by(flag);
        }
        phrase
    }
}

impl Partial {
    /// Says which flags left out how much.
    pub fn phrase(&self) -> Phrase {
        let more = match self.left_out.len() {
            1 => "; 1 more change is left out".to_owned(),
            many => format!("; {many} more changes are left out"),
        };
        Phrase::new("limited by ").followed_by(self.selection.phrase()).then(more)
    }
}

impl LeftOutAction {
    pub(super) fn of(action: &Action) -> Self {
        Self { kind: action.change.kind(), name: action.name.clone(), fingerprint: action.change.blob().fingerprint() }
    }
}

/// Whether an action is on one of these keys, by its name now or before.
fn is_on(action: &Action, names: &[KeyName]) -> bool {
    let old = action.change.old_rows().iter().map(|old| &old.name);
    let renamed = action.attribute_changes().iter().filter_map(|change| match change {
        AttributeChange::Name { from, to: _ } => Some(from),
        _ => None,
    });
    old.chain(renamed).chain([&action.name]).any(|name| names.contains(name))
}

/// Whether an action needs the new row of another one, because it promotes that row, or deletes the only other row of a
/// desired key.
fn depends_on(action: &Action, left: &[Action]) -> bool {
    let places = |other: &&Action| other.change.new_key().is_some();
    let uploads = |other: &Action, key: &KeyBlob| {
        other.change.new_key().is_some_and(|new| new.key.blob() == key) && other.change.row().is_none()
    };
    match &action.change {
        Change::Promote { .. } => left.iter().filter(places).any(|other| other.name == action.name),
        Change::Delete(old) => old.mixed.iter().any(|key| left.iter().any(|other| uploads(other, key))),
        _ => false,
    }
}
