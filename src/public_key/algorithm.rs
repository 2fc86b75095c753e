//! The key types of OpenSSH, and their names.

use super::curve::Curve;
use crate::terminal::nearest::{bare, nearest};

/// A type of key: the first word of its line and the first string of its blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Ed25519,
    Rsa,
    Ecdsa(Curve),
    SkEd25519,
    SkEcdsa,
    Dsa,
}

/// The first word of a line, if OpenSSH knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Key(Algorithm),
    /// The name of a signature, such as `rsa-sha2-512`. OpenSSH reads it as the type of the key.
    Signature(Algorithm),
    Certificate,
}

impl Algorithm {
    pub(super) const ALL: [Self; 8] = [
        Self::Ed25519,
        Self::Rsa,
        Self::Ecdsa(Curve::P256),
        Self::Ecdsa(Curve::P384),
        Self::Ecdsa(Curve::P521),
        Self::SkEd25519,
        Self::SkEcdsa,
        Self::Dsa,
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::Rsa => "ssh-rsa",
            Self::Ecdsa(Curve::P256) => "ecdsa-sha2-nistp256",
            Self::Ecdsa(Curve::P384) => "ecdsa-sha2-nistp384",
            Self::Ecdsa(Curve::P521) => "ecdsa-sha2-nistp521",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsa => "sk-ecdsa-sha2-nistp256@openssh.com",
            Self::Dsa => "ssh-dss",
        }
    }

    /// The name that `ssh-keygen -l` prints in parentheses.
    pub(super) const fn short_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ED25519",
            Self::Rsa => "RSA",
            Self::Ecdsa(_) => "ECDSA",
            Self::SkEd25519 => "ED25519-SK",
            Self::SkEcdsa => "ECDSA-SK",
            Self::Dsa => "DSA",
        }
    }
}

impl Label {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        if let Some(algorithm) = Algorithm::from_name(name) {
            return Some(Self::Key(algorithm));
        }
        match name {
            "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" => Some(Self::Signature(Algorithm::SkEcdsa)),
            "rsa-sha2-256" | "rsa-sha2-512" => Some(Self::Signature(Algorithm::Rsa)),
            _ if name.ends_with("-cert-v01@openssh.com") => Some(Self::Certificate),
            _ => None,
        }
    }
}

/// Returns the name that identifies a key: the type of the key where `name` is that of a signature.
///
/// `ssh-keygen` (9.2) reads `webauthn-sk-…` as `sk-ecdsa-…` and `rsa-sha2-…` as `ssh-rsa`, outside the blob and inside
/// it, and computes the fingerprint with the latter.
pub(super) fn canonical_name(name: &str) -> &str {
    match Label::from_name(name) {
        Some(Label::Signature(algorithm)) => algorithm.name(),
        _ => name,
    }
}

/// Returns the type that was probably meant by `SSH-RSA`, `ed25519`, `"ssh-ed25519` or `ssh-ed2519`.
pub(super) fn guess(name: &str) -> Option<Algorithm> {
    let accepted = Algorithm::ALL.into_iter().filter(|&algorithm| algorithm != Algorithm::Dsa).map(Algorithm::name);
    let short = bare(name);
    let of_short_name = accepted.clone().find(|known| known.strip_prefix("ssh-") == Some(&short));
    of_short_name.or_else(|| nearest(name, accepted)).and_then(Algorithm::from_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Label::from_name(algorithm.name()), Some(Label::Key(algorithm)));
            assert_eq!(canonical_name(algorithm.name()), algorithm.name());
        }
    }

    #[test]
    fn a_misspelled_type_is_recognised_and_an_unknown_one_is_not() {
        assert_eq!(guess("SSH-ED25519"), Some(Algorithm::Ed25519));
        assert_eq!(guess("\"ssh-rsa"), Some(Algorithm::Rsa));
        assert_eq!(guess("ed25519"), Some(Algorithm::Ed25519));
        assert_eq!(guess("ecdsa-sha2-nistp265"), Some(Algorithm::Ecdsa(Curve::P256)));
        assert_eq!(guess("hunter2"), None);
        assert_eq!(guess("ssh-xmss@openssh.com"), None);
    }
}
