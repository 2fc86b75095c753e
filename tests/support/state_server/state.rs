//! What a server keeps of a state.

use serde_json::Value;

/// A state with all of its versions. A lock never expires.
#[derive(Debug, Clone, Default)]
pub struct StoredState {
    pub versions: Vec<Vec<u8>>,
    /// The lock as the process that has it described it.
    pub lock: Option<Value>,
    /// The user that has the lock.
    pub locked_by: String,
}

impl StoredState {
    pub fn latest(&self) -> Option<&[u8]> {
        self.versions.last().map(Vec::as_slice)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.latest().unwrap_or_default().to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(self.latest().unwrap()).unwrap()
    }

    pub fn serials(&self) -> Vec<u64> {
        self.versions.iter().filter_map(|version| serial(version)).collect()
    }

    pub fn lock_id(&self) -> Option<&str> {
        self.lock.as_ref()?.get("ID")?.as_str()
    }

    /// Whether a request with this id may write: the id of the lock, or none if there is no lock.
    pub(super) fn accepts(&self, id: Option<&str>) -> bool {
        self.lock_id() == id
    }
}

/// The serial of a version: all that a server reads of it.
pub(super) fn serial(version: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(version).ok()?.get("serial")?.as_u64()
}
