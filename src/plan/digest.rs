//! The digest of a plan: what was approved, in one word.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::file::{self, AccountFile};
use super::{Action, Plan};
use crate::names::KeyName;

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

/// What is hashed: all that would be done, and to whose account, as a saved plan has it. Reasons explain and decide
/// nothing; they stay out, and so does what else the account holds.
#[derive(Serialize)]
struct Essence<'p> {
    account: AccountFile,
    primary: Option<&'p KeyName>,
    #[serde(serialize_with = "without_reasons")]
    actions: &'p [Action],
}

pub(super) fn of(plan: &Plan) -> Digest {
    let essence = Essence { account: file::account_file(plan), primary: plan.primary.as_ref(), actions: &plan.actions };
    let mut hash = Sha256::new();
    // Hashing plain structs of texts and numbers has no way to fail.
    let _ = serde_json::to_writer(&mut hash, &essence);
    let mut text = "sha256:".to_owned();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Digest(text)
}

/// Makes up one action after the other: all of them at once take several times the memory of the plan itself.
fn without_reasons<S: Serializer>(actions: &[Action], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(actions.iter().map(|action| {
        let mut action = serde_json::to_value(file::action_file(action)).unwrap_or_default();
        if let Some(fields) = action.as_object_mut() {
            fields.remove("reason");
        }
        action
    }))
}
