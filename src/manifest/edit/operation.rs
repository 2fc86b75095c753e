//! One change of a manifest.

use std::path::Path;
use std::sync::Arc;

use crate::manifest::desired::{DesiredKey, RevokedKey};
use crate::names::KeyName;

/// One change of the manifest. The places of the given keys are not used.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Adds entries to `keys` of a file.
    Add { file: Arc<Path>, keys: Vec<DesiredKey> },
    /// Makes the entry with this name say what `key` says, except for `exempt`.
    Update { name: KeyName, key: Box<DesiredKey> },
    /// Removes entries of `keys`.
    Remove(Vec<KeyName>),
    /// Adds entries to `revoked` of a file.
    Revoke { file: Arc<Path>, keys: Vec<RevokedKey> },
}

impl Edit {
    /// Returns the keys that the edit adds.
    pub(super) fn new_keys(&self) -> &[DesiredKey] {
        match self {
            Self::Add { keys, .. } => keys,
            Self::Update { key, .. } => std::slice::from_ref(key),
            Self::Remove(_) | Self::Revoke { .. } => &[],
        }
    }
}
