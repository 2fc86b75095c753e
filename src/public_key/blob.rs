//! The blob that identifies a key, and its fingerprint.

use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::algorithm::{Algorithm, canonical_name};
use super::kind::KeyKind;
use super::{line, material, randomart, wire};
use crate::names::text_type;

/// Type and base64 of a public key, without its comment: `ssh-ed25519 AAAA…`. *The identity of a key.*
///
/// Well formed (one space, canonical base64, the type as its first string), but otherwise unchecked: a row of the account
/// may have a key that [`PublicKey`](super::PublicKey) refuses, and must still be matched. All spellings of a key have the
/// same blob: see [`KeyBlob::of_line`]. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyBlob(Arc<str>);

/// `SHA256:` and 43 characters of base64, as `ssh-keygen -l` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Fingerprint(Box<str>);

impl KeyBlob {
    /// Reads the first two words of a line, if they are a well-formed blob.
    ///
    /// Lenient, because others wrote it: normalises white space, missing padding and the names of signatures
    /// (`webauthn-sk-…`, `rsa-sha2-…`) that OpenSSH reads as the type of the key. Keys that are refused (DSA, short RSA,
    /// certificates) have a blob too. Blank lines and `#` lines before are skipped.
    pub fn of_line(line: &str) -> Option<Self> {
        let mut words = line::lines(line).next()?.words();
        let label = words.next()?.text;
        Self::from_parts(label, &wire::decode_lenient(words.next()?.text)?)
    }

    /// Accepts only the form that [`KeyBlob::as_str`] returns.
    fn new(text: &str) -> Result<Self, String> {
        Self::of_line(text)
            .filter(|blob| blob.as_str() == text)
            .ok_or_else(|| "not the type and the base64 of a public key, with one space between them".to_owned())
    }

    /// Builds a blob, if the bytes begin with the type that the label names.
    pub(super) fn from_parts(label: &str, bytes: &[u8]) -> Option<Self> {
        let (inner, rest) = wire::first(bytes)?;
        let name = canonical_name(label);
        let is_word = !inner.is_empty() && inner.iter().all(u8::is_ascii_graphic);
        if !is_word || canonical_name(std::str::from_utf8(inner).ok()?) != name {
            return None;
        }
        let base64 = if inner == name.as_bytes() {
            wire::encode(bytes)
        } else {
            let length = u32::try_from(name.len()).ok()?.to_be_bytes();
            wire::encode(&[&length, name.as_bytes(), rest].concat())
        };
        Some(Self([name, " ", &base64].concat().into()))
    }

    /// The type, such as `ssh-ed25519`.
    pub fn algorithm(&self) -> &str {
        self.parts().0
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let base64 = wire::encode(&Sha256::digest(self.bytes()));
        Fingerprint(["SHA256:", base64.trim_end_matches('=')].concat().into())
    }

    /// Draws the key as `ssh-keygen -lv` does: 11 lines of 19 columns.
    pub fn randomart(&self) -> [String; 11] {
        randomart::draw(self.kind(), &Sha256::digest(self.bytes()))
    }

    /// Returns the type and length, or `None` where OpenSSH does not know the type, or the key is a certificate.
    pub fn kind(&self) -> Option<KeyKind> {
        let algorithm = Algorithm::from_name(self.algorithm())?;
        let bytes = self.bytes();
        let (_, rest) = wire::first(&bytes)?;
        Some(KeyKind::new(algorithm, material::bits(algorithm, rest)?))
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once(' ').unwrap_or((&self.0, ""))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        wire::decode_lenient(self.parts().1).unwrap_or_default()
    }
}

impl Fingerprint {
    fn new(text: &str) -> Result<Self, String> {
        // The strict decoder needs the padding that ssh-keygen omits.
        let hash = text.strip_prefix("SHA256:").and_then(|base64| wire::decode_strict(&format!("{base64}=")));
        match hash {
            Some(hash) if hash.len() == 32 => Ok(Self(text.into())),
            _ => Err("not `SHA256:` and 43 characters of base64".to_owned()),
        }
    }
}

text_type!(KeyBlob, String);
text_type!(Fingerprint, String);

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5tbsN8QMTUIGUyKcKetjtfPHnOTEhqTzOnWkFAsXwk";

    #[test]
    fn white_space_and_comment_are_not_part_of_a_blob() {
        let blob = KeyBlob::of_line(LINE).unwrap();
        assert_eq!(blob.as_str(), LINE);
        assert_eq!(blob.algorithm(), "ssh-ed25519");
        let spelt = format!("\r\n# a comment\n \t{}  of alice\r\n", LINE.replace(' ', "\t "));
        assert_eq!(KeyBlob::of_line(&spelt), Some(blob));
    }

    #[test]
    fn only_the_canonical_form_is_deserialised() {
        assert!(KeyBlob::try_from(LINE.to_owned()).is_ok());
        for text in [format!("{LINE} alice"), LINE.replace(' ', "  "), format!("{LINE}\n"), String::new()] {
            assert!(KeyBlob::try_from(text.clone()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_fingerprint_is_deserialised_only_if_it_can_be_one() {
        let fingerprint = KeyBlob::of_line(LINE).unwrap().fingerprint();
        assert_eq!(fingerprint.as_str(), "SHA256:rn76MKXliTNG48iKxc1zEsEX4Hs3a3Zy6tUYzxkDDms");
        assert_eq!(Fingerprint::try_from(fingerprint.as_str().to_owned()), Ok(fingerprint.clone()));
        let mut text = fingerprint.as_str().to_owned();
        text.pop();
        assert!(Fingerprint::try_from(text.clone()).is_err(), "too short");
        // 43 symbols hold two bits more than 32 bytes.
        assert!(Fingerprint::try_from(text + "t").is_err(), "stray bits");
        assert!(Fingerprint::try_from(fingerprint.as_str().replace("SHA256", "SHA1")).is_err());
    }
}
