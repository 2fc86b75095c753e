//! The plan: what has to change so that the account is as the manifest says.
//!
//! A pure function of desired, recorded, observed and today's date: no I/O, no clock; same input, same bytes.

mod compare;
mod digest;
pub mod file;
pub mod guard;
mod phrase;
mod recheck;
pub mod saved;
pub mod words;
mod world;

use jiff::civil::Date;
use uuid::Uuid;

pub use compare::{Input, compare};
pub use digest::Digest;
pub use phrase::{Phrase, Piece};
pub use recheck::broken;

use crate::account::{Endpoint, Listing, Row};
use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::{KeyBlob, PublicKey};
use crate::state::{Origin, Record};

/// What an apply is to do, and on what ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The API whose account it changes.
    pub endpoint: Endpoint,
    /// Whose account it is, where a listing or the state tells.
    pub user_id: Option<UserId>,
    /// Whether the account itself has shown whose it is, and not the state alone.
    pub user_seen: bool,
    /// Whose account the manifest says it is.
    pub pin: Option<UserId>,
    /// The state it was made from.
    pub base: Base,
    /// Whether the account was listed, or only the state asked.
    pub refreshed: bool,
    /// What to do: by kind in the order of [`ActionKind`], then by name.
    pub actions: Vec<Action>,
    /// How many actions were left out, if only some keys were asked for.
    pub left_out: usize,
    /// The key that is to be the primary, if the manifest names one.
    pub primary: Option<KeyName>,
    /// How many desired keys are as they should be.
    pub unchanged: usize,
    /// How many keys are managed, before this plan.
    pub managed: usize,
    /// How many keys of the account are neither recorded nor desired. Never touched.
    pub unmanaged: usize,
    /// Where recorded and observed disagree, by name.
    pub drift: Vec<Drift>,
    /// What a reviewer should know besides.
    pub notes: Vec<Note>,
}

/// The state that a plan was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Which state; nothing if there was none.
    pub lineage: Option<Uuid>,
    /// Its serial; 0 if there was none.
    pub serial: u64,
}

/// One change, of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The key's name: in the manifest, or, for one that is no longer there, in the state.
    pub name: KeyName,
    /// What to do.
    pub change: Change,
    /// Why. Only for explaining: nothing is decided by it.
    pub reason: Reason,
    /// Whether the manifest protects the key from this.
    pub protected: bool,
}

/// What to do for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Upload it, and record the id.
    Upload(NewKey),
    /// Record a row that is there already. No request.
    Adopt {
        /// The key.
        key: NewKey,
        /// The row that holds it.
        row: AccountRow,
    },
    /// Put a key in the place of others, which go only once it is there.
    Replace {
        /// The key to be.
        key: NewKey,
        /// The row that holds it already; otherwise it is uploaded.
        row: Option<AccountRow>,
        /// The rows that are deleted afterwards. At least one.
        old: Vec<OldKey>,
        /// Whether the new row has to become the primary first, since an old one is.
        promote: bool,
    },
    /// Make it the primary.
    Promote {
        /// The key.
        blob: KeyBlob,
        /// Its row; nothing if this plan uploads it.
        id: Option<KeyId>,
        /// The primary of today, by its name on the account.
        instead_of: Option<String>,
    },
    /// Delete the row.
    Delete(OldKey),
    /// Drop it from the state. No request.
    Forget(OldKey),
}

/// A key that the manifest wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The key.
    pub key: PublicKey,
    /// Who owns it, by the manifest.
    pub owner: Option<String>,
    /// The last day on which it is wanted.
    pub expires: Option<Date>,
    /// Ids recorded for this very key whose rows are gone: dropped when the new id is recorded.
    pub stale: Vec<KeyId>,
}

/// A row of the account, as it is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub id: KeyId,
    /// The name of the row, which can differ from the key's name.
    pub account_name: String,
    pub created_at: Option<jiff::Timestamp>,
    /// `Uploaded` also if the run that uploaded it was killed before it could record it.
    pub origin: Origin,
}

/// A managed row that is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldKey {
    /// The name it is recorded under.
    pub name: KeyName,
    /// Its id.
    pub id: KeyId,
    /// Its key.
    pub blob: KeyBlob,
    /// Whether it is the primary, as far as was seen.
    pub is_primary: bool,
}

/// The kind of an action, in the order in which plans list them and apply does them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// `+`
    Upload,
    /// `=`
    Adopt,
    /// `±`
    Replace,
    /// `^`
    Promote,
    /// `-`
    Delete,
    /// `x`
    Forget,
}

/// Why an action is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Upload: the account does not have the key.
    Absent,
    /// Upload: it was recorded, and its row is gone.
    Gone,
    /// Upload, offline: the state does not have it.
    Unrecorded,
    /// Adopt: the account has it, the state does not.
    Present,
    /// Adopt: a run that did not end had uploaded it.
    Interrupted,
    /// Adopt: it was recorded under another id, whose row is gone.
    OtherId(KeyId),
    /// Adopt: the manifest now calls it as the account does.
    NameAgrees {
        /// What it was recorded as.
        from: KeyName,
    },
    /// Replace: the manifest has another key under the name.
    OtherKey,
    /// Replace: the manifest has the key under another name, and the API cannot rename.
    Renamed {
        /// The name that was given up.
        from: KeyName,
    },
    /// Promote: the manifest says so, the account has another primary or none.
    NotPrimary,
    /// Promote: the manifest says so, and the key is new.
    NewPrimary,
    /// Delete or forget: the manifest no longer has it.
    Undesired,
    /// Delete or forget: everything is to go.
    Destroyed,
    /// Delete or forget: it was wanted until that day.
    Expired(Date),
    /// Delete or forget: what a replacement by the key of that name left behind.
    LeftOver,
    /// Delete: a run that did not end had uploaded it, and the manifest no longer has it.
    Orphan,
    /// Delete or forget: another row holds the same key and is the recorded one from now on.
    Copy,
}

/// Where recorded and observed disagree: something else than keyform changed the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The name it is recorded under.
    pub name: KeyName,
    /// The id it is recorded under.
    pub id: KeyId,
    /// What changed.
    pub change: Drifted,
}

/// What changed behind keyform's back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drifted {
    /// The row is gone.
    Deleted,
    /// The row holds another key.
    OtherKey,
    /// The row has another name.
    Renamed {
        /// What it was called.
        from: String,
        /// What it is called.
        to: String,
    },
}

/// What a reviewer should know besides the actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A wanted key has its last day soon: within [`EXPIRES_SOON_DAYS`](crate::manifest::EXPIRES_SOON_DAYS).
    ExpiresSoon {
        /// The key.
        name: KeyName,
        /// The day.
        last: Date,
        /// How many days there are until then; 0 if it is today.
        days: i64,
    },
    /// The account holds a desired key more than once; the surplus rows are unmanaged.
    Copies {
        /// The key.
        name: KeyName,
        /// The rows that are left alone.
        ids: Vec<KeyId>,
    },
    /// The listing has rows that show no key; whether they hold a desired one cannot be told.
    Unreadable {
        /// How many.
        rows: usize,
    },
    /// Uploads whose end is unknown wait for a plan that lists the account.
    Pending {
        /// The keys.
        names: Vec<KeyName>,
    },
    /// Without a listing nobody knows which key is the primary.
    PrimaryUnknown,
}

impl AccountRow {
    pub fn new(row: &Row, origin: Origin) -> Self {
        Self { id: row.id.clone(), account_name: row.name.clone(), created_at: row.created_at, origin }
    }

    /// Builds the record of a key that is in this row.
    pub fn record(&self, name: &KeyName, blob: &KeyBlob) -> Record {
        let Self { id, account_name, created_at, origin } = self;
        Record {
            name: name.clone(),
            id: id.clone(),
            public_key: blob.clone(),
            fingerprint: blob.fingerprint(),
            account_name: (account_name != name.as_str()).then(|| account_name.clone()),
            origin: *origin,
            created_at: *created_at,
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// How many actions there are of a kind.
    pub fn count(&self, kind: ActionKind) -> usize {
        self.actions.iter().filter(|action| action.change.kind() == kind).count()
    }

    /// Whether a row was there when the plan was made, with a desired key in it, and is nobody's to take.
    pub fn knows_copy(&self, id: &KeyId) -> bool {
        self.notes.iter().any(|note| matches!(note, Note::Copies { ids, .. } if ids.contains(id)))
    }

    /// Leaves out what concerns other keys than these: neither by their names, nor by the names they had.
    pub fn limit_to(&mut self, names: &[KeyName]) {
        let before = self.actions.len();
        self.actions.retain(|action| {
            let olds = match &action.change {
                Change::Replace { old, .. } => old.as_slice(),
                _ => &[],
            };
            names.contains(&action.name) || olds.iter().any(|old| names.contains(&old.name))
        });
        self.left_out = before - self.actions.len();
        if self.primary.as_ref().is_some_and(|primary| !names.contains(primary)) {
            self.primary = None;
        }
    }

    /// Looks again which of the old rows is the primary: a plan that was made without a listing could not.
    pub fn see(&mut self, observed: &Listing) {
        self.user_seen = observed.user_id().is_some();
        let primary = observed.primary().map(|row| &row.id);
        for action in &mut self.actions {
            let olds = match &mut action.change {
                Change::Delete(old) | Change::Forget(old) => std::slice::from_mut(old),
                Change::Replace { old, .. } => old.as_mut_slice(),
                Change::Upload(_) | Change::Adopt { .. } | Change::Promote { .. } => &mut [],
            };
            for old in olds {
                old.is_primary = Some(&old.id) == primary;
            }
        }
    }

    /// A digest over the actions and the account: the same on every machine for the same change.
    pub fn digest(&self) -> Digest {
        digest::of(self)
    }
}

impl Action {
    /// Sorts actions into the order of a plan. Only deletions of one name and key differ by their ids alone.
    fn order(&self) -> (ActionKind, &KeyName, &KeyBlob, Option<&KeyId>) {
        let id = match &self.change {
            Change::Delete(old) | Change::Forget(old) => Some(&old.id),
            Change::Upload(_) | Change::Adopt { .. } | Change::Replace { .. } | Change::Promote { .. } => None,
        };
        (self.change.kind(), &self.name, self.change.blob(), id)
    }
}

impl Change {
    /// Its kind.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Upload(_) => ActionKind::Upload,
            Self::Adopt { .. } => ActionKind::Adopt,
            Self::Replace { .. } => ActionKind::Replace,
            Self::Promote { .. } => ActionKind::Promote,
            Self::Delete(_) => ActionKind::Delete,
            Self::Forget(_) => ActionKind::Forget,
        }
    }

    /// Whether it ends with a row being deleted.
    pub fn deletes(&self) -> bool {
        matches!(self, Self::Replace { .. } | Self::Delete(_))
    }

    /// The key that it is about: the one to be, where there is one.
    pub fn blob(&self) -> &KeyBlob {
        match self {
            Self::Upload(new) | Self::Adopt { key: new, .. } | Self::Replace { key: new, .. } => new.key.blob(),
            Self::Promote { blob, .. } => blob,
            Self::Delete(old) | Self::Forget(old) => &old.blob,
        }
    }
}

impl ActionKind {
    /// Every kind, in order.
    pub const ALL: [Self; 6] = [Self::Upload, Self::Adopt, Self::Replace, Self::Promote, Self::Delete, Self::Forget];

    /// The sign it is shown by.
    pub fn glyph(self) -> char {
        match self {
            Self::Upload => '+',
            Self::Adopt => '=',
            Self::Replace => '±',
            Self::Promote => '^',
            Self::Delete => '-',
            Self::Forget => 'x',
        }
    }

    /// Its name, as in the design and in JSON.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Adopt => "adopt",
            Self::Replace => "replace",
            Self::Promote => "promote",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }
}

impl Reason {
    /// A stable word for it, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Gone => "gone",
            Self::Unrecorded => "unrecorded",
            Self::Present => "present",
            Self::Interrupted => "interrupted",
            Self::OtherId(_) => "other-id",
            Self::NameAgrees { .. } => "name-agrees",
            Self::OtherKey => "other-key",
            Self::Renamed { .. } => "renamed",
            Self::NotPrimary => "not-primary",
            Self::NewPrimary => "new-primary",
            Self::Undesired => "undesired",
            Self::Destroyed => "destroyed",
            Self::Expired(_) => "expired",
            Self::LeftOver => "left-over",
            Self::Orphan => "orphan",
            Self::Copy => "copy",
        }
    }
}
