//! Why a plan is refused, and the flag that allows it.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::ActionKind;
use super::explained::check_derived;
use crate::manifest::Violation;
use crate::names::{KeyName, UserId};
use crate::terminal::phrase::Phrase;
use crate::terminal::shell::{flag, quoted};

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "guard", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// The manifest is for another account.
    Pin {
        #[schemars(with = "String")]
        pinned: UserId,
        #[schemars(with = "String")]
        account: UserId,
    },
    /// There is no state, although this many keys of the manifest are on the account.
    NewState {
        keys: usize,
        #[schemars(with = "String")]
        first: KeyName,
    },
    /// The account shows no key, but the state has `managed`, so it may be another account.
    EmptyAccount { managed: usize },
    /// A key does not pass a check of the policy.
    Policy { violation: Violation },
    /// The account has rows that are not managed and that the policy does not expect.
    Unmanaged { rows: usize, first: String },
    /// The plan replaces or deletes a protected key.
    Protected {
        #[schemars(with = "String")]
        name: KeyName,
        action: ActionKind,
    },
    /// The plan deletes more rows than are allowed, among them `keys` of the `managed` ones.
    Deletes { rows: usize, keys: usize, managed: usize },
    /// The plan deletes the primary key and promotes no other key.
    PrimaryLoss {
        #[schemars(with = "String")]
        name: KeyName,
    },
    /// The plan deletes a row that may be the primary key, because the account was not listed.
    PrimaryUnknown {
        #[schemars(with = "String")]
        name: KeyName,
    },
}

/// A refusal with its sentences, as written to plan files.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Refusal", extend("unevaluatedProperties" = false))]
pub(super) struct ExplainedRefusal {
    #[serde(flatten)]
    pub(super) refusal: Refusal,
    /// What the plan does, for people.
    text: String,
    /// What to do about it.
    help: String,
    /// The flag that allows the plan, as words for a shell, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_by: Option<String>,
}

impl ExplainedRefusal {
    pub(super) fn new(refusal: Refusal) -> Self {
        Self {
            text: refusal.message().to_string(),
            help: refusal.help().to_string(),
            allowed_by: refusal.allowed_by(),
            refusal,
        }
    }
}

impl<'de> Deserialize<'de> for ExplainedRefusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shown = Value::deserialize(deserializer)?;
        let read = Self::new(Refusal::deserialize(&shown).map_err(D::Error::custom)?);
        check_derived(&read, &shown).map_err(D::Error::custom)?;
        Ok(read)
    }
}

impl Refusal {
    /// Says what the plan does.
    pub fn message(&self) -> Phrase {
        match self {
            Self::Pin { pinned, account } => Phrase::new("the manifest is for user ")
                .named(pinned)
                .then(", but the account belongs to user ")
                .named(account),
            Self::Protected { name, action } => {
                Phrase::new(format!("the plan {}s ", action.verb())).named(name).then(", which is protected")
            }
            Self::NewState { keys, first } => {
                let more = if *keys > 1 { format!(" and {} more", keys - 1) } else { String::new() };
                Phrase::new("there is no state, but the account has keys of the manifest: ").named(first).then(more)
            }
            Self::Deletes { rows, keys, managed } if rows == keys => {
                Phrase::new(format!("the plan deletes {keys} of {managed} managed keys"))
            }
            Self::Deletes { rows, keys, managed } => {
                Phrase::new(format!("the plan deletes {rows} rows, among them {keys} of {managed} managed keys"))
            }
            Self::Unmanaged { rows: 1, first } => {
                Phrase::new("the account has a key that is not managed, ").foreign(first)
            }
            Self::Unmanaged { rows, first } => {
                Phrase::new(format!("the account has {rows} keys that are not managed, "))
                    .foreign(first)
                    .then(" and others")
            }
            Self::Policy { violation } => Phrase::new("policy: ").quoted_from(&violation.message),
            Self::PrimaryLoss { name } => {
                Phrase::new("the plan deletes ").named(name).then(", the primary key, and promotes no other key")
            }
            Self::PrimaryUnknown { name } => Phrase::new("the plan deletes ")
                .named(name)
                .then(", which may be the primary key, and the account was not listed"),
            Self::EmptyAccount { managed } => {
                Phrase::new(format!("the account has no keys, but the state has {managed}; it may be another account"))
            }
        }
    }

    /// Returns the flag that allows the plan, as words for a shell.
    pub fn allowed_by(&self) -> Option<String> {
        Some(match self {
            Self::Pin { .. } | Self::Policy { .. } => return None,
            Self::Protected { name, .. } => {
                // Quoted, because people copy this into a shell, and the name comes from the manifest.
                let words = flag("--allow-protected", name.as_str());
                words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
            }
            Self::NewState { .. } => "--allow-new-state".to_owned(),
            Self::EmptyAccount { .. } => "--allow-empty-account".to_owned(),
            Self::Unmanaged { .. } => "--allow-unmanaged".to_owned(),
            Self::Deletes { rows, .. } => format!("--allow-deletes {rows}"),
            Self::PrimaryLoss { .. } | Self::PrimaryUnknown { .. } => "--allow-primary-loss".to_owned(),
        })
    }

    /// Says what to do about it, with the flag that allows it if there is one.
    pub fn help(&self) -> Phrase {
        let help = Phrase::new(match self {
            Self::Pin { .. } => "use a token of the user in `account.userId`, or the manifest for this account",
            Self::Protected { .. } => "first apply the entry of this key without `protect: true`",
            Self::NewState { .. } => "choose the state with --state; if there is none yet",
            Self::Deletes { .. } => "check the manifest",
            Self::PrimaryUnknown { .. } => "remove --offline",
            Self::EmptyAccount { .. } => "check the token; if the account was emptied on purpose",
            Self::Unmanaged { .. } => "add it to `keys`, `revoked` or `policy.unmanagedExcept` in the manifest",
            Self::Policy { violation } => return Phrase::default().quoted_from(&violation.help),
            Self::PrimaryLoss { .. } => "set `primary: true` on another key",
        });
        let pass = match self {
            Self::NewState { .. } | Self::EmptyAccount { .. } => ", pass ",
            _ => ", or pass ",
        };
        match self.allowed_by() {
            Some(flag) => help.then(pass).named(&flag),
            None => help,
        }
    }
}
