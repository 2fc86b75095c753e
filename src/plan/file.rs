//! A plan as JSON: for programs, for policies, and to be saved.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountRow, Action, ActionKind, Change, Drift, Drifted, NewKey, Note, OldKey, Plan, Reason, words};
use crate::account::Endpoint;
use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::{Fingerprint, KeyBlob};
use crate::state::Origin;
use crate::terminal::sanitize;

/// The version of the format that is written.
pub const FORMAT_VERSION: u64 = 1;

/// What keyform is going to change on an account, and why. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "keyform plan", extend("$id" = "https://keyform.invalid/schema/plan.schema.json"))]
pub struct PlanFile {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub format_version: u64,
    /// The version of the keyform that wrote it.
    pub keyform: String,
    /// The account that it changes.
    pub account: AccountFile,
    /// The state that it was made from.
    pub state: BaseFile,
    /// Whether the account was listed. Without that only manifest and state were compared.
    pub refreshed: bool,
    /// The digest over the actions and the account.
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: String,
    /// How many keys there are of each sort.
    pub counts: Counts,
    /// How many actions were left out, if only some keys were asked for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// The key that is to be the primary, if the manifest names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub primary: Option<KeyName>,
    /// What to do, in the order in which it is shown.
    pub actions: Vec<ActionFile>,
    /// Where the state and the account disagree.
    pub drift: Vec<DriftFile>,
    /// What a reviewer should know besides.
    pub warnings: Vec<Warning>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountFile {
    /// The API that it is on.
    #[schemars(with = "String", extend("format" = "uri"))]
    pub endpoint: Endpoint,
    /// Whose it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub user_id: Option<UserId>,
    /// Whose the manifest says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub pinned_user_id: Option<UserId>,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseFile {
    /// Which one; nothing if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lineage: Option<Uuid>,
    /// Its serial.
    pub serial: u64,
}

/// How many keys there are of each sort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Counts {
    /// Actions of this kind.
    pub upload: usize,
    /// Actions of this kind.
    pub adopt: usize,
    /// Actions of this kind.
    pub replace: usize,
    /// Actions of this kind.
    pub promote: usize,
    /// Actions of this kind.
    pub delete: usize,
    /// Actions of this kind.
    pub forget: usize,
    /// Desired keys that are as they should be.
    pub unchanged: usize,
    /// Keys in the state, before this plan.
    pub managed: usize,
    /// Keys of the account that are neither recorded nor desired.
    pub unmanaged: usize,
}

/// One change, of one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActionFile {
    /// What to do.
    pub action: ActionKind,
    /// The key's name.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// Why.
    pub reason: ReasonFile,
    /// Whether the manifest protects the key from this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The managed rows that go.
    pub before: Vec<BeforeFile>,
    /// What is there afterwards; nothing for what goes.
    pub after: Option<AfterFile>,
}

/// Why an action is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReasonFile {
    /// A stable word for it.
    pub code: String,
    /// The same for people.
    pub text: String,
    /// The name that the key had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub from: Option<KeyName>,
    /// The id that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub id: Option<KeyId>,
    /// The last day on which it was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub until: Option<Date>,
}

/// A managed row that goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BeforeFile {
    /// The name it is recorded under.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// Its id.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// Whether it is the primary, as far as was seen.
    pub is_primary: bool,
    /// Its key.
    #[serde(flatten)]
    pub key: KeyFile,
}

/// A key as it is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AfterFile {
    /// The id of the row that holds it already; nothing if it is to be uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub id: Option<KeyId>,
    /// The name of that row on the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// When that row was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created_at: Option<Timestamp>,
    /// Whether keyform itself uploaded that row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uploaded: bool,
    /// Whether this action makes it the primary.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promote: bool,
    /// The name of the primary that gives way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The key.
    #[serde(flatten)]
    pub key: KeyFile,
    /// Its comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Who owns it, by the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day on which it is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub expires: Option<Date>,
    /// Ids recorded for it whose rows are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub stale_ids: Vec<KeyId>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyFile {
    /// Type and base64, without a comment.
    #[schemars(with = "String")]
    pub public_key: KeyBlob,
    /// The fingerprint, as `ssh-keygen -l` prints it.
    #[schemars(with = "String")]
    pub fingerprint: Fingerprint,
    /// The type, as `ssh-keygen -l` prints it, where it is known.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The length, as `ssh-keygen -l` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
}

/// A disagreement between state and account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DriftFile {
    /// The name it is recorded under.
    #[schemars(with = "String")]
    pub name: KeyName,
    /// The id it is recorded under.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// `deleted`, `other-key` or `renamed`.
    pub code: String,
    /// The same for people.
    pub text: String,
}

/// Something a reviewer should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Warning {
    /// A stable word for it.
    pub code: String,
    /// The same for people.
    pub text: String,
}

impl KeyFile {
    /// Describes a key.
    pub fn of(blob: &KeyBlob) -> Self {
        let (kind, bits) = blob.describe().unzip();
        Self { public_key: blob.clone(), fingerprint: blob.fingerprint(), kind: kind.map(str::to_owned), bits }
    }
}

/// Describes a plan for programs.
pub fn describe(plan: &Plan) -> PlanFile {
    let Plan {
        endpoint: _,
        user_id: _,
        user_seen: _,
        pin: _,
        base,
        refreshed,
        actions,
        primary,
        unchanged,
        managed,
        unmanaged,
        left_out,
        drift,
        notes,
    } = plan;
    PlanFile {
        format_version: FORMAT_VERSION,
        keyform: env!("CARGO_PKG_VERSION").to_owned(),
        account: account_file(plan),
        state: BaseFile { lineage: base.lineage, serial: base.serial },
        refreshed: *refreshed,
        digest: plan.digest().to_string(),
        counts: Counts {
            upload: plan.count(ActionKind::Upload),
            adopt: plan.count(ActionKind::Adopt),
            replace: plan.count(ActionKind::Replace),
            promote: plan.count(ActionKind::Promote),
            delete: plan.count(ActionKind::Delete),
            forget: plan.count(ActionKind::Forget),
            unchanged: *unchanged,
            managed: *managed,
            unmanaged: *unmanaged,
        },
        left_out: *left_out,
        primary: primary.clone(),
        actions: actions.iter().map(action_file).collect(),
        drift: drift.iter().map(drift_file).collect(),
        warnings: notes.iter().map(warning).collect(),
    }
}

/// The JSON Schema of the format.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PlanFile).to_value()
}

/// Writes a plan as JSON, with a line feed at its end.
pub fn to_text(plan: &Plan) -> String {
    sanitize::json(&describe(plan))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

pub(super) fn account_file(plan: &Plan) -> AccountFile {
    AccountFile { endpoint: plan.endpoint.clone(), user_id: plan.user_id.clone(), pinned_user_id: plan.pin.clone() }
}

pub(super) fn action_file(action: &Action) -> ActionFile {
    let Action { name, change, reason, protected } = action;
    let (before, after) = match change {
        Change::Upload(key) => (Vec::new(), Some(after(key, None, false))),
        Change::Adopt { key, row } => (Vec::new(), Some(after(key, Some(row), false))),
        Change::Replace { key, row, old, promote } => {
            (old.iter().map(before).collect(), Some(after(key, row.as_ref(), *promote)))
        }
        Change::Promote { blob, id, instead_of } => (
            Vec::new(),
            Some(AfterFile {
                id: id.clone(),
                account_name: None,
                created_at: None,
                uploaded: false,
                promote: true,
                instead_of: instead_of.clone(),
                key: KeyFile::of(blob),
                comment: String::new(),
                owner: None,
                expires: None,
                stale_ids: Vec::new(),
            }),
        ),
        Change::Delete(old) | Change::Forget(old) => (vec![before(old)], None),
    };
    ActionFile {
        action: change.kind(),
        name: name.clone(),
        reason: reason_file(reason),
        protected: *protected,
        before,
        after,
    }
}

fn reason_file(reason: &Reason) -> ReasonFile {
    let (from, id, until) = match reason {
        Reason::NameAgrees { from } | Reason::Renamed { from } => (Some(from.clone()), None, None),
        Reason::OtherId(id) => (None, Some(id.clone()), None),
        Reason::Expired(last) => (None, None, Some(*last)),
        _ => (None, None, None),
    };
    ReasonFile { code: reason.code().to_owned(), text: words::reason(reason).to_string(), from, id, until }
}

fn before(old: &OldKey) -> BeforeFile {
    let OldKey { name, id, blob, is_primary } = old;
    BeforeFile { name: name.clone(), id: id.clone(), is_primary: *is_primary, key: KeyFile::of(blob) }
}

fn after(key: &NewKey, row: Option<&AccountRow>, promote: bool) -> AfterFile {
    let NewKey { key, owner, expires, stale } = key;
    AfterFile {
        id: row.map(|row| row.id.clone()),
        account_name: row.map(|row| row.account_name.clone()),
        created_at: row.and_then(|row| row.created_at),
        uploaded: row.is_some_and(|row| row.origin == Origin::Uploaded),
        promote,
        instead_of: None,
        key: KeyFile::of(key.blob()),
        comment: key.comment().to_owned(),
        owner: owner.clone(),
        expires: *expires,
        stale_ids: stale.clone(),
    }
}

fn drift_file(drift: &Drift) -> DriftFile {
    let code = match &drift.change {
        Drifted::Deleted => "deleted",
        Drifted::OtherKey => "other-key",
        Drifted::Renamed { .. } => "renamed",
    };
    DriftFile {
        name: drift.name.clone(),
        id: drift.id.clone(),
        code: code.to_owned(),
        text: words::drift(drift).to_string(),
    }
}

fn warning(note: &Note) -> Warning {
    let code = match note {
        Note::ExpiresSoon { .. } => "expires-soon",
        Note::Copies { .. } => "copies",
        Note::Unreadable { .. } => "unreadable",
        Note::Pending { .. } => "pending",
        Note::PrimaryUnknown => "primary-unknown",
    };
    Warning { code: code.to_owned(), text: words::note(note).to_string() }
}
