//! The state as a file: JSON, version 1, pretty-printed, keys sorted by name, so that a commit of it diffs well.

use std::collections::HashMap;
use std::path::Path;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use uuid::Uuid;

use super::{Record, State, StateError};
use crate::account::Endpoint;
use crate::names::{KeyName, UserId};
use crate::public_key::KeyBlob;
use crate::terminal::json;

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// What keyform recorded of an account. Written by keyform alone; commit it, do not edit it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "keyform state", extend("$id" = "https://keyform.invalid/schema/state.schema.json"))]
pub struct StateFile {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u64,
    /// Tells this state from every other.
    #[schemars(with = "String", extend("format" = "uuid"))]
    lineage: Uuid,
    /// Counts the applies that changed it.
    serial: u64,
    /// The API whose account it describes.
    #[schemars(with = "String", extend("format" = "uri"))]
    endpoint: Endpoint,
    /// Whose account it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    user_id: Option<UserId>,
    /// The managed keys, sorted by name.
    keys: Vec<Record>,
    /// Uploads whose end is unknown; the next listing of the account settles them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Pending>,
}

/// An upload whose end is unknown.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pending {
    /// The name that the key is to have.
    #[schemars(with = "String")]
    name: KeyName,
    /// Type and base64 of the key.
    #[schemars(with = "String")]
    public_key: KeyBlob,
}

/// The JSON Schema of the format.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(StateFile).to_value()
}

/// Writes a state as text, with a line feed at its end.
pub fn to_text(state: &State) -> String {
    let mut pending: Vec<_> = state
        .pending
        .iter()
        .map(|(public_key, name)| Pending { name: name.clone(), public_key: public_key.clone() })
        .collect();
    pending.sort_by(|a, b| (&a.name, &a.public_key).cmp(&(&b.name, &b.public_key)));
    let file = StateFile {
        version: VERSION,
        lineage: state.lineage,
        serial: state.serial,
        endpoint: state.endpoint.clone(),
        user_id: state.user_id.clone(),
        keys: state.sorted().into_iter().cloned().collect(),
        pending,
    };
    json::pretty(&file)
}

/// Reads a state from text; `path` is for the error.
pub fn from_text(text: &[u8], path: &Path) -> Result<State, StateError> {
    let path = || path.to_path_buf();
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(StateError::Empty { path: path() });
    }
    let file: StateFile = serde_json::from_slice(text).map_err(|error| match error.classify() {
        Category::Eof => StateError::Truncated { path: path(), line: error.line(), column: error.column() },
        _ => match newer_version(text) {
            Some(found) => StateError::NewerVersion { path: path(), found, known: VERSION },
            None => StateError::Foreign { path: path(), problem: error.to_string() },
        },
    })?;
    if file.version > VERSION {
        return Err(StateError::NewerVersion { path: path(), found: file.version, known: VERSION });
    }
    if file.version < 1 {
        return Err(StateError::Foreign { path: path(), problem: "its version is 0".to_owned() });
    }
    let twice = |what: String| StateError::Duplicate { path: path(), what };
    let mut records = IndexMap::with_capacity(file.keys.len());
    // Ids tell rows apart, and nothing else does. One name may stand here twice, for an old key and its heir; one key,
    // for an old name and the new one; even both, for a row that is gone and the one that took its place.
    for record in file.keys {
        if record.public_key.fingerprint() != record.fingerprint {
            return Err(StateError::Fingerprint { path: path(), name: record.name.to_string() });
        }
        if let Some(twin) = records.insert(record.id.clone(), record) {
            return Err(twice(format!("the id {}", twin.id)));
        }
    }
    let mut pending = HashMap::new();
    for Pending { name, public_key } in file.pending {
        if let Some(twin) = pending.insert(public_key, name) {
            return Err(twice(format!("the pending upload of {twin}")));
        }
    }
    Ok(State {
        lineage: file.lineage,
        serial: file.serial,
        endpoint: file.endpoint,
        user_id: file.user_id,
        records,
        pending,
    })
}

/// A format of the future need not fit today's struct; its version still tells.
fn newer_version(text: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    serde_json::from_slice::<Versioned>(text).ok().map(|file| file.version).filter(|&version| version > VERSION)
}

#[cfg(test)]
mod tests;
