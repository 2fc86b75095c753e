//! States for this module's tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::entry::JournalEntry;
use super::model::State;
use super::pending::{Pending, UploadRequest};
use super::record::{Origin, Record};
use crate::account::Endpoint;
use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::KeyBlob;

/// Makes a well-formed blob, a different one for each number.
pub(super) fn blob(number: u32) -> KeyBlob {
    let mut bytes = Vec::new();
    for field in [b"ssh-ed25519".as_slice(), &[number.to_be_bytes(); 8].concat()] {
        bytes.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        bytes.extend(field);
    }
    KeyBlob::of_line(&format!("ssh-ed25519 {}", STANDARD.encode(bytes))).unwrap()
}

pub(super) fn name(number: u32) -> KeyName {
    KeyName::new(format!("key-{number}")).unwrap()
}

pub(super) fn record(number: u32) -> Record {
    Record {
        name: name(number),
        id: KeyId::new(format!("row-{number}")).unwrap(),
        public_key: blob(number),
        fingerprint: blob(number).fingerprint(),
        row_name: None,
        account_name: None,
        owner: None,
        expires: None,
        protect: false,
        origin: Origin::Uploaded,
        created_at: None,
    }
}

pub(super) fn intend(number: u32) -> JournalEntry {
    let request = UploadRequest { at: "2026-11-27T10:00:00Z".parse().unwrap(), timeout_seconds: 30 };
    JournalEntry::Intend(Pending {
        name: name(number),
        public_key: blob(number),
        sent_name: name(number).to_string(),
        account_name: None,
        owner: None,
        expires: None,
        protect: false,
        before: Vec::new(),
        requests: vec![request],
        id: None,
    })
}

/// Makes a state with a record for each number.
pub(super) fn state(serial: u64, numbers: &[u32]) -> State {
    let endpoint = Endpoint::parse("https://api.example.com").unwrap();
    let mut state = State { serial, ..State::new(Uuid::from_u128(1), endpoint) };
    state.user_id = Some(UserId::new("user-1").unwrap());
    for &number in numbers {
        state.apply(JournalEntry::Record(record(number)));
    }
    state
}
