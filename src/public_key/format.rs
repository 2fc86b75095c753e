//! The formats in which keys are stored, other than OpenSSH's line.

use std::fmt;

/// A format of private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateFormat {
    /// The default of ssh-keygen: `-----BEGIN OPENSSH PRIVATE KEY-----`.
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

/// A format of public keys other than OpenSSH's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicFormat {
    /// RFC 4716: `---- BEGIN SSH2 PUBLIC KEY ----`.
    Rfc4716,
    /// X.509's `SubjectPublicKeyInfo`, which ssh-keygen calls PKCS#8: `-----BEGIN PUBLIC KEY-----`.
    Pkcs8,
    /// PKCS#1: `-----BEGIN RSA PUBLIC KEY-----`.
    Pem,
    /// Any other armored block, such as an X.509 certificate.
    Other,
}

/// The format of a key, private or public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyFormat {
    Private(PrivateFormat),
    Public(PublicFormat),
}

impl KeyFormat {
    /// Classifies an armored block by its label: the words after `BEGIN` or `END`, in upper case and without spaces.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        let has = |words| label.contains(words);
        if has("PRIVATEKEY") {
            Some(Self::Private(match label {
                _ if has("OPENSSHPRIVATE") => PrivateFormat::OpenSsh,
                _ if has("RSAPRIVATE") || has("DSAPRIVATE") || has("ECPRIVATE") => PrivateFormat::Pem,
                _ if label.starts_with("PRIVATE") || label.starts_with("ENCRYPTEDPRIVATE") => PrivateFormat::Pkcs8,
                _ => PrivateFormat::Other,
            }))
        } else if has("PUBLICKEY") || has("CERTIFICATE") {
            Some(Self::Public(match label {
                _ if has("SSH2PUBLIC") => PublicFormat::Rfc4716,
                _ if has("RSAPUBLIC") => PublicFormat::Pem,
                _ if label.starts_with("PUBLIC") => PublicFormat::Pkcs8,
                _ => PublicFormat::Other,
            }))
        } else {
            None
        }
    }

    /// Classifies a DER structure by its first bytes. PKCS#1, SEC 1 and PKCS#8 begin with a version, their encrypted and
    /// public forms with an algorithm. A private key is distinguished by 43 bits or more, so that
    /// one in 10^13 random places looks like it.
    pub(super) fn of_der(der: &[u8]) -> Option<Self> {
        const PKCS: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];
        match sequence(der)? {
            [0x02, 0x01, 0x00 | 0x01, 0x30, 0..=0x7f, 0x06, ..] => Some(Self::Private(PrivateFormat::Pkcs8)),
            // The modulus of RSA or DSA, in a long form; the scalar of a curve, of 16 to 72 bytes.
            [0x02, 0x01, 0x00 | 0x01, 0x02, 0x41 | 0x61 | 0x81 | 0x82, ..]
            | [0x02, 0x01, 0x01, 0x04, 0x10..=0x48, ..] => Some(Self::Private(PrivateFormat::Pem)),
            [0x02, 0x01, 0x03, 0x30, 0x81..=0x84, ..] => Some(Self::Private(PrivateFormat::Other)),
            [0x02, 0x81 | 0x82, ..] => Some(Self::Public(PublicFormat::Pem)),
            algorithm => match sequence(algorithm)? {
                // PKCS#5 (1.2.840.113549.1.5) and PKCS#12 (…1.12) encrypt; PKCS#1 (…1.1) and the curves name a public key.
                [0x06, _, oid @ ..] => match oid.strip_prefix(&PKCS) {
                    Some([0x05 | 0x0c, ..]) => Some(Self::Private(PrivateFormat::Pkcs8)),
                    _ => Some(Self::Public(PublicFormat::Pkcs8)),
                },
                _ => None,
            },
        }
    }

    pub(super) const fn private(self) -> Option<PrivateFormat> {
        match self {
            Self::Private(format) => Some(format),
            Self::Public(_) => None,
        }
    }
}

/// Strips tag and length of an ASN.1 sequence.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x30, 0x81, _, rest @ ..] | [0x30, 0x82, _, _, rest @ ..] | [0x30, 0..=0x7f, rest @ ..] => Some(rest),
        _ => None,
    }
}

impl PublicFormat {
    /// The name of the format for `ssh-keygen -i -m`, if ssh-keygen reads it.
    pub(super) const fn conversion(self) -> Option<&'static str> {
        match self {
            Self::Rfc4716 => Some("RFC4716"),
            Self::Pkcs8 => Some("PKCS8"),
            Self::Pem => Some("PEM"),
            Self::Other => None,
        }
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
