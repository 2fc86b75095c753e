//! Recognises what is pasted or named instead of a public key: a private one above all, or one in another format.
//!
//! Nothing here gives back any part of the text.

use std::fmt;

use super::wire;

/// A format of private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateFormat {
    /// OpenSSH's own, which ssh-keygen writes by default.
    OpenSsh,
    /// PEM of one algorithm: `RSA`, `EC` or `DSA PRIVATE KEY`.
    Pem,
    /// PKCS#8, encrypted or not.
    Pkcs8,
    /// PuTTY's `.ppk`.
    Putty,
    /// Any other, such as that of ssh.com or PGP.
    Other,
}

/// A format of public keys that is not OpenSSH's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicFormat {
    /// RFC 4716: `---- BEGIN SSH2 PUBLIC KEY ----`.
    Rfc4716,
    /// PKCS#8, or rather X.509's `SubjectPublicKeyInfo`: `-----BEGIN PUBLIC KEY-----`.
    Pkcs8,
    /// PKCS#1: `-----BEGIN RSA PUBLIC KEY-----`.
    Pem,
    /// Any other armoured block, such as an X.509 certificate.
    Other,
}

/// What a text holds instead of an OpenSSH public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    Private(PrivateFormat),
    Public(PublicFormat),
}

impl Foreign {
    /// Looks through the whole text. A private key anywhere in it outweighs everything else.
    pub(super) fn find(text: &str) -> Option<Self> {
        let mut found = None;
        for hit in armoured(text).into_iter().chain(putty(text)).chain(bare(text)) {
            if matches!(hit, Self::Private(_)) {
                return Some(hit);
            }
            found = found.or(Some(hit));
        }
        found
    }
}

impl fmt::Display for PrivateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSsh => "OpenSSH's format",
            Self::Pem => "PEM",
            Self::Pkcs8 => "PKCS#8",
            Self::Putty => "PuTTY's format",
            Self::Other => "a format other than OpenSSH's",
        })
    }
}

impl fmt::Display for PublicFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rfc4716 => "RFC 4716 (SSH2)",
            Self::Pkcs8 => "PKCS#8",
            Self::Pem => "PEM",
            Self::Other => "an armoured block",
        })
    }
}

impl PublicFormat {
    /// What `ssh-keygen -i -m` calls it, if it can read it.
    pub(super) const fn conversion(self) -> Option<&'static str> {
        match self {
            Self::Rfc4716 => Some("RFC4716"),
            Self::Pkcs8 => Some("PKCS8"),
            Self::Pem => Some("PEM"),
            Self::Other => None,
        }
    }
}

/// Finds `-----BEGIN …-----` and `-----END …-----`, however quoted, indented, folded or interrupted.
fn armoured(text: &str) -> Vec<Foreign> {
    // A key on one line hardly has as many dashes: the common case costs one search.
    if text.matches('-').count() < 4 {
        return Vec::new();
    }
    let squeezed: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').map(|c| c.to_ascii_uppercase()).collect();
    ["--BEGIN", "--END"]
        .into_iter()
        .flat_map(|marker| squeezed.split(marker).skip(1))
        .filter_map(|rest| of_label(rest.get(..40).unwrap_or(rest).split('-').next()?))
        .collect()
}

/// Tells by the words between the dashes, their spaces left out, what an armoured block is.
fn of_label(label: &str) -> Option<Foreign> {
    let has = |words| label.contains(words);
    if has("PRIVATEKEY") {
        Some(Foreign::Private(match label {
            _ if has("OPENSSHPRIVATE") => PrivateFormat::OpenSsh,
            _ if has("RSAPRIVATE") || has("DSAPRIVATE") || has("ECPRIVATE") => PrivateFormat::Pem,
            _ if label.starts_with("PRIVATE") || label.starts_with("ENCRYPTEDPRIVATE") => PrivateFormat::Pkcs8,
            _ => PrivateFormat::Other,
        }))
    } else if has("PUBLICKEY") || has("CERTIFICATE") {
        Some(Foreign::Public(match label {
            _ if has("SSH2PUBLIC") => PublicFormat::Rfc4716,
            _ if has("RSAPUBLIC") => PublicFormat::Pem,
            _ if label.starts_with("PUBLIC") => PublicFormat::Pkcs8,
            _ => PublicFormat::Other,
        }))
    } else {
        None
    }
}

/// Finds the marks of a `.ppk` file: its first line, or those around its private half.
fn putty(text: &str) -> impl Iterator<Item = Foreign> {
    let marks = ["PuTTY-User-Key-File-", "Private-Lines:", "Private-MAC:"];
    marks.into_iter().filter(|mark| text.contains(*mark)).map(|_| Foreign::Private(PrivateFormat::Putty))
}

/// Finds the body of a key whose `BEGIN` and `END` lines were left away.
fn bare(text: &str) -> impl Iterator<Item = Foreign> {
    // The base64 of `openssh-key-v1`.
    let openssh = text.contains("b3BlbnNzaC1rZXktdjE").then_some(Foreign::Private(PrivateFormat::OpenSsh));
    // The first words of SSH protocol 1's file.
    let old = text.contains("SSH PRIVATE KEY FILE FORMAT").then_some(Foreign::Private(PrivateFormat::Other));
    // The base64 of an ASN.1 sequence.
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')));
    let der = words.filter(|word| word.starts_with('M') && word.len() >= 40).filter_map(|word| {
        let head = wire::decode_lenient(word.get(..40)?)?;
        of_der(&head)
    });
    openssh.into_iter().chain(old).chain(der)
}

/// Tells by its first bytes what a DER structure is: PKCS#1, SEC 1 and PKCS#8 begin with a version, their encrypted and
/// public forms with an algorithm.
fn of_der(der: &[u8]) -> Option<Foreign> {
    const PKCS: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];
    match sequence(der)? {
        [0x02, 0x01, 0x00 | 0x01, 0x30, ..] => Some(Foreign::Private(PrivateFormat::Pkcs8)),
        [0x02, 0x01, 0x00 | 0x01, ..] => Some(Foreign::Private(PrivateFormat::Pem)),
        [0x02, 0x01, 0x03, 0x30, ..] => Some(Foreign::Private(PrivateFormat::Other)),
        [0x02, 0x81 | 0x82, ..] => Some(Foreign::Public(PublicFormat::Pem)),
        algorithm => match sequence(algorithm)? {
            // PKCS#5 (1.2.840.113549.1.5) and PKCS#12 (…1.12) encrypt; PKCS#1 (…1.1) and the curves name a public key.
            [0x06, _, oid @ ..] => match oid.strip_prefix(&PKCS) {
                Some([0x05 | 0x0c, ..]) => Some(Foreign::Private(PrivateFormat::Pkcs8)),
                _ => Some(Foreign::Public(PublicFormat::Pkcs8)),
            },
            _ => None,
        },
    }
}

/// Strips tag and length of an ASN.1 sequence.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x30, 0x81, _, rest @ ..] | [0x30, 0x82, _, _, rest @ ..] | [0x30, 0..=0x7f, rest @ ..] => Some(rest),
        _ => None,
    }
}
