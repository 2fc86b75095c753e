//! Why a text is no acceptable public key.

use std::ops::Range;

use super::format::{PrivateFormat, PublicFormat};
use super::material::{MAX_RSA_BITS, MIN_RSA_BITS};
use crate::terminal::sanitize;

/// The longest text that is read as a key, in bytes: an RSA key of 16384 bits takes 2.8 KB.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Why a text is no acceptable public key.
///
/// `at` is the range of bytes to blame, within the text that was given. No variant holds any of the text, except for
/// names of key types: a private key or a password that stood there is in no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum PublicKeyError {
    #[error("no public key: the text is empty, or holds comments only")]
    Empty,
    #[error("longer than any public key: over {} KiB", MAX_TEXT_BYTES / 1024)]
    TooLong,
    #[error("a private key, in {format}")]
    Private { format: PrivateFormat },
    #[error("not in OpenSSH's format of one line, but in {format}")]
    Foreign { format: PublicFormat },
    #[error("the path of a file, not a public key")]
    Path { at: Range<usize> },
    #[error("{} stands in it", sanitize::describe(*character))]
    Character { character: char, at: Range<usize> },
    #[error("options stand before the key, as in an authorized_keys file")]
    Options { at: Range<usize> },
    #[error("something stands before the type of the key, as in a known_hosts file")]
    Prefix { at: Range<usize> },
    #[error("{}", type_message(name.as_deref()))]
    Type {
        /// The first word, if it is certain that it is the name of a type; escaped and short.
        name: Option<String>,
        /// The type that was probably meant.
        meant: Option<&'static str>,
        at: Range<usize>,
    },
    #[error("a certificate, not a public key")]
    Certificate { at: Range<usize> },
    #[error("a DSA key: OpenSSH no longer accepts them")]
    Dsa { at: Range<usize> },
    #[error("no base64 follows the type of the key")]
    Missing { at: Range<usize> },
    #[error("the key is not valid base64")]
    Base64 { at: Range<usize> },
    #[error("the key is incomplete: its data breaks off")]
    Truncated { at: Range<usize> },
    #[error("data follows the end of the key")]
    Trailing { at: Range<usize> },
    #[error("labelled {label}, but the data is that of {}", data.unwrap_or("another type"))]
    Label {
        /// The type before the base64.
        label: &'static str,
        /// The type inside the base64, if it is a known one.
        data: Option<&'static str>,
        at: Range<usize>,
    },
    #[error("the data of the key is not written as OpenSSH writes it")]
    Encoding { at: Range<usize> },
    #[error("the point of the key is not on its curve, or everyone can sign for it")]
    Curve { at: Range<usize> },
    #[error("an RSA key of {bits} bits: at least {MIN_RSA_BITS} are required")]
    RsaShort { bits: u32, at: Range<usize> },
    #[error("an RSA key of {bits} bits: OpenSSH reads at most {MAX_RSA_BITS}")]
    RsaLong { bits: u32, at: Range<usize> },
    #[error("the modulus of the RSA key is even or zero")]
    RsaModulus { at: Range<usize> },
    #[error("the exponent of the RSA key is even, below 3 or longer than the modulus")]
    RsaExponent { at: Range<usize> },
    #[error("more than one public key")]
    Several { at: Range<usize> },
    #[error("more than one line: a public key is one line")]
    Lines { at: Range<usize> },
}

impl PublicKeyError {
    /// A stable code, kebab case, such as `key-private`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "key-empty",
            Self::TooLong => "key-too-long",
            Self::Private { .. } => "key-private",
            Self::Foreign { .. } => "key-format",
            Self::Path { .. } => "key-path",
            Self::Character { .. } => "key-character",
            Self::Options { .. } => "key-options",
            Self::Prefix { .. } => "key-prefix",
            Self::Type { .. } => "key-type",
            Self::Certificate { .. } => "key-certificate",
            Self::Dsa { .. } => "key-dsa",
            Self::Missing { .. } => "key-missing",
            Self::Base64 { .. } => "key-base64",
            Self::Truncated { .. } => "key-truncated",
            Self::Trailing { .. } => "key-trailing",
            Self::Label { .. } => "key-label",
            Self::Encoding { .. } => "key-encoding",
            Self::Curve { .. } => "key-curve",
            Self::RsaShort { .. } => "key-rsa-short",
            Self::RsaLong { .. } => "key-rsa-long",
            Self::RsaModulus { .. } => "key-rsa-modulus",
            Self::RsaExponent { .. } => "key-rsa-exponent",
            Self::Several { .. } => "key-several",
            Self::Lines { .. } => "key-lines",
        }
    }

    /// The range of bytes to blame, within the text that was given; none where the whole text is.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::Empty | Self::TooLong | Self::Private { .. } | Self::Foreign { .. } => None,
            Self::Path { at }
            | Self::Character { at, .. }
            | Self::Options { at }
            | Self::Prefix { at }
            | Self::Type { at, .. }
            | Self::Certificate { at }
            | Self::Dsa { at }
            | Self::Missing { at }
            | Self::Base64 { at }
            | Self::Truncated { at }
            | Self::Trailing { at }
            | Self::Label { at, .. }
            | Self::Encoding { at }
            | Self::Curve { at }
            | Self::RsaShort { at, .. }
            | Self::RsaLong { at, .. }
            | Self::RsaModulus { at }
            | Self::RsaExponent { at }
            | Self::Several { at }
            | Self::Lines { at } => Some(at.clone()),
        }
    }

    /// What to do about it.
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
            Self::Path { .. } => "to name a file, use `publicKeyFile` in place of `publicKey`",
            Self::Character { .. } => {
                "type it anew, or copy the line from the .pub file: a plain text file in UTF-8, without a BOM"
            }
            Self::Options { .. } => {
                "remove the options: the account takes the key alone, and they would have no effect"
            }
            Self::Prefix { .. } => "begin with the type of the key, such as ssh-ed25519",
            Self::Type { meant: Some(meant), .. } => return format!("write {meant}, without quotes around the key"),
            Self::Type { .. } => {
                "begin with one of ssh-ed25519, sk-ssh-ed25519@openssh.com, ssh-rsa, \
                 ecdsa-sha2-nistp256 (384, 521), sk-ecdsa-sha2-nistp256@openssh.com, as a .pub file does"
            }
            Self::Certificate { .. } => {
                "give the public key that was certified: the .pub file without -cert in its name"
            }
            Self::Dsa { .. } | Self::RsaShort { .. } | Self::RsaLong { .. } => {
                "make a new key: `ssh-keygen -t ed25519`"
            }
            Self::Missing { .. } | Self::Truncated { .. } => {
                "copy the whole line from the .pub file, and see that nothing has cut or wrapped it"
            }
            Self::Base64 { .. } | Self::Trailing { .. } | Self::Encoding { .. } | Self::Label { data: None, .. } => {
                "copy the line from the .pub file anew"
            }
            Self::Label { data: Some(data), .. } => {
                return format!("copy the line from the .pub file anew; if the data is right, its type is {data}");
            }
            Self::Curve { .. } | Self::RsaModulus { .. } | Self::RsaExponent { .. } => {
                "no program makes such a key: find out where it comes from; `ssh-keygen -t ed25519` makes a good one"
            }
            Self::Several { .. } => "give each key an entry of its own",
            Self::Lines { .. } => "join the lines if the key was wrapped, and remove what does not belong to it",
        };
        fixed.to_owned()
    }
}

fn type_message(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("'{name}' is no type of public key that is accepted"),
        None => "it does not begin with a type of public key".to_owned(),
    }
}
