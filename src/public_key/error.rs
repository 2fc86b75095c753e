//! Why a text is not an acceptable public key.

use std::ops::Range;

use super::format::{PrivateFormat, PublicFormat};
use super::limits::{MAX_RSA_BITS, MAX_TEXT_BYTES, MIN_RSA_BITS};
use crate::terminal::escape::describe;

/// Why a text is not an acceptable public key, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct PublicKeyError {
    pub kind: PublicKeyErrorKind,
    /// The bytes at fault, within the text; `None` where the whole text is.
    pub at: Option<Range<usize>>,
}

/// Why a text is not an acceptable public key.
///
/// No variant contains any of the text, except for the names of key types and a single invisible character: a private
/// key or a password in the text appears in no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyErrorKind {
    #[error("no public key: the text is empty, or holds comments only")]
    Empty,
    #[error("longer than any public key: over {} KiB", MAX_TEXT_BYTES / 1024)]
    TooLong,
    #[error("a private key, in {format}")]
    Private { format: PrivateFormat },
    #[error("not in OpenSSH's format of one line, but in {format}")]
    Foreign { format: PublicFormat },
    #[error("the path of a file, not a public key")]
    Path,
    #[error("{} stands in it", describe(*character))]
    Character { character: char },
    #[error("options stand before the key, as in an authorized_keys file")]
    Options,
    #[error("something stands before the type of the key, as in a known_hosts file")]
    Prefix,
    #[error("{}", type_message(name.as_deref()))]
    Type {
        /// The first word, only if it is certainly the name of a type; escaped, and at most 64 characters.
        name: Option<String>,
        /// The type that was probably meant.
        meant: Option<&'static str>,
    },
    #[error("a certificate, not a public key")]
    Certificate,
    #[error("a DSA key: OpenSSH no longer accepts them")]
    Dsa,
    #[error("no base64 follows the type of the key")]
    Missing,
    #[error("the key is not valid base64")]
    Base64,
    #[error("the key is incomplete: its data breaks off")]
    Truncated,
    #[error("data follows the end of the key")]
    Trailing,
    #[error("labelled {label}, but the data is that of {}", data.unwrap_or("another type"))]
    Label {
        /// The type before the base64.
        label: &'static str,
        /// The type inside the base64, if it is known.
        data: Option<&'static str>,
    },
    #[error("the data of the key is not written as OpenSSH writes it")]
    Encoding,
    #[error("the point of the key is not on its curve, or everyone can sign for it")]
    Curve,
    #[error("an RSA key of {bits} bits: at least {MIN_RSA_BITS} are required")]
    RsaShort { bits: u32 },
    #[error("an RSA key of {bits} bits: OpenSSH reads at most {MAX_RSA_BITS}")]
    RsaLong { bits: u32 },
    #[error("the modulus of the RSA key is even or zero")]
    RsaModulus,
    #[error("the exponent of the RSA key is even, below 3 or longer than the modulus")]
    RsaExponent,
    #[error("more than one public key")]
    Several,
    #[error("more than one line: a public key is one line")]
    Lines,
}

impl PublicKeyErrorKind {
    /// A stable code, kebab case, such as `key-private`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "key-empty",
            Self::TooLong => "key-too-long",
            Self::Private { .. } => "key-private",
            Self::Foreign { .. } => "key-format",
            Self::Path => "key-path",
            Self::Character { .. } => "key-character",
            Self::Options => "key-options",
            Self::Prefix => "key-prefix",
            Self::Type { .. } => "key-type",
            Self::Certificate => "key-certificate",
            Self::Dsa => "key-dsa",
            Self::Missing => "key-missing",
            Self::Base64 => "key-base64",
            Self::Truncated => "key-truncated",
            Self::Trailing => "key-trailing",
            Self::Label { .. } => "key-label",
            Self::Encoding => "key-encoding",
            Self::Curve => "key-curve",
            Self::RsaShort { .. } => "key-rsa-short",
            Self::RsaLong { .. } => "key-rsa-long",
            Self::RsaModulus => "key-rsa-modulus",
            Self::RsaExponent => "key-rsa-exponent",
            Self::Several => "key-several",
            Self::Lines => "key-lines",
        }
    }

    /// Says what to do about it.
    pub fn help(&self) -> String {
        let fixed = match self {
            Self::Empty => "give the one line of a .pub file: a type such as ssh-ed25519, base64, a comment",
            Self::TooLong => "give the one line of a .pub file, and nothing else",
            Self::Private { format: PrivateFormat::Putty } => {
                "take it out and make a new key: whoever can read this place has had it. The public half of a .ppk \
                 file is printed by `puttygen -O public-openssh FILE`, or shown by PuTTYgen to be copied"
            }
            Self::Private { .. } => {
                "take it out and make a new key: whoever can read this place has had it. The public half is in the \
                 .pub file beside the private one; `ssh-keygen -y -f FILE` prints it too"
            }
            Self::Foreign { format } => {
                return match format.conversion() {
                    Some(name) => format!("convert it: `ssh-keygen -i -m {name} -f FILE` prints the line to use"),
                    None => "give the one line of the .pub file that ssh-keygen wrote".to_owned(),
                };
            }
            Self::Path => "to name a file, use `publicKeyFile` in place of `publicKey`",
            Self::Character { .. } => {
                "type it anew, or copy the line from the .pub file: a plain text file in UTF-8, without a BOM"
            }
            Self::Options => "remove the options: the account takes the key alone, and they would have no effect",
            Self::Prefix => "begin with the type of the key, such as ssh-ed25519",
            Self::Type { meant: Some(meant), .. } => return format!("write {meant}, without quotes around the key"),
            Self::Type { .. } => {
                "begin with one of ssh-ed25519, sk-ssh-ed25519@openssh.com, ssh-rsa, \
                 ecdsa-sha2-nistp256 (384, 521), sk-ecdsa-sha2-nistp256@openssh.com, as a .pub file does"
            }
            Self::Certificate => "give the public key that was certified: the .pub file without -cert in its name",
            Self::Dsa | Self::RsaShort { .. } | Self::RsaLong { .. } => "make a new key: `ssh-keygen -t ed25519`",
            Self::Missing | Self::Truncated => {
                "copy the whole line from the .pub file, and see that nothing has cut or wrapped it"
            }
            Self::Base64 | Self::Trailing | Self::Encoding | Self::Label { data: None, .. } => {
                "copy the line from the .pub file anew"
            }
            Self::Label { data: Some(data), .. } => {
                return format!("copy the line from the .pub file anew; if the data is right, its type is {data}");
            }
            Self::Curve | Self::RsaModulus | Self::RsaExponent => {
                "no program makes such a key: find out where it comes from; `ssh-keygen -t ed25519` makes a good one"
            }
            Self::Several => "give each key an entry of its own",
            Self::Lines => "join the lines if the key was wrapped, and remove what does not belong to it",
        };
        fixed.to_owned()
    }

    pub(super) const fn at(self, at: Range<usize>) -> PublicKeyError {
        PublicKeyError { kind: self, at: Some(at) }
    }

    pub(super) const fn of_whole_text(self) -> PublicKeyError {
        PublicKeyError { kind: self, at: None }
    }
}

fn type_message(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("'{name}' is no type of public key that is accepted"),
        None => "it does not begin with a type of public key".to_owned(),
    }
}
