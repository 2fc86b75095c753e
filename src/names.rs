//! Validated names and ids: of keys, of rows on the account, and of its user. Cheap to clone.

use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::terminal::escape::{describe, is_unsafe};

/// The longest [`KeyName`], in characters. The API documents no bound; this one keeps tables readable.
pub const MAX_NAME_CHARS: usize = 128;

/// The longest [`KeyId`] or [`UserId`], in bytes. Ids seen on the API have about 25.
pub const MAX_ID_BYTES: usize = 128;

/// The name of a key in a manifest: 1 to [`MAX_NAME_CHARS`] characters, without white space at either end,
/// and without control, bidirectional or invisible characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyName(Arc<str>);

/// The id of a row on the account: 1 to [`MAX_ID_BYTES`] letters, digits and `-._~:`, safe as a segment of a URL path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyId(Arc<str>);

/// The id of the account's user: 1 to [`MAX_ID_BYTES`] visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(Arc<str>);

/// Why a text is not a valid name or id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("it is empty")]
    Empty,
    /// Lengths in characters.
    #[error("it has {length} characters, more than {max}")]
    TooLong { length: usize, max: usize },
    #[error("it begins or ends with white space")]
    Padded,
    #[error("it holds {}, which is not allowed there", describe(*.0))]
    Forbidden(char),
    /// `.` and `..` are steps in a path.
    #[error("it is a relative path")]
    Path,
}

impl KeyName {
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        check_length(text, MAX_NAME_CHARS)?;
        if let Some(bad) = text.chars().find(|&c| is_unsafe(c)) {
            return Err(NameError::Forbidden(bad));
        }
        if text.trim().len() != text.len() {
            return Err(NameError::Padded);
        }
        Ok(Self(text.into()))
    }
}

impl KeyId {
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        check_length(text, MAX_ID_BYTES)?;
        if let Some(bad) =
            text.chars().find(|c| !matches!(c, '0'..='9' | 'A'..='Z' | 'a'..='z' | '-' | '.' | '_' | '~' | ':'))
        {
            return Err(NameError::Forbidden(bad));
        }
        if text == "." || text == ".." {
            return Err(NameError::Path);
        }
        Ok(Self(text.into()))
    }
}

impl UserId {
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        check_length(text, MAX_ID_BYTES)?;
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(NameError::Forbidden(bad));
        }
        Ok(Self(text.into()))
    }
}

fn check_length(text: &str, max: usize) -> Result<(), NameError> {
    let length = text.chars().count();
    match length {
        0 => Err(NameError::Empty),
        _ if length > max => Err(NameError::TooLong { length, max }),
        _ => Ok(()),
    }
}

/// Implements what each checked text has in common. Its `new` takes a `&str` and fails with the error.
macro_rules! text_type {
    ($name:ident, $error:ty) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::new(&text)
            }
        }
    };
}

pub(crate) use text_type;

text_type!(KeyName, NameError);
text_type!(KeyId, NameError);
text_type!(UserId, NameError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_visible_text_without_padding() {
        for good in ["alice-laptop", "Åsa's key", "日本", "a", &"x".repeat(128)] {
            assert_eq!(KeyName::new(good).as_ref().map(KeyName::as_str), Ok(good));
        }
        assert_eq!(KeyName::new(""), Err(NameError::Empty));
        assert_eq!(KeyName::new(" a"), Err(NameError::Padded));
        assert_eq!(KeyName::new("x".repeat(129)), Err(NameError::TooLong { length: 129, max: 128 }));
        for bad in ['\n', '\u{1b}', '\u{202e}', '\u{200b}', '\u{feff}'] {
            assert_eq!(KeyName::new(format!("a{bad}b")), Err(NameError::Forbidden(bad)));
        }
    }

    #[test]
    fn an_id_can_never_leave_its_segment_of_a_path() {
        assert!(KeyId::new("cm4x-1._~:").is_ok());
        for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "é", "a\\b"] {
            assert!(KeyId::new(bad).is_err(), "{bad}");
        }
    }
}
