//! What one manifest file says, before all files are checked together.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::policy::{Policy, PolicyCheck};
use super::tree::Spanned;
use crate::names::{AccountName, KeyName, UserId};
use crate::public_key::{Fingerprint, KeyBlob, PublicKey};

#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) file: Arc<Path>,
    /// Present if the file has an `account`, with `None` if its user is invalid.
    pub(crate) account: Option<Spanned<Option<UserId>>>,
    pub(crate) policy: Option<Spanned<Policy>>,
    pub(crate) keys: KeyList,
    pub(crate) revoked: Vec<RevokedEntry>,
}

/// The `keys` of one file.
#[derive(Debug)]
pub(crate) enum KeyList {
    Listed(Vec<Entry>),
    /// The file has no `keys`; what to underline for that.
    Missing(Range<usize>),
    /// The file could not be read whole, so it may have `keys`.
    Unknown,
}

impl Contents {
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.keys {
            KeyList::Listed(entries) => entries,
            KeyList::Missing(_) | KeyList::Unknown => &[],
        }
    }
}

/// One entry of `keys`. Missing and invalid fields are `None`.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The whole entry, from its first field on.
    pub(crate) range: Range<usize>,
    /// The part to underline for the entry as a whole.
    pub(crate) head: Range<usize>,
    pub(crate) name: Option<Spanned<KeyName>>,
    pub(crate) key: Option<Spanned<PublicKey>>,
    pub(crate) owner: Optional<String>,
    pub(crate) expires: Optional<Spanned<Date>>,
    pub(crate) account_name: Option<AccountName>,
    pub(crate) primary: Option<Spanned<bool>>,
    pub(crate) protect: Option<Spanned<bool>>,
    pub(crate) exempt: Vec<PolicyCheck>,
}

/// One entry of `revoked`. Missing and invalid fields are `None`.
#[derive(Debug)]
pub(crate) struct RevokedEntry {
    /// The whole entry, from its first field on.
    pub(crate) range: Range<usize>,
    /// With the place of the field that has it.
    pub(crate) fingerprint: Option<Spanned<Fingerprint>>,
    pub(crate) blob: Option<KeyBlob>,
    pub(crate) reason: Option<String>,
}

/// A field that a policy may require. An invalid one is not reported as missing too.
#[derive(Debug)]
pub(crate) enum Optional<T> {
    Missing,
    Invalid,
    Present(T),
}

impl<T> Optional<T> {
    /// Takes what was read of a field that is there.
    pub(crate) fn present(read: Option<T>) -> Self {
        read.map_or(Self::Invalid, Self::Present)
    }

    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Missing | Self::Invalid => None,
        }
    }
}
