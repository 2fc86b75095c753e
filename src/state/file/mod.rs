//! The format of a state's file: JSON, version 1, pretty-printed, keys sorted by name, so that commits have small diffs.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use uuid::Uuid;

use super::error::StateErrorKind;
use super::last_apply::LastApply;
use super::model::State;
use super::pending::Pending;
use super::record::Record;
use crate::account::Endpoint;
use crate::names::{KeyId, UserId};
use crate::public_key::private;
use crate::terminal::json;

/// The version that is written, and the newest that can be read.
pub const VERSION: u64 = 1;

/// The largest serial: the largest number that every reader of JSON keeps exactly.
pub(super) const MAX_SERIAL: u64 = (1 << 53) - 1;

/// The largest serial of a state that a run can continue. It saves the state a few times.
pub(super) const MAX_CONTINUED_SERIAL: u64 = MAX_SERIAL - 1000;

/// The keys of an account that keyform manages. Written by keyform; commit it, but do not edit it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "keyform state", extend("$id" = "https://keyform.invalid/schema/state.schema.json"))]
pub struct StateFile {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u64,
    /// Identifies this state.
    #[schemars(with = "String", extend("format" = "uuid"))]
    lineage: Uuid,
    /// Increases with each save.
    serial: u64,
    /// The API of the account.
    #[schemars(with = "String", extend("format" = "uri"))]
    endpoint: Endpoint,
    /// The user of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    user_id: Option<UserId>,
    /// The managed keys, sorted by name.
    keys: Vec<Record>,
    /// Rows that others have replaced and that are still to be deleted, sorted by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<Record>,
    /// Uploads whose outcome is unknown, sorted by name. The next run that lists the account settles them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Pending>,
    /// The row that was the primary before these uploads. If one of them took its place, it is promoted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    former_primary: Option<KeyId>,
    /// The latest writes to the account, which a listing may not show yet.
    #[serde(default, skip_serializing_if = "LastApply::is_empty")]
    last_apply: LastApply,
}

/// Returns the JSON Schema of the format.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(StateFile).to_value()
}

/// Writes a state, with a line feed at its end.
pub fn to_text(state: &State) -> String {
    let mut pending: Vec<_> = state.pending.values().cloned().collect();
    pending.sort_by(|a, b| (&a.name, &a.public_key).cmp(&(&b.name, &b.public_key)));
    let file = StateFile {
        version: VERSION,
        lineage: state.lineage,
        serial: state.serial,
        endpoint: state.endpoint.clone(),
        user_id: state.user_id.clone(),
        keys: state.sorted().into_iter().cloned().collect(),
        replaced: state.replaced.values().cloned().collect(),
        pending,
        former_primary: state.former_primary.clone(),
        last_apply: state.last_apply.clone(),
    };
    json::pretty(&file)
}

/// Reads a state, with or without a byte order mark.
pub fn from_text(text: &[u8]) -> Result<State, StateErrorKind> {
    let text = json::without_mark(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(StateErrorKind::Empty);
    }
    if let Some(line) = private::first_line(text) {
        return Err(StateErrorKind::PrivateKey { line });
    }
    let file: StateFile = serde_json::from_slice(text).map_err(|error| {
        if let Some(line) = json::conflict_line(text) {
            return StateErrorKind::Conflict { line };
        }
        match error.classify() {
            Category::Eof => StateErrorKind::Truncated { line: error.line(), column: error.column() },
            _ if json::is_wide(text) => StateErrorKind::Foreign { problem: json::WIDE.to_owned() },
            _ if is_terraform(text) => StateErrorKind::Foreign { problem: "it is a state of Terraform".to_owned() },
            _ => match newer_version(text) {
                Some(found) => StateErrorKind::NewerVersion { found, known: VERSION },
                None => StateErrorKind::Foreign { problem: json::problem(&error) },
            },
        }
    })?;
    if file.version > VERSION {
        return Err(StateErrorKind::NewerVersion { found: file.version, known: VERSION });
    }
    if file.version < 1 {
        return Err(StateErrorKind::Foreign { problem: "its version is 0".to_owned() });
    }
    if file.serial > MAX_SERIAL {
        return Err(StateErrorKind::Foreign { problem: format!("its serial is greater than {MAX_SERIAL}") });
    }
    let mut records = IndexMap::with_capacity(file.keys.len());
    // Only ids are unique. A name or a key occurs twice if a run was killed while it replaced a row.
    for record in file.keys {
        check_fingerprint(&record)?;
        if let Some(twin) = records.insert(record.id.clone(), record) {
            return Err(StateErrorKind::Duplicate { what: format!("the id {}", twin.id) });
        }
    }
    let mut replaced = BTreeMap::new();
    for record in file.replaced {
        check_fingerprint(&record)?;
        let twin = records.get(&record.id).map(|twin| twin.id.clone());
        let twin = twin.or_else(|| replaced.insert(record.id.clone(), record).map(|twin: Record| twin.id));
        if let Some(id) = twin {
            return Err(StateErrorKind::Duplicate { what: format!("the id {id}") });
        }
    }
    let mut pending = HashMap::new();
    for upload in file.pending {
        if let Some(twin) = pending.insert(upload.public_key.clone(), upload) {
            return Err(StateErrorKind::Duplicate { what: format!("the pending upload of {}", twin.name) });
        }
    }
    Ok(State {
        lineage: file.lineage,
        serial: file.serial,
        endpoint: file.endpoint,
        user_id: file.user_id,
        records,
        replaced,
        pending,
        former_primary: file.former_primary,
        last_apply: file.last_apply,
    })
}

fn check_fingerprint(record: &Record) -> Result<(), StateErrorKind> {
    if record.public_key.fingerprint() == record.fingerprint {
        return Ok(());
    }
    Err(StateErrorKind::Fingerprint { name: record.name.to_string() })
}

/// Returns the version of a newer format, which the structs above need not fit.
fn newer_version(text: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    serde_json::from_slice::<Versioned>(text).ok().map(|file| file.version).filter(|&version| version > VERSION)
}

/// Whether a text is a state of Terraform, which can be at the same kind of URL.
fn is_terraform(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Terraform {
        #[serde(rename = "terraform_version")]
        _version: String,
    }
    serde_json::from_slice::<Terraform>(text).is_ok()
}

#[cfg(test)]
mod tests;
