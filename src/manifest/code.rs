//! The codes of problems. `docs/diagnostics.md` explains each of them with an example.

use std::fmt;

use crate::public_key::PublicKeyErrorKind;

/// Declares [`Code`] with the name of each code.
macro_rules! codes {
    ($($code:ident = $name:literal,)+) => {
        /// A stable code of a problem, in kebab case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($code,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }
        }
    };
}

codes! {
    ManifestNone = "manifest-none",
    ManifestEmpty = "manifest-empty",
    ManifestUnreadable = "manifest-unreadable",
    ManifestKind = "manifest-kind",
    ManifestStdin = "manifest-stdin",
    ManifestOutside = "manifest-outside",
    ManifestNotUtf8 = "manifest-not-utf8",
    ManifestTooLarge = "manifest-too-large",
    ManifestTooManyFiles = "manifest-too-many-files",
    ManifestLineTooLong = "manifest-line-too-long",
    ManifestValueTooLong = "manifest-value-too-long",
    ManifestTooDeep = "manifest-too-deep",
    ManifestTooManyFields = "manifest-too-many-fields",
    ManifestTooManyKeys = "manifest-too-many-keys",
    ManifestTooManyValues = "manifest-too-many-values",
    TooManyProblems = "too-many-problems",
    GitConflict = "git-conflict",
    YamlSyntax = "yaml-syntax",
    YamlDocuments = "yaml-documents",
    YamlAnchor = "yaml-anchor",
    YamlAlias = "yaml-alias",
    YamlTag = "yaml-tag",
    YamlMerge = "yaml-merge",
    YamlName = "yaml-name",
    UnsafeCharacter = "unsafe-character",
    FieldUnknown = "field-unknown",
    FieldMissing = "field-missing",
    FieldDuplicate = "field-duplicate",
    FieldBoth = "field-both",
    FieldType = "field-type",
    FieldValue = "field-value",
    FieldQuote = "field-quote",
    FieldCredentials = "field-credentials",
    VersionNewer = "version-newer",
    AccountTwice = "account-twice",
    PolicyTwice = "policy-twice",
    NameInvalid = "name-invalid",
    AccountNameInvalid = "account-name-invalid",
    NameDuplicate = "name-duplicate",
    KeyDuplicate = "key-duplicate",
    KeyRevoked = "key-revoked",
    RevokedDuplicate = "revoked-duplicate",
    RevokedFingerprint = "revoked-fingerprint",
    ProtectExpires = "protect-expires",
    PrimaryTwice = "primary-twice",
    PrimaryExpires = "primary-expires",
    KeyExpired = "key-expired",
    KeyExpiresSoon = "key-expires-soon",
    KeyEmpty = "key-empty",
    KeyPrivate = "key-private",
    KeyFormat = "key-format",
    KeyPath = "key-path",
    KeyType = "key-type",
    KeyPrefix = "key-prefix",
    KeyOptions = "key-options",
    KeyCertificate = "key-certificate",
    KeyDsa = "key-dsa",
    KeyMissing = "key-missing",
    KeyBase64 = "key-base64",
    KeyTruncated = "key-truncated",
    KeyTrailing = "key-trailing",
    KeyLabel = "key-label",
    KeyEncoding = "key-encoding",
    KeyCurve = "key-curve",
    KeyRsaShort = "key-rsa-short",
    KeyRsaLong = "key-rsa-long",
    KeyRsaModulus = "key-rsa-modulus",
    KeyRsaExponent = "key-rsa-exponent",
    KeyRsaWeak = "key-rsa-weak",
    KeyCompromised = "key-compromised",
    KeyUntested = "key-untested",
    KeySeveral = "key-several",
    KeyLines = "key-lines",
    KeyCharacter = "key-character",
    KeyTooLong = "key-too-long",
    KeyFileMissing = "key-file-missing",
    KeyFilePath = "key-file-path",
    KeyFileOutside = "key-file-outside",
    KeyFileKind = "key-file-kind",
    KeyFileUnreadable = "key-file-unreadable",
    KeyFileTooLarge = "key-file-too-large",
    KeyFileNotText = "key-file-not-text",
    PolicyAlgorithms = "policy-algorithms",
    PolicyMinRsaBits = "policy-min-rsa-bits",
    PolicyRequireOwner = "policy-require-owner",
    PolicyMaxLifetime = "policy-max-lifetime",
    PolicyNamePattern = "policy-name-pattern",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<&PublicKeyErrorKind> for Code {
    fn from(kind: &PublicKeyErrorKind) -> Self {
        match kind {
            PublicKeyErrorKind::Empty => Self::KeyEmpty,
            PublicKeyErrorKind::TooLong => Self::KeyTooLong,
            PublicKeyErrorKind::Private { .. } => Self::KeyPrivate,
            PublicKeyErrorKind::Foreign { .. } => Self::KeyFormat,
            PublicKeyErrorKind::Path => Self::KeyPath,
            PublicKeyErrorKind::Character { .. } => Self::KeyCharacter,
            PublicKeyErrorKind::Options => Self::KeyOptions,
            PublicKeyErrorKind::Prefix => Self::KeyPrefix,
            PublicKeyErrorKind::Type { .. } => Self::KeyType,
            PublicKeyErrorKind::Certificate => Self::KeyCertificate,
            PublicKeyErrorKind::Dsa => Self::KeyDsa,
            PublicKeyErrorKind::Missing => Self::KeyMissing,
            PublicKeyErrorKind::Base64 => Self::KeyBase64,
            PublicKeyErrorKind::Truncated => Self::KeyTruncated,
            PublicKeyErrorKind::Trailing => Self::KeyTrailing,
            PublicKeyErrorKind::Label { .. } => Self::KeyLabel,
            PublicKeyErrorKind::Encoding => Self::KeyEncoding,
            PublicKeyErrorKind::Curve => Self::KeyCurve,
            PublicKeyErrorKind::RsaShort { .. } => Self::KeyRsaShort,
            PublicKeyErrorKind::RsaLong { .. } => Self::KeyRsaLong,
            PublicKeyErrorKind::RsaModulus => Self::KeyRsaModulus,
            PublicKeyErrorKind::RsaExponent => Self::KeyRsaExponent,
            PublicKeyErrorKind::Several => Self::KeySeveral,
            PublicKeyErrorKind::Lines => Self::KeyLines,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_codes_have_the_same_name() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
