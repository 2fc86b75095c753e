//! The description of a lock, as Terraform writes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::store::LockHolder;
use crate::terminal::escape::escape_to;

/// How much of another process's description is shown, in characters.
const MAX_HOLDER_CHARS: usize = 200;

/// What a process sends to lock a state. GitLab requires every field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LockInfo {
    #[serde(rename = "ID")]
    pub(super) id: String,
    operation: &'static str,
    info: &'static str,
    who: String,
    version: &'static str,
    created: String,
    path: String,
}

/// What a server says of the lock that a state has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HeldLockInfo {
    #[serde(rename = "ID")]
    pub(super) id: Option<String>,
    who: Option<String>,
    created: Option<String>,
}

impl LockInfo {
    /// Describes a lock of `holder` with a new id.
    pub(super) fn new(holder: &LockHolder, path: String) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            operation: "keyform",
            info: "",
            who: holder.who.clone(),
            version: env!("CARGO_PKG_VERSION"),
            created: holder.since.to_string(),
            path,
        }
    }

    pub(super) fn with_new_id(&self) -> Self {
        Self { id: Uuid::new_v4().to_string(), ..self.clone() }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Serializing a plain struct into memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl HeldLockInfo {
    /// Reads the body of a response. Not every server describes the lock in it.
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// Says who has the lock, since when, and for how long.
    pub(super) fn describe(&self, now: Timestamp) -> String {
        let who = self.who.as_deref().filter(|who| !who.is_empty()).map(|who| escape_to(who, MAX_HOLDER_CHARS));
        let who = who.map_or_else(|| "another process".to_owned(), std::borrow::Cow::into_owned);
        let Some(since) = self.created.as_deref().and_then(|created| created.parse::<Timestamp>().ok()) else {
            return who;
        };
        let minutes = now.duration_since(since).as_mins();
        let age = if minutes < 1 { String::new() } else { format!(" ({minutes} min ago)") };
        format!("{}{age}", LockHolder { who, since })
    }
}
