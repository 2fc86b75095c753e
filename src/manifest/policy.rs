//! The rules that a manifest sets for its own keys, and how they are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::fields::FieldReader;
use super::glob::Glob;
use super::limits::{MAX_GLOBS, MAX_LIFETIME_DAYS, MAX_PATTERN_CHARS, MAX_SHOWN_CHARS};
use super::name_pattern::{NamePattern, NamePatternError};
use super::suggest::suggest;
use super::tree::{Field, Spanned};
use crate::names::MAX_ACCOUNT_NAME_CHARS;
use crate::public_key::{MAX_RSA_BITS, MIN_RSA_BITS, PublicKey};
use crate::terminal::escape::escape_to;

/// A check that every key must pass, unless it is exempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PolicyCheck {
    Algorithms,
    MinRsaBits,
    RequireOwner,
    MaxLifetimeDays,
    NamePattern,
}

/// What a key that does not pass a check leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PolicyLevel {
    /// The plan is refused.
    #[default]
    Refuse,
    /// The plan shows it.
    Warn,
}

/// What an unmanaged row that is not expected leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnmanagedPolicy {
    /// The plan lists it.
    #[default]
    Report,
    /// The plan is refused.
    Refuse,
}

impl PolicyCheck {
    pub const ALL: [Self; 5] =
        [Self::Algorithms, Self::MinRsaBits, Self::RequireOwner, Self::MaxLifetimeDays, Self::NamePattern];

    /// Returns the name of the field of `policy` that sets it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Algorithms => "algorithms",
            Self::MinRsaBits => "minRsaBits",
            Self::RequireOwner => "requireOwner",
            Self::MaxLifetimeDays => "maxLifetimeDays",
            Self::NamePattern => "namePattern",
        }
    }

    /// Returns the code of its violations.
    pub const fn code(self) -> Code {
        match self {
            Self::Algorithms => Code::PolicyAlgorithms,
            Self::MinRsaBits => Code::PolicyMinRsaBits,
            Self::RequireOwner => Code::PolicyRequireOwner,
            Self::MaxLifetimeDays => Code::PolicyMaxLifetime,
            Self::NamePattern => Code::PolicyNamePattern,
        }
    }
}

pub(crate) const FIELDS: [&str; 8] = [
    "level",
    "algorithms",
    "minRsaBits",
    "requireOwner",
    "maxLifetimeDays",
    "namePattern",
    "unmanaged",
    "unmanagedExcept",
];

/// Missing and invalid checks are `None`.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) level: PolicyLevel,
    pub(crate) algorithms: Option<Spanned<Vec<&'static str>>>,
    pub(crate) min_rsa_bits: Option<Spanned<u32>>,
    pub(crate) require_owner: Option<Spanned<bool>>,
    pub(crate) max_lifetime_days: Option<Spanned<u32>>,
    pub(crate) name_pattern: Option<Spanned<NamePattern>>,
    pub(crate) unmanaged: UnmanagedPolicy,
    pub(crate) unmanaged_except: Vec<Glob>,
}

impl Policy {
    pub(crate) fn read(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Self {
        let mut policy = Self::default();
        let Some(mapping) = reader.mapping(&field.value, "`policy`", "add checks below it, or remove it") else {
            return policy;
        };
        for field in &mapping.fields {
            let range = field.name.range.clone();
            match &*field.name.value {
                "level" => {
                    let levels = [("refuse", PolicyLevel::Refuse), ("warn", PolicyLevel::Warn)];
                    policy.level = reader.choice(field, levels).unwrap_or_default();
                }
                "algorithms" => {
                    policy.algorithms = read_algorithms(field, reader).map(|value| Spanned { value, range });
                }
                "minRsaBits" => {
                    let bits = reader.u32(field, MIN_RSA_BITS, MAX_RSA_BITS);
                    policy.min_rsa_bits = bits.map(|value| Spanned { value, range });
                }
                "requireOwner" => policy.require_owner = reader.bool(field).map(|value| Spanned { value, range }),
                "maxLifetimeDays" => {
                    policy.max_lifetime_days =
                        reader.u32(field, 1, MAX_LIFETIME_DAYS).map(|value| Spanned { value, range });
                }
                "namePattern" => {
                    policy.name_pattern = read_pattern(field, reader).map(|value| Spanned { value, range });
                }
                "unmanaged" => {
                    let choices = [("report", UnmanagedPolicy::Report), ("refuse", UnmanagedPolicy::Refuse)];
                    policy.unmanaged = reader.choice(field, choices).unwrap_or_default();
                }
                "unmanagedExcept" => policy.unmanaged_except = read_globs(field, reader),
                _ => drop(reader.unknown(field, &FIELDS, "`policy`")),
            }
        }
        policy
    }

    /// Returns whether `key` is an RSA key with fewer bits than the policy demands.
    pub(crate) fn refuses_bits(&self, key: &PublicKey) -> bool {
        key.blob().algorithm() == "ssh-rsa" && self.min_rsa_bits.as_ref().is_some_and(|min| key.bits() < min.value)
    }
}

fn read_algorithms(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Option<Vec<&'static str>> {
    let items = reader.list(field, "such as `[ssh-ed25519, ssh-rsa]`")?;
    if items.is_empty() {
        let message = "`algorithms` is empty, so every key would be refused";
        reader.error(Code::FieldValue, &field.name.range, message, "list the allowed key types, or remove it");
        return None;
    }
    let mut allowed = Vec::new();
    for item in items {
        let Some(text) = reader.text(item, "an algorithm") else {
            continue;
        };
        if let Some(known) = PublicKey::TYPES.into_iter().find(|known| *known == text) {
            allowed.push(known);
            continue;
        }
        let message = format!("unknown key type `{}`", escape_to(text, MAX_SHOWN_CHARS));
        let help = match suggest(text, &PublicKey::TYPES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known key types: {}", PublicKey::TYPES.join(", ")),
        };
        reader.error(Code::FieldValue, &item.range, message, help);
    }
    // A list with a mistake in it would refuse keys for the mistake's sake.
    (allowed.len() == items.len()).then_some(allowed)
}

fn read_pattern(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Option<NamePattern> {
    let text = reader.line(&field.value, "`namePattern`", MAX_PATTERN_CHARS)?;
    let (message, help) = match NamePattern::new(text) {
        Ok(pattern) => return Some(pattern),
        Err(NamePatternError::Syntax(reason)) => {
            let message = format!("`namePattern` is not a valid regular expression: {}", escape_to(&reason, 120));
            (message, "see https://docs.rs/regex/latest/regex/#syntax; names are ASCII")
        }
        Err(NamePatternError::TooComplex) => {
            let message = "`namePattern` is too complex: matching names with it could take minutes";
            (message.to_owned(), "use smaller repetition counts and fewer wildcards")
        }
    };
    reader.error(Code::FieldValue, &field.value.range, message, help);
    None
}

fn read_globs(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Vec<Glob> {
    let items = reader.list(field, "such as `[\"skypilot-*\"]`").unwrap_or_default();
    if items.len() > MAX_GLOBS {
        let message = format!("`unmanagedExcept` has {} patterns; the maximum is {MAX_GLOBS}", items.len());
        reader.error(Code::FieldValue, &field.name.range, message, "use `*` to match several names");
        return Vec::new();
    }
    let mut globs = Vec::new();
    for item in items {
        let Some(text) = reader.line(item, "a pattern of `unmanagedExcept`", MAX_ACCOUNT_NAME_CHARS) else {
            continue;
        };
        globs.push(Glob::new(text));
    }
    globs
}
