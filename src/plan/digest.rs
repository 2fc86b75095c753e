//! The digest of a plan: what was approved, in one word.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Action, Change, OldKey, Plan, ReplaceOrder};
use crate::names::{KeyId, KeyName, UserId};

/// `sha256:` and 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    /// Takes the text that [`fmt::Display`] gives.
    fn from_str(text: &str) -> Result<Self, String> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a digest is sha256: and 64 hex digits, as plan prints it".to_owned())
        }
    }
}

/// What is hashed: what would be done, and to whose account. Reasons explain and decide nothing; they stay out.
#[derive(Serialize)]
struct Essence<'a> {
    endpoint: String,
    user: Option<&'a str>,
    pin: Option<&'a str>,
    primary: Option<&'a str>,
    actions: Vec<Deed<'a>>,
}

#[derive(Serialize)]
struct Deed<'a> {
    action: &'static str,
    name: &'a str,
    key: String,
    row: Option<&'a str>,
    promote: bool,
    delete_first: bool,
    protected: bool,
    old: Vec<(&'a str, &'a str)>,
    stale: Vec<&'a str>,
}

pub(super) fn of(plan: &Plan) -> Digest {
    let essence = Essence {
        endpoint: plan.endpoint.to_string(),
        user: plan.user_id.as_ref().map(UserId::as_str),
        pin: plan.pin.as_ref().map(UserId::as_str),
        primary: plan.primary.as_ref().map(KeyName::as_str),
        actions: plan.actions.iter().map(deed).collect(),
    };
    // Writing plain structs of texts into memory has no way to fail.
    let bytes = serde_json::to_vec(&essence).unwrap_or_default();
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(&bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    Digest(text)
}

fn deed(action: &Action) -> Deed<'_> {
    fn pair(old: &OldKey) -> (&str, &str) {
        (old.id.as_str(), old.blob.as_str())
    }
    let Action { name, change, reason: _, protected } = action;
    let (key, row, promote, old) = match change {
        Change::Upload(new) => (new.key.to_line(), None, false, Vec::new()),
        Change::Adopt { key, row } => (key.key.to_line(), Some(&row.id), false, Vec::new()),
        Change::Replace { key, row, old, promote, order: _ } => {
            (key.key.to_line(), row.as_ref().map(|row| &row.id), *promote, old.iter().map(pair).collect())
        }
        Change::Promote { blob, id, instead_of: _ } => (blob.as_str().to_owned(), id.as_ref(), true, Vec::new()),
        Change::Delete(old) | Change::Forget(old) => (old.blob.as_str().to_owned(), None, false, vec![pair(old)]),
    };
    let stale = match change {
        Change::Upload(key) | Change::Adopt { key, .. } | Change::Replace { key, .. } => key.stale.as_slice(),
        Change::Promote { .. } | Change::Delete(_) | Change::Forget(_) => &[],
    };
    Deed {
        action: change.kind().verb(),
        name: name.as_str(),
        key,
        row: row.map(KeyId::as_str),
        promote,
        delete_first: matches!(change, Change::Replace { order: ReplaceOrder::DeleteFirst, .. }),
        protected: *protected,
        old,
        stale: stale.iter().map(KeyId::as_str).collect(),
    }
}
