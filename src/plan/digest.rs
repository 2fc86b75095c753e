//! The digest of a plan: what a reviewer approves.
//!
//! It covers the account, the primary after apply, and each action with its key, rows, names, owners, expiries and
//! protection. It leaves out reasons, notes and counts, the time and origin of rows, and removals of keys whose recorded
//! expiry has passed, which were approved with that expiry.
//!
//! It is the SHA-256 of JSON Lines: a header, then one line for each action, with every field in the order below. A change
//! of the contents or their form needs a new [`DIGEST_VERSION`].

use std::fmt::{self, Write as _};
use std::str::FromStr;

use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Plan;
use super::action::{Action, Change};
use super::attribute::AttributeChange;
use super::key::{AccountRow, NamedRow, NewKey, OldKey};
use super::primary::Primary;
use crate::account::Endpoint;
use crate::names::{AccountName, KeyId, KeyName, UserId};
use crate::public_key::KeyBlob;

const DIGEST_VERSION: u64 = 1;

/// `sha256:` and 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest(String);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestHeader<'p> {
    version: u64,
    endpoint: &'p Endpoint,
    user_id: Option<&'p UserId>,
    pinned_user_id: Option<&'p UserId>,
    primary: Option<Primary>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestAction<'p> {
    action: &'static str,
    name: &'p KeyName,
    key: Option<DigestKey<'p>>,
    row: Option<DigestRow<'p>>,
    /// Whether the key becomes the primary.
    promotes: bool,
    /// The key that becomes the primary without being recorded.
    promoted: Option<DigestPromoted<'p>>,
    old: Vec<DigestOld<'p>>,
}

/// A key that is recorded, with its comment, which is uploaded too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestKey<'p> {
    public_key: String,
    account_name: Option<&'p str>,
    owner: Option<&'p str>,
    expires: Option<Date>,
    protect: bool,
    changes: &'p [AttributeChange],
    stale_ids: &'p [KeyId],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestRow<'p> {
    id: &'p KeyId,
    account_name: &'p str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestPromoted<'p> {
    public_key: &'p KeyBlob,
    owner: Option<&'p str>,
    row: Option<DigestRow<'p>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestOld<'p> {
    name: &'p KeyName,
    id: &'p KeyId,
    account_name: &'p str,
    public_key: &'p KeyBlob,
    mixed_keys: &'p [KeyBlob],
    owner: Option<&'p str>,
    expires: Option<Date>,
    protect: bool,
}

impl Plan {
    /// Computes the digest. The same changes of the same account have the same digest on every machine.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        hash_line(
            &mut hash,
            &DigestHeader {
                version: DIGEST_VERSION,
                endpoint: &self.endpoint,
                user_id: self.user_id.as_ref(),
                pinned_user_id: self.pin.as_ref(),
                primary: self.primary_after(),
            },
        );
        for action in self.actions.iter().filter(|action| !action.is_expired_removal()) {
            hash_line(&mut hash, &DigestAction::of(action));
        }
        let mut text = "sha256:".to_owned();
        for byte in hash.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        Digest(text)
    }
}

impl<'p> DigestAction<'p> {
    fn of(Action { name, change, reason: _ }: &'p Action) -> Self {
        let promoted = match change {
            Change::Promote { blob, row, owner } => Some(DigestPromoted {
                public_key: blob,
                owner: owner.as_deref(),
                row: row.as_ref().map(|NamedRow { id, account_name }| DigestRow { id, account_name }),
            }),
            _ => None,
        };
        Self {
            action: change.kind().verb(),
            name,
            key: change.new_key().map(DigestKey::of),
            row: change.row().map(DigestRow::of),
            promotes: change.promotes(),
            promoted,
            old: change.old_rows().iter().map(DigestOld::of).collect(),
        }
    }
}

impl<'p> DigestKey<'p> {
    fn of(key: &'p NewKey) -> Self {
        let NewKey { key, account_name, owner, expires, protect, changes, stale } = key;
        Self {
            public_key: key.to_line(),
            account_name: account_name.as_ref().map(AccountName::as_str),
            owner: owner.as_deref(),
            expires: *expires,
            protect: *protect,
            changes,
            stale_ids: stale,
        }
    }
}

impl<'p> DigestRow<'p> {
    fn of(AccountRow { id, account_name, created_at: _, origin: _ }: &'p AccountRow) -> Self {
        Self { id, account_name }
    }
}

impl<'p> DigestOld<'p> {
    fn of(old: &'p OldKey) -> Self {
        // Which one is the primary is in the header, as the primary after apply.
        let OldKey { name, id, account_name, blob, mixed, owner, expires, has_expired: _, protect, is_primary: _ } =
            old;
        Self {
            name,
            id,
            account_name,
            public_key: blob,
            mixed_keys: mixed,
            owner: owner.as_deref(),
            expires: *expires,
            protect: *protect,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    /// Parses the output of [`fmt::Display`].
    fn from_str(text: &str) -> Result<Self, String> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be `sha256:` and 64 hex digits, as printed by plan".to_owned())
        }
    }
}

fn hash_line(hash: &mut Sha256, value: &impl Serialize) {
    // Writing structs of texts and numbers into a hash cannot fail.
    let _ = serde_json::to_writer(&mut *hash, value);
    hash.update(b"\n");
}
