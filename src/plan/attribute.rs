//! The attributes of a key that the state records besides its row, and how the manifest changes them.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::KeyName;
use crate::terminal::phrase::Phrase;

/// A recorded attribute that the manifest changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "attribute", rename_all = "camelCase", deny_unknown_fields)]
pub enum AttributeChange {
    Name {
        #[schemars(with = "String")]
        from: KeyName,
        #[schemars(with = "String")]
        to: KeyName,
    },
    /// The name that the key gets on the account when it is uploaded, if it is not `name`.
    AccountName {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    Owner {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// The last day on which the key is desired.
    Expires {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>", extend("format" = "date"))]
        from: Option<Date>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>", extend("format" = "date"))]
        to: Option<Date>,
    },
    Protect {
        from: bool,
        to: bool,
    },
}

impl AttributeChange {
    /// Returns the name of the attribute in the manifest.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Name { .. } => "name",
            Self::AccountName { .. } => "accountName",
            Self::Owner { .. } => "owner",
            Self::Expires { .. } => "expires",
            Self::Protect { .. } => "protect",
        }
    }

    /// Returns the old and the new value. `None` stands for a missing value.
    pub fn values(&self) -> (Option<Phrase>, Option<Phrase>) {
        fn both<T>(
            from: Option<&T>,
            to: Option<&T>,
            phrase: impl Fn(&T) -> Phrase,
        ) -> (Option<Phrase>, Option<Phrase>) {
            (from.map(&phrase), to.map(&phrase))
        }
        // Quoted if it is more than a word.
        let text = |text: &String| {
            let phrase = Phrase::default();
            if text.contains(char::is_whitespace) { phrase.foreign(text) } else { phrase.named(text) }
        };
        match self {
            Self::Name { from, to } => both(Some(from), Some(to), |name| Phrase::default().named(name)),
            Self::AccountName { from, to } | Self::Owner { from, to } => both(from.as_ref(), to.as_ref(), text),
            Self::Expires { from, to } => both(from.as_ref(), to.as_ref(), |date| Phrase::new(date.to_string())),
            Self::Protect { from, to } => both(Some(from), Some(to), |protect| Phrase::new(protect.to_string())),
        }
    }

    /// Describes the change as `owner: old → new`.
    pub fn phrase(&self) -> Phrase {
        let none = || Phrase::new("none");
        let (from, to) = self.values();
        let label = Phrase::new(format!("{}: ", self.field()));
        label.followed_by(from.unwrap_or_else(none)).then(" → ").followed_by(to.unwrap_or_else(none))
    }
}
