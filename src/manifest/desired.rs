//! The desired set: what all manifest files together say.

use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::glob::Glob;
use super::policy::{PolicyCheck, PolicyLevel, UnmanagedPolicy};
use super::source::Place;
use crate::names::{AccountName, KeyName, UserId};
use crate::public_key::{Fingerprint, KeyBlob, PublicKey};

/// The keys that the account should hold. Names and blobs are unique, no key is revoked, and at most one is primary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// The only account that may be acted on, if the manifest pins one.
    pub account: Option<UserId>,
    /// Sorted by name.
    pub keys: Vec<DesiredKey>,
    /// The keys that must not be on the account, sorted by fingerprint, each once.
    pub revoked: Vec<RevokedKey>,
    /// The checks of the policy that keys do not pass, sorted by name.
    pub violations: Vec<Violation>,
    /// Whether violations refuse the plan.
    pub policy_level: PolicyLevel,
    /// Whether unmanaged rows refuse the plan.
    pub unmanaged: UnmanagedPolicy,
    /// The names of unmanaged rows that are expected.
    pub unmanaged_except: Vec<Glob>,
    /// The manifest files, in the order in which they were named or found.
    pub files: Vec<PathBuf>,
}

/// One key that the account should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredKey {
    pub name: KeyName,
    pub key: PublicKey,
    /// The name on the account, if it is not `name`.
    pub account_name: Option<AccountName>,
    pub primary: bool,
    pub owner: Option<String>,
    /// The last day on which the key is wanted.
    pub expires: Option<Date>,
    /// Whether plans that would replace or delete the key are refused.
    pub protect: bool,
    /// The checks of the policy that the key need not pass.
    pub exempt: Vec<PolicyCheck>,
    /// The entry in the manifest: from its first field to the end of its last value, without the `-` before it.
    pub place: Place,
}

/// One key that must not be on the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedKey {
    pub fingerprint: Fingerprint,
    /// The key, unless the manifest has only its fingerprint. It may be one that [`PublicKey`] refuses as weak.
    pub blob: Option<KeyBlob>,
    pub reason: Option<String>,
    /// The entry in the manifest.
    pub place: Place,
}

/// A check of the policy that a key does not pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Violation {
    /// The name of the key.
    #[schemars(with = "String")]
    pub name: KeyName,
    pub check: PolicyCheck,
    /// What is wrong. Names the key.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Desired {
    /// Returns the violations that refuse the plan.
    pub fn refused_violations(&self) -> &[Violation] {
        match self.policy_level {
            PolicyLevel::Refuse => &self.violations,
            PolicyLevel::Warn => &[],
        }
    }

    /// Returns whether an unmanaged row with this name on the account is expected.
    pub fn expects_unmanaged(&self, account_name: &str) -> bool {
        self.unmanaged_except.iter().any(|glob| glob.matches(account_name))
    }
}

impl DesiredKey {
    /// Returns the name that the key gets on the account when it is uploaded.
    pub fn name_to_send(&self) -> &str {
        self.account_name.as_ref().map_or(self.name.as_str(), AccountName::as_str)
    }

    /// Returns whether the key is expired on `today`: from the day after `expires`.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}

/// Counts the days from `today` to `day`, negative if that is past.
pub(crate) fn days_until(today: Date, day: Date) -> i64 {
    today.duration_until(day).as_hours() / 24
}
