//! An OpenSSH public key that cannot be wrong, and the blob that identifies it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Type and base64 of a public key, without its comment: `ssh-ed25519 AAAA…`. *The identity of a key.*
///
/// Well formed (one space, canonical base64 whose first string is the type), but not judged: a row of the account may
/// hold a key that [`PublicKey`] refuses, and must still be matched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyBlob(Box<str>);

/// `SHA256:` and 43 characters of base64, as `ssh-keygen -l` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(Box<str>);

/// A public key that passed every check: see [`PublicKey::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    blob: KeyBlob,
    comment: String,
}

/// Why a text is no acceptable public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKeyError {}

impl PublicKeyError {
    /// A stable code, kebab case, such as `key-private`.
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// What to do about it.
    pub fn help(&self) -> String {
        todo!()
    }
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl PublicKey {
    /// Reads one line of OpenSSH's format: `type base64 [comment]`.
    pub fn parse(_text: &str) -> Result<Self, PublicKeyError> {
        todo!()
    }
    /// The identity of the key.
    pub fn blob(&self) -> &KeyBlob {
        &self.blob
    }
    /// The comment, or nothing.
    pub fn comment(&self) -> &str {
        &self.comment
    }
    /// The short name that ssh-keygen prints: `ED25519`, `RSA`, `ECDSA`, `ED25519-SK`, `ECDSA-SK`.
    pub fn kind(&self) -> &'static str {
        todo!()
    }
    /// The length in bits, as ssh-keygen prints it.
    pub fn bits(&self) -> u32 {
        todo!()
    }
    /// `type base64 [comment]` on one line, normalised.
    pub fn to_line(&self) -> String {
        todo!()
    }
}

impl KeyBlob {
    /// Takes the first two words of a line, if they are a well-formed blob.
    pub fn of_line(_line: &str) -> Option<Self> {
        todo!()
    }
    /// `type base64`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The type: `ssh-ed25519`.
    pub fn algorithm(&self) -> &str {
        todo!()
    }
    /// The SHA-256 fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        todo!()
    }
    /// The MD5 fingerprint as `ssh-keygen -E md5 -l` prints it: `MD5:` and 16 pairs of hex digits.
    pub fn md5_fingerprint(&self) -> String {
        todo!()
    }
    /// What ssh-keygen would print of it where its type is known: short name and bits.
    pub fn describe(&self) -> Option<(&'static str, u32)> {
        todo!()
    }
}

impl Fingerprint {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<KeyBlob> for String {
    fn from(blob: KeyBlob) -> Self {
        blob.0.into()
    }
}
impl TryFrom<String> for KeyBlob {
    type Error = String;
    fn try_from(_: String) -> Result<Self, String> {
        todo!()
    }
}
impl From<Fingerprint> for String {
    fn from(f: Fingerprint) -> Self {
        f.0.into()
    }
}
impl TryFrom<String> for Fingerprint {
    type Error = String;
    fn try_from(_: String) -> Result<Self, String> {
        todo!()
    }
}
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
