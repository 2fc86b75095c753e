//! The plan as JSON: for programs, for policies, and for saved plans.
//!
//! Fingerprints, sentences, counts and the digest are derived, for its readers. A saved plan is only accepted if they match
//! its actions, so that what was reviewed is what is applied.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::action::{Action, ActionKind, Change};
use super::explained::{Explained, check_derived};
use super::key::{NamedRow, UnmanagedRow};
use super::note::{Drift, Note};
use super::refusal::ExplainedRefusal;
use super::selection::Partial;
use super::{Base, Plan, Sight};
use crate::account::Endpoint;
use crate::manifest::{Glob, Violation};
use crate::names::{CommitId, KeyName, NAME_PATTERN, StackName, UserId};
use crate::public_key::private;
use crate::state::Record;
use crate::terminal::json;

pub const FORMAT_VERSION: u64 = 1;

/// The changes that keyform plans for an account, with reasons. Contains no secrets.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "keyform plan", extend("$id" = "https://keyform.invalid/schema/plan.schema.json"))]
pub struct PlanDocument<'p> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    format_version: u64,
    /// The version of keyform that wrote the plan.
    keyform: Cow<'static, str>,
    /// The label of the manifest, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = NAME_PATTERN))]
    stack: Option<StackName>,
    /// The commit with the manifest, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9A-Fa-f]{7,64}$"))]
    commit: Option<CommitId>,
    /// The base URL of the API.
    #[schemars(with = "String", extend("format" = "uri"))]
    endpoint: Endpoint,
    /// The owner of the account, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    user_id: Option<UserId>,
    /// The owner of the account that the manifest requires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pinned_user_id: Option<UserId>,
    /// The state that the plan was made from.
    state: Base,
    /// Whether the account was listed. If not, the manifest was compared with the state only.
    refreshed: bool,
    /// The digest of the actions and the account.
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    digest: String,
    counts: Counts,
    /// What flags left out of the plan. Missing if the plan is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partial: Option<Partial>,
    /// The key that the manifest makes the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    primary: Option<KeyName>,
    /// The row that is the primary before apply. Missing if no key is the primary, or if the account was not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    primary_row: Option<NamedRow>,
    /// The actions, in the order in which they are shown.
    #[serde(deserialize_with = "read_actions")]
    actions: Cow<'p, [Action]>,
    /// The rows of the account that are neither recorded nor desired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unmanaged: Vec<UnmanagedRow>,
    /// Whether the policy refuses unmanaged rows that it does not expect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refuses_unmanaged: bool,
    /// The names of unmanaged rows that the policy expects.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    unmanaged_except: Cow<'p, [Glob]>,
    /// The checks of the policy that keys do not pass, and that refuse the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation>,
    /// The records of the keys that the actions change, by name, then id.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    recorded: Cow<'p, [Record]>,
    /// Differences between the account and the state.
    drift: Vec<Explained<Drift>>,
    /// Notes for the reviewer.
    warnings: Vec<Explained<Note>>,
    /// Why the plan is refused: the guards and the checks of the policy that no flag allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<ExplainedRefusal>,
    /// The arguments of `keyform apply` that make the same plan.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    apply_arguments: Cow<'p, [String]>,
}

/// The number of actions of each kind, and the number of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Counts {
    upload: usize,
    adopt: usize,
    update: usize,
    replace: usize,
    promote: usize,
    delete: usize,
    forget: usize,
    /// Desired keys that need no action.
    unchanged: usize,
    /// Keys in the state before this plan.
    managed: usize,
    /// Keys of the account that are neither recorded nor desired.
    unmanaged: usize,
}

#[derive(Debug, Error)]
pub enum PlanFileError {
    #[error("the file is empty")]
    Empty,
    #[error("the plan is truncated: {0}")]
    Truncated(serde_json::Error),
    #[error("not a plan saved by keyform: {}", json::problem(.0))]
    Invalid(serde_json::Error),
    #[error("not a plan saved by keyform: {}", json::WIDE)]
    Utf16,
    /// Git has left the markers of a merge conflict in it. Holds the first marker's line.
    #[error("the file contains Git conflict markers, the first in line {0}")]
    Conflict(usize),
    /// A private key was pasted into it. Holds the line.
    #[error("the file contains a private key, in line {0}")]
    PrivateKey(usize),
    #[error("this is a state, not a plan")]
    State,
    #[error("this is the result of an apply, not a plan")]
    Outcome,
    #[error("the plan has the format version {0}; this version of keyform supports {FORMAT_VERSION}")]
    Version(u64),
    #[error("the plan was changed after it was saved: its digest does not match its contents")]
    Tampered,
}

/// Returns the JSON Schema of the format.
pub fn schema() -> Value {
    schemars::schema_for!(PlanDocument<'static>).to_value()
}

/// Writes a plan as JSON, with a line feed at its end.
pub fn to_text(plan: &Plan) -> String {
    json::pretty(&plan.document())
}

/// Reads a saved plan.
///
/// # Errors
/// If the plan is invalid, or its derived fields do not match its actions. [`broken`](super::broken) checks whether it still
/// fits the account and the state.
pub fn from_text(text: &[u8]) -> Result<Plan, PlanFileError> {
    let text = json::without_mark(text);
    check_kind(text)?;
    let PlanDocument {
        format_version: _,
        keyform: _,
        stack,
        commit,
        endpoint,
        user_id,
        pinned_user_id,
        state,
        refreshed,
        digest,
        counts,
        partial,
        primary,
        primary_row,
        actions,
        unmanaged,
        refuses_unmanaged,
        unmanaged_except,
        violations,
        recorded,
        drift,
        warnings,
        refusals,
        apply_arguments,
    } = serde_json::from_slice(text)?;
    let plan = Plan {
        stack,
        commit,
        endpoint,
        user_id,
        sight: Sight::Unseen,
        pin: pinned_user_id,
        base: state,
        refreshed,
        actions: actions.into_owned(),
        partial,
        primary,
        primary_row,
        unchanged: counts.unchanged,
        managed: counts.managed,
        unmanaged,
        refuses_unmanaged,
        unmanaged_except: unmanaged_except.into_owned(),
        violations,
        recorded: recorded.into_owned(),
        drift: drift.into_iter().map(|explained| explained.value).collect(),
        notes: warnings.into_iter().map(|explained| explained.value).collect(),
        refusals: refusals.into_iter().map(|explained| explained.refusal).collect(),
        arguments: apply_arguments.into_owned(),
    };
    let is_whole = plan.refreshed || plan.primary_row.is_none();
    if digest != plan.digest().to_string() || counts != plan.counts() || !is_whole {
        return Err(PlanFileError::Tampered);
    }
    Ok(plan)
}

/// Recognizes other files by their fields, and plans of another version.
fn check_kind(text: &[u8]) -> Result<(), PlanFileError> {
    /// Fields of a plan, a state, and the result of an apply.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct FileKind {
        format_version: Option<u64>,
        lineage: Option<IgnoredAny>,
        success: Option<IgnoredAny>,
    }
    if text.trim_ascii().is_empty() {
        return Err(PlanFileError::Empty);
    }
    if let Some(line) = private::first_line(text) {
        return Err(PlanFileError::PrivateKey(line));
    }
    if json::is_wide(text) {
        return Err(PlanFileError::Utf16);
    }
    if let Some(line) = json::conflict_line(text) {
        return Err(PlanFileError::Conflict(line));
    }
    match serde_json::from_slice(text)? {
        FileKind { lineage: Some(_), .. } => Err(PlanFileError::State),
        FileKind { success: Some(_), .. } => Err(PlanFileError::Outcome),
        FileKind { format_version: Some(version), .. } if version != FORMAT_VERSION => {
            Err(PlanFileError::Version(version))
        }
        FileKind { .. } => Ok(()),
    }
}

impl PlanFileError {
    /// Says what to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::State => "name the file that `keyform plan --out FILE` wrote; `keyform state list` shows a state",
            Self::Outcome => "extract its plan with `jq .plan`",
            Self::Version(version) if *version > FORMAT_VERSION => "install the version of keyform that saved it",
            Self::PrivateKey(_) => {
                "nothing of it is shown; create the plan again, and replace the key wherever it is used"
            }
            Self::Utf16 => "convert it to UTF-8, or write it with `keyform plan --out FILE`",
            Self::Conflict(_) => "do not merge plans: create a new one with `keyform plan --out FILE`",
            Self::Empty | Self::Truncated(_) | Self::Invalid(_) | Self::Version(_) | Self::Tampered => {
                "create it again with `keyform plan --out FILE`"
            }
        }
    }
}

impl From<serde_json::Error> for PlanFileError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::Truncated(error) } else { Self::Invalid(error) }
    }
}

impl Plan {
    /// Returns the plan as it is written to JSON.
    pub fn document(&self) -> PlanDocument<'_> {
        let Self {
            stack,
            commit,
            endpoint,
            user_id,
            sight: _,
            pin,
            base,
            refreshed,
            actions,
            partial,
            primary,
            primary_row,
            unchanged: _,
            managed: _,
            unmanaged,
            refuses_unmanaged,
            unmanaged_except,
            violations,
            recorded,
            drift,
            notes,
            refusals,
            arguments,
        } = self;
        PlanDocument {
            format_version: FORMAT_VERSION,
            keyform: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
            stack: stack.clone(),
            commit: commit.clone(),
            endpoint: endpoint.clone(),
            user_id: user_id.clone(),
            pinned_user_id: pin.clone(),
            state: base.clone(),
            refreshed: *refreshed,
            digest: self.digest().to_string(),
            counts: self.counts(),
            partial: partial.clone(),
            primary: primary.clone(),
            primary_row: primary_row.clone(),
            actions: Cow::Borrowed(actions),
            unmanaged: unmanaged.clone(),
            refuses_unmanaged: *refuses_unmanaged,
            unmanaged_except: Cow::Borrowed(unmanaged_except),
            violations: violations.clone(),
            recorded: Cow::Borrowed(recorded),
            drift: drift.iter().cloned().map(Explained::new).collect(),
            warnings: notes.iter().cloned().map(Explained::new).collect(),
            refusals: refusals.iter().cloned().map(ExplainedRefusal::new).collect(),
            apply_arguments: Cow::Borrowed(arguments),
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            upload: self.count(ActionKind::Upload),
            adopt: self.count(ActionKind::Adopt),
            update: self.count(ActionKind::Update),
            replace: self.count(ActionKind::Replace),
            promote: self.count(ActionKind::Promote),
            delete: self.count(ActionKind::Delete),
            forget: self.count(ActionKind::Forget),
            unchanged: self.unchanged,
            managed: self.managed,
            unmanaged: self.unmanaged.len(),
        }
    }
}

/// An action from a file, in which the derived fields match the action and no other fields exist.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct CheckedAction(Action);

impl TryFrom<Value> for CheckedAction {
    type Error = String;

    fn try_from(shown: Value) -> Result<Self, String> {
        let named = || shown.get("name").and_then(Value::as_str).unwrap_or("an unnamed key").to_owned();
        let action = Action::deserialize(&shown).map_err(|error| format!("invalid action on {}: {error}", named()))?;
        let fits = match &action.change {
            Change::Replace { old, .. } => !old.is_empty(),
            Change::Delete(old) | Change::Forget(old) => old.name == action.name,
            Change::Update { key, .. } => !key.changes.is_empty(),
            Change::Upload(_) | Change::Adopt { .. } | Change::Promote { .. } => true,
        };
        if !fits {
            return Err(format!("the fields of the action on {} contradict each other", action.name));
        }
        check_derived(&action, &shown)
            .map_err(|_| format!("the details of the action on {} do not match what it does", action.name))?;
        Ok(Self(action))
    }
}

/// Reads and checks one action at a time, because all of them as [`Value`]s take several times the memory of the plan.
fn read_actions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [Action]>, D::Error> {
    let checked = Vec::<CheckedAction>::deserialize(deserializer)?;
    Ok(checked.into_iter().map(|CheckedAction(action)| action).collect())
}
