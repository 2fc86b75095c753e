//! Validated names and ids: of keys, of rows on the account, of its user, and of stacks and commits. Cheap to clone.

use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::terminal::escape::{describe, escape, unsafe_chars};

/// The longest [`KeyName`], in characters.
pub const MAX_NAME_CHARS: usize = 100;

/// The longest [`AccountName`], in characters. The API documents no bound; this one keeps tables readable.
pub const MAX_ACCOUNT_NAME_CHARS: usize = 128;

/// What [`KeyName::new`] and [`StackName::new`] accept, as a regular expression.
pub const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$";

/// The longest [`KeyId`] or [`UserId`], in bytes. Ids seen on the API have about 25.
pub const MAX_ID_BYTES: usize = 128;

/// The name of a key. In a manifest an identifier ([`KeyName::new`]), which is safe in a shell, a table, a log and a flag.
///
/// A state or plan may have another one ([`KeyName::recorded`]), which is visible text on one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct KeyName(Arc<str>);

/// The name of a row on the account: 1 to [`MAX_ACCOUNT_NAME_CHARS`] characters of any script, without white space at
/// either end, and without control, bidirectional or invisible characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountName(Arc<str>);

/// The id of a row on the account: 1 to [`MAX_ID_BYTES`] letters, digits and `-._~:`, safe as a segment of a URL path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyId(Arc<str>);

/// The id of the account's user: 1 to [`MAX_ID_BYTES`] visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(Arc<str>);

/// The label of a manifest where one repository has several: an identifier, as [`NAME_PATTERN`] says. It is safe in a shell,
/// a heading and an HTML comment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct StackName(Arc<str>);

/// The id of a commit, or the start of one: 7 to 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct CommitId(Arc<str>);

/// Why text is not a valid name or id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("it is empty")]
    Empty,
    /// Lengths in characters.
    #[error("it has {length} characters; the maximum is {max}")]
    TooLong { length: usize, max: usize },
    #[error("it starts or ends with white space")]
    Padded,
    #[error("it contains {}, which is not allowed", describe(*.0))]
    Forbidden(char),
    #[error("it must start with a letter or digit, not {}", describe(*.0))]
    Start(char),
    /// `.` and `..` are steps in a path.
    #[error("it is a relative path")]
    Path,
    #[error("it is not the id of a commit, which has 7 to 64 hex digits")]
    Commit,
}

impl KeyName {
    /// Accepts an identifier, as [`NAME_PATTERN`] does.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        check_identifier(text.as_ref())?;
        Ok(Self(text.as_ref().into()))
    }

    /// Takes any name that a state or plan has, or that somebody typed to choose one of those. Escapes invisible characters.
    pub fn recorded(text: impl AsRef<str>) -> Self {
        Self(escape(text.as_ref()).into())
    }
}

impl AccountName {
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        check_length(text, MAX_ACCOUNT_NAME_CHARS)?;
        if let Some((_, bad)) = unsafe_chars(text).next() {
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

impl StackName {
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        check_identifier(text.as_ref())?;
        Ok(Self(text.as_ref().into()))
    }
}

impl CommitId {
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        let is_id = (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { Ok(Self(text.into())) } else { Err(NameError::Commit) }
    }
}

/// Accepts what [`NAME_PATTERN`] does.
fn check_identifier(text: &str) -> Result<(), NameError> {
    check_length(text, MAX_NAME_CHARS)?;
    let is_forbidden = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '+' | '-'));
    if let Some(bad) = text.chars().find(is_forbidden) {
        return Err(NameError::Forbidden(bad));
    }
    match text.chars().next() {
        Some(first) if !first.is_ascii_alphanumeric() => Err(NameError::Start(first)),
        _ => Ok(()),
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

/// Implements what each text has in common. With an error type, its `new` takes a `&str` and fails with that error.
macro_rules! text_type {
    ($name:ident, $error:ty) => {
        text_type!($name);

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::new(&text)
            }
        }
    };
    ($name:ident) => {
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
    };
}

pub(crate) use text_type;

text_type!(KeyName);
text_type!(AccountName, NameError);
text_type!(KeyId, NameError);
text_type!(UserId, NameError);
text_type!(StackName, NameError);
text_type!(CommitId, NameError);

impl From<String> for KeyName {
    fn from(text: String) -> Self {
        Self::recorded(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn a_key_name_is_an_identifier() {
        for good in ["alice-laptop", "a", "1", "bob@example.com", "A+b_c.d", &"x".repeat(100)] {
            assert_eq!(KeyName::new(good).as_ref().map(KeyName::as_str), Ok(good));
        }
        assert_eq!(KeyName::new(""), Err(NameError::Empty));
        assert_eq!(KeyName::new("x".repeat(101)), Err(NameError::TooLong { length: 101, max: 100 }));
        for first in ['-', '.', '_', '@', '+'] {
            assert_eq!(KeyName::new(format!("{first}a")), Err(NameError::Start(first)));
        }
        for bad in ['\n', ' ', '\u{1b}', '\u{202e}', 'ä', '日', '/', '\'', '$', '*', ':', ','] {
            assert_eq!(KeyName::new(format!("a{bad}b")), Err(NameError::Forbidden(bad)));
        }
    }

    #[test]
    fn an_account_name_is_visible_text_without_padding() {
        for good in
            ["alice-laptop", "Åsa's key", "日本 🔑", "👩\u{200d}💻 ❤️", "می\u{200c}خواهم", "a", &"x".repeat(128)]
        {
            assert_eq!(AccountName::new(good).as_ref().map(AccountName::as_str), Ok(good));
        }
        assert_eq!(AccountName::new(""), Err(NameError::Empty));
        assert_eq!(AccountName::new(" a"), Err(NameError::Padded));
        assert_eq!(AccountName::new("x".repeat(129)), Err(NameError::TooLong { length: 129, max: 128 }));
        for bad in ['\n', '\u{1b}', '\u{202e}', '\u{200b}', '\u{feff}'] {
            assert_eq!(AccountName::new(format!("a{bad}b")), Err(NameError::Forbidden(bad)));
        }
    }

    #[test]
    fn a_recorded_name_is_any_text_with_its_invisible_characters_escaped() {
        for (text, expected) in [("Åsa's key", "Åsa's key"), ("", ""), ("a\n\u{202e}b", "a\\n\\u{202e}b")] {
            let name: KeyName = serde_json::from_value(text.into()).unwrap();
            assert_eq!(name.as_str(), expected);
            assert_eq!(serde_json::from_value::<KeyName>(serde_json::to_value(&name).unwrap()).unwrap(), name);
        }
    }

    proptest! {
        #[test]
        fn names_and_their_documented_pattern_agree(text in prop_oneof![any::<String>(), "[A-Za-z0-9._@+ é-]{0,102}", "[a-z0-9][ -~]"]) {
            prop_assert_eq!(StackName::new(&text).is_ok(), KeyName::new(&text).is_ok());
            prop_assert_eq!(KeyName::new(&text).is_ok(), Regex::new(NAME_PATTERN).unwrap().is_match(&text), "{:?}", text);
        }

        #[test]
        fn a_key_name_is_one_word_of_a_shell_and_an_account_name_and_never_a_flag(text in "[!-~]{1,20}") {
            if let Ok(name) = KeyName::new(&text) {
                prop_assert_eq!(crate::terminal::shell::quoted(name.as_str()), text.as_str());
                prop_assert!(AccountName::new(&text).is_ok() && !text.starts_with('-'));
                prop_assert_eq!(KeyName::recorded(&text), name);
            }
        }
    }

    #[test]
    fn a_commit_has_7_to_64_hex_digits() {
        for good in ["3f2c9ab", "3F2C9AB0", &"a".repeat(40), &"0".repeat(64)] {
            assert_eq!(CommitId::new(good).as_ref().map(CommitId::as_str), Ok(good));
        }
        for bad in ["", "3f2c9a", "3f2c9ag", "HEAD~12", "--commit", "3f2c9ab\n", "3f2c9ab -->", &"0".repeat(65)] {
            assert_eq!(CommitId::new(bad), Err(NameError::Commit), "{bad}");
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
