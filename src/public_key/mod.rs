//! Validated OpenSSH public keys, and the blobs that identify them.
//!
//! `scan` finds keys in other formats, `private` what belongs to private ones. `line` splits words, `prefix` explains a
//! first word that is not a type, `wire` reads the blob, `material` and `curve` check the numbers in it. `compromised`
//! looks for well-formed keys whose private key is not secret.

mod algorithm;
mod armor;
mod bare;
mod blob;
mod compromised;
mod content;
mod curve;
mod error;
mod format;
mod kind;
mod limits;
mod line;
mod material;
mod piece;
mod prefix;
pub mod private;
mod randomart;
mod scan;
mod sign;
mod wire;

use self::algorithm::{Algorithm, Label};
use self::curve::Curve;
use self::error::PublicKeyErrorKind as Kind;
use self::format::KeyFormat;
use self::line::Part;
use crate::terminal::escape::unsafe_chars;

pub use self::blob::{Fingerprint, KeyBlob};
pub use self::compromised::{Compromise, CompromiseCheck, CompromiseChecks, PrimeTests, compromised};
pub use self::content::KeyContent;
pub use self::error::{PublicKeyError, PublicKeyErrorKind};
pub use self::format::{PrivateFormat, PublicFormat};
pub use self::kind::KeyKind;
pub use self::limits::{MAX_RSA_BITS, MAX_TEXT_BYTES, MIN_RSA_BITS, WEAK_RSA_BITS};

/// A public key that passed all checks of [`PublicKey::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    blob: KeyBlob,
    comment: String,
    kind: KeyKind,
}

impl PublicKey {
    /// The accepted types, as [`KeyBlob::algorithm`] returns them.
    ///
    /// `webauthn-sk-ecdsa-sha2-nistp256@openssh.com` is accepted too, and read as `sk-ecdsa-…`, as OpenSSH does.
    pub const TYPES: [&str; 7] = [
        Algorithm::Ed25519.name(),
        Algorithm::SkEd25519.name(),
        Algorithm::Ecdsa(Curve::P256).name(),
        Algorithm::Ecdsa(Curve::P384).name(),
        Algorithm::Ecdsa(Curve::P521).name(),
        Algorithm::SkEcdsa.name(),
        Algorithm::Rsa.name(),
    ];

    /// Reads one line of OpenSSH's format: `type base64 [comment]`.
    ///
    /// White space, line ends, blank lines and `#` lines are read as OpenSSH reads them, so the text may be that of a
    /// `.pub` file. In the comment, tabs become spaces and trailing white space is dropped. Texts over
    /// [`MAX_TEXT_BYTES`] are refused.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let foreign = scan::first_format(text);
        if let Some(KeyFormat::Private(format)) = foreign {
            return Err(Kind::Private { format }.of_whole_text());
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(Kind::TooLong.of_whole_text());
        }
        if let Some(KeyFormat::Public(format)) = foreign {
            return Err(Kind::Foreign { format }.of_whole_text());
        }
        refuse_unsafe(text)?;
        let mut lines = line::lines(text);
        let line = lines.next().ok_or_else(|| Kind::Empty.of_whole_text())?;
        let (label, rest) = line.split_word();
        let (base64, comment) = rest.split_word();

        let algorithm = read_label(line, label, base64)?;
        let bytes = decode(label, base64)?;
        let bits = check(algorithm, &bytes, label, base64)?;
        if let Some(second) = second_key(comment) {
            return Err(Kind::Several.at(second.range()));
        }
        if let Some(next) = lines.next() {
            let at = next.range();
            return Err(match second_key(next) {
                Some(_) => Kind::Several.at(at),
                None => Kind::Lines.at(at),
            });
        }
        let blob = KeyBlob::from_parts(label.text, &bytes).ok_or_else(|| Kind::Encoding.at(base64.range()))?;
        Ok(Self { blob, comment: comment.text.replace('\t', " "), kind: KeyKind::new(algorithm, bits) })
    }

    pub fn blob(&self) -> &KeyBlob {
        &self.blob
    }

    /// The comment; empty if there is none.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The length in bits, as ssh-keygen counts it.
    pub fn bits(&self) -> u32 {
        self.kind.bits()
    }

    /// Whether the key is accepted with a warning: RSA of less than [`WEAK_RSA_BITS`].
    pub fn is_weak(&self) -> bool {
        self.kind.is_rsa() && self.kind.bits() < WEAK_RSA_BITS
    }

    /// Writes `type base64 [comment]` on one line, normalised.
    pub fn to_line(&self) -> String {
        let blob = self.blob.as_str();
        if self.comment.is_empty() { blob.to_owned() } else { [blob, " ", &self.comment].concat() }
    }
}

/// Refuses invisible characters, and those that change how others are shown, anywhere in the text.
fn refuse_unsafe(text: &str) -> Result<(), PublicKeyError> {
    match unsafe_chars(text).find(|(_, c)| !matches!(c, '\t' | '\r' | '\n')) {
        Some((start, character)) => Err(Kind::Character { character }.at(start..start + character.len_utf8())),
        None => Ok(()),
    }
}

fn read_label(line: Part<'_>, label: Part<'_>, base64: Part<'_>) -> Result<Algorithm, PublicKeyError> {
    let at = label.range();
    match Label::from_name(label.text) {
        Some(Label::Key(Algorithm::Dsa)) => Err(Kind::Dsa.at(at)),
        Some(Label::Key(algorithm) | Label::Signature(algorithm @ Algorithm::SkEcdsa)) => Ok(algorithm),
        Some(Label::Signature(algorithm)) => {
            Err(Kind::Type { name: Some(label.text.to_owned()), meant: Some(algorithm.name()) }.at(at))
        }
        Some(Label::Certificate) => Err(Kind::Certificate.at(at)),
        None => Err(prefix::explain(line, label, base64)),
    }
}

fn decode(label: Part<'_>, base64: Part<'_>) -> Result<Vec<u8>, PublicKeyError> {
    if base64.text.is_empty() {
        return Err(Kind::Missing.at(label.range()));
    }
    wire::decode_strict(base64.text).ok_or_else(|| {
        let is_foreign = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
        if let Some((offset, c)) = base64.text.char_indices().find(|&(_, c)| is_foreign(c)) {
            let start = base64.start + offset;
            return Kind::Base64.at(start..start + c.len_utf8());
        }
        // A truncated key rarely ends where base64 may end, so what can be decoded shows which of the two it is.
        let at = base64.range();
        if is_truncated(base64.text) { Kind::Truncated.at(at) } else { Kind::Base64.at(at) }
    })
}

/// Whether the part that can be decoded ends within a string.
fn is_truncated(base64: &str) -> bool {
    // One symbol alone in the last group is less than a byte.
    let whole = if base64.len() % 4 == 1 { base64.get(..base64.len() - 1) } else { Some(base64) };
    let Some(bytes) = whole.and_then(wire::decode_lenient) else {
        return false;
    };
    let mut rest = &bytes[..];
    while let Some((_, next)) = wire::first(rest) {
        rest = next;
    }
    !rest.is_empty()
}

fn check(algorithm: Algorithm, bytes: &[u8], label: Part<'_>, base64: Part<'_>) -> Result<u32, PublicKeyError> {
    let (inner, rest) = wire::first(bytes).ok_or_else(|| Kind::Truncated.at(base64.range()))?;
    let found = std::str::from_utf8(inner).ok().and_then(Label::from_name);
    match found {
        Some(Label::Key(inner) | Label::Signature(inner @ Algorithm::SkEcdsa)) if inner == algorithm => {
            material::check(algorithm, rest).map_err(|kind| kind.at(base64.range()))
        }
        Some(Label::Certificate) => Err(Kind::Certificate.at(base64.range())),
        Some(Label::Key(inner) | Label::Signature(inner)) if inner != algorithm => {
            Err(Kind::Label { label: algorithm.name(), data: Some(inner.name()) }.at(label.range()))
        }
        // `ssh-rsa` outside and `rsa-sha2-…` inside: ssh-keygen reads it, and no program writes it.
        Some(_) => Err(Kind::Encoding.at(base64.range())),
        None => Err(Kind::Label { label: algorithm.name(), data: None }.at(label.range())),
    }
}

/// Finds a word that is the base64 of a key, or looks like it and follows a type.
fn second_key(text: Part<'_>) -> Option<Part<'_>> {
    let mut after_type = false;
    text.words().find(|word| {
        let is_base64 = word.text.starts_with("AAAA") && (after_type || is_known_blob(word.text));
        after_type = Label::from_name(word.text).is_some();
        is_base64
    })
}

fn is_known_blob(base64: &str) -> bool {
    // The longest name of a type and its length fit into 96 symbols.
    let end = base64.len().min(96) / 4 * 4;
    let head = base64.get(..end).and_then(wire::decode_lenient);
    head.is_some_and(|bytes| {
        wire::first(&bytes)
            .is_some_and(|(name, _)| std::str::from_utf8(name).is_ok_and(|name| Label::from_name(name).is_some()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5tbsN8QMTUIGUyKcKetjtfPHnOTEhqTzOnWkFAsXwk";

    #[test]
    fn an_error_points_at_the_invalid_part() {
        let check = |text: &str, blamed: &str| {
            let error = PublicKey::parse(text).unwrap_err();
            assert_eq!(&text[error.at.clone().unwrap()], blamed, "{error}");
        };
        check(&format!("\n  from=\"10.0.0.0/8, a b\",no-pty {LINE}"), "from=\"10.0.0.0/8, a b\",no-pty");
        check(&format!("{LINE} ü\u{202e}x"), "\u{202e}");
        check(&format!("{LINE} x\r\n{LINE} y"), &format!("{LINE} y"));
        check(&LINE.replace("AAAIG5", "AAAIG-"), "-");
        check(&LINE.replace("AAAIG5", "AAAIGü"), "ü");
        check("ssh-rsa AAAA-BEGIN\u{e9}", "-");
        check("ssh-ed25519", "ssh-ed25519");
    }

    #[test]
    fn every_accepted_type_has_a_name_that_is_read_back() {
        for name in PublicKey::TYPES {
            assert!(matches!(Label::from_name(name), Some(Label::Key(_))), "{name}");
        }
    }
}
