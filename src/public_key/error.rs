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
    #[error("no public key: the text is empty or contains only comments")]
    Empty,
    #[error("longer than any public key: more than {} KiB", MAX_TEXT_BYTES / 1024)]
    TooLong,
    #[error("a private key in {format}")]
    Private { format: PrivateFormat },
    #[error("a public key in {format}, not in OpenSSH's one-line format")]
    Foreign { format: PublicFormat },
    #[error("the path of a file, not a public key")]
    Path,
    #[error("it contains {}", describe(*character))]
    Character { character: char },
    #[error("options before the key are not allowed")]
    Options,
    #[error("there is text before the key type, as in a known_hosts file")]
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
    #[error("a DSA key, which OpenSSH no longer accepts")]
    Dsa,
    #[error("the base64 after the key type is missing")]
    Missing,
    #[error("the key is not valid base64")]
    Base64,
    #[error("the key is incomplete: its data ends too early")]
    Truncated,
    #[error("there is data after the end of the key")]
    Trailing,
    #[error("the key type says {label}, but the data is {}", data.unwrap_or("of another type"))]
    Label {
        /// The type before the base64.
        label: &'static str,
        /// The type inside the base64, if it is known.
        data: Option<&'static str>,
    },
    #[error("the key data is not encoded as OpenSSH encodes it")]
    Encoding,
    #[error("the point of the key is not on its curve, or anyone can create signatures for it")]
    Curve,
    #[error("an RSA key of {bits} bits; at least {MIN_RSA_BITS} are required")]
    RsaShort { bits: u32 },
    #[error("an RSA key of {bits} bits; OpenSSH supports at most {MAX_RSA_BITS}")]
    RsaLong { bits: u32 },
    #[error("the modulus of the RSA key is even or zero")]
    RsaModulus,
    #[error("the exponent of the RSA key is even, below 3 or longer than the modulus")]
    RsaExponent,
    #[error("more than one public key")]
    Several,
    #[error("more than one line; a public key is a single line")]
    Lines,
}

impl PublicKeyErrorKind {
    /// Says what to do about it.
    pub fn help(&self) -> String {
        let fixed = match self {
            Self::Empty => "paste the line of a .pub file: a type such as ssh-ed25519, base64, and a comment",
            Self::TooLong => "paste only the line of a .pub file",
            Self::Private { format: PrivateFormat::Putty } => {
                "remove it and create a new key, because this one is no longer secret. `puttygen -O public-openssh FILE` \
                 prints the public key of a .ppk file, and PuTTYgen shows it"
            }
            Self::Private { .. } => {
                "remove it and create a new key, because this one is no longer secret. The public key is in the .pub file \
                 next to the private one; `ssh-keygen -y -f FILE` prints it too"
            }
            Self::Foreign { format } => {
                return match format.conversion() {
                    Some(name) => format!("convert it: `ssh-keygen -i -m {name} -f FILE` prints the line to use"),
                    None => "paste the line of the .pub file that ssh-keygen wrote".to_owned(),
                };
            }
            Self::Path => "use `publicKeyFile` instead of `publicKey` to name a file",
            Self::Character { .. } => "remove it, or copy the line from the .pub file again",
            Self::Options => "remove the options; the account cannot store them",
            Self::Prefix => "start with the key type, such as ssh-ed25519",
            Self::Type { meant: Some(meant), .. } => return format!("write {meant}, without quotes around the key"),
            Self::Type { .. } => {
                "start with ssh-ed25519, sk-ssh-ed25519@openssh.com, ssh-rsa, ecdsa-sha2-nistp256 (384, 521) or \
                 sk-ecdsa-sha2-nistp256@openssh.com, as a .pub file does"
            }
            Self::Certificate => "use the public key that was certified, in the .pub file without -cert in its name",
            Self::Dsa | Self::RsaShort { .. } | Self::RsaLong { .. } => "create a new key with `ssh-keygen -t ed25519`",
            Self::Missing | Self::Truncated => "copy the whole line from the .pub file, without line breaks",
            Self::Base64 | Self::Trailing | Self::Encoding | Self::Label { data: None, .. } => {
                "copy the line from the .pub file again"
            }
            Self::Label { data: Some(data), .. } => {
                return format!("copy the line from the .pub file again, or change the key type to {data}");
            }
            Self::Curve | Self::RsaModulus | Self::RsaExponent => {
                "find out where this key comes from, and create a new one with `ssh-keygen -t ed25519`"
            }
            Self::Several => "give each key its own entry",
            Self::Lines => "join the lines if the key was wrapped, and remove everything else",
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
        Some(name) => format!("unsupported key type '{name}'"),
        None => "it does not start with a supported key type".to_owned(),
    }
}
