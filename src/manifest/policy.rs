//! The rules that a manifest sets for its own keys, each a named check.

use jiff::civil::Date;
use regex::{Regex, RegexBuilder};

use super::diagnostic::{Diagnostic, Severity};
use super::fields::{SHOWN, Scope};
use super::problems::Problems;
use super::read::{Contents, Entry, Placed, Wanted};
use super::span::Extent;
use super::suggest::suggest;
use super::tree::Field;
use crate::public_key::{MAX_RSA_BITS, MIN_RSA_BITS, PublicKey};
use crate::terminal::sanitize;

/// The longest `maxLifetimeDays`: a hundred years.
pub(crate) const MAX_LIFETIME: u32 = 36_500;

/// The longest `namePattern`, in characters.
pub(crate) const MAX_PATTERN: usize = 1000;

/// The most memory that a compiled `namePattern` may take, in bytes. Matching is linear in the name.
const MAX_PATTERN_SIZE: usize = 1 << 20;

const FIELDS: [&str; 5] = ["algorithms", "minRsaBits", "requireOwner", "maxLifetimeDays", "namePattern"];

/// The rules of a manifest. What is not set or was refused is nothing, and checks nothing.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    algorithms: Option<Placed<Vec<&'static str>>>,
    min_rsa_bits: Option<Placed<u32>>,
    require_owner: Option<Placed<bool>>,
    max_lifetime_days: Option<Placed<u32>>,
    name_pattern: Option<Placed<Regex>>,
}

impl Policy {
    /// Reads the rules.
    pub(crate) fn read(field: &Field<'_>, scope: &mut Scope<'_>) -> Self {
        let mut policy = Self::default();
        let Some(mapping) = scope.mapping(&field.value, "`policy`", "put its rules below it, or remove it") else {
            return policy;
        };
        for field in &mapping.fields {
            let extent = field.extent;
            match &*field.name {
                "algorithms" => {
                    policy.algorithms = read_algorithms(field, scope).map(|value| Placed { value, extent });
                }
                "minRsaBits" => {
                    let bits = scope.number(field, MIN_RSA_BITS, MAX_RSA_BITS);
                    policy.min_rsa_bits = bits.map(|value| Placed { value, extent });
                }
                "requireOwner" => policy.require_owner = scope.truth(field).map(|value| Placed { value, extent }),
                "maxLifetimeDays" => {
                    policy.max_lifetime_days =
                        scope.number(field, 1, MAX_LIFETIME).map(|value| Placed { value, extent });
                }
                "namePattern" => policy.name_pattern = read_pattern(field, scope).map(|value| Placed { value, extent }),
                _ => drop(scope.unknown(field, &FIELDS, "`policy`")),
            }
        }
        policy
    }

    /// Tells whether the policy asks more bits of an RSA key than `key` has.
    pub(crate) fn refuses_bits(&self, key: &PublicKey) -> bool {
        is_rsa(key) && self.min_rsa_bits.as_ref().is_some_and(|min| key.bits() < min.value)
    }
}

/// Tells whether it is an RSA key.
pub(crate) fn is_rsa(key: &PublicKey) -> bool {
    key.blob().algorithm() == "ssh-rsa"
}

fn read_algorithms(field: &Field<'_>, scope: &mut Scope<'_>) -> Option<Vec<&'static str>> {
    let items = scope.list(field, "such as `[ssh-ed25519, ssh-rsa]`")?;
    if items.is_empty() {
        let message = "`algorithms` is empty: it would refuse every key";
        scope.error("field-value", field.extent, message, "name those that are allowed, or remove it");
        return None;
    }
    let mut allowed = Vec::new();
    for item in items {
        let Some(text) = scope.text(item, "an algorithm") else {
            continue;
        };
        if let Some(known) = PublicKey::TYPES.into_iter().find(|known| *known == text) {
            allowed.push(known);
            continue;
        }
        let message = format!("`{}` is no algorithm of a key that is accepted", sanitize::escape_to(text, SHOWN));
        let help = match suggest(text, &PublicKey::TYPES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known: {}", PublicKey::TYPES.join(", ")),
        };
        scope.error("field-value", item.extent, message, help);
    }
    // A list with a mistake in it would refuse keys for the mistake's sake.
    (allowed.len() == items.len()).then_some(allowed)
}

fn read_pattern(field: &Field<'_>, scope: &mut Scope<'_>) -> Option<Regex> {
    let text = scope.line(&field.value, "`namePattern`", MAX_PATTERN)?;
    match RegexBuilder::new(text).size_limit(MAX_PATTERN_SIZE).nest_limit(32).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            // The last line of the error has the reason; those above draw the pattern.
            let all = error.to_string();
            let reason = all.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("`namePattern` is no regular expression: {}", sanitize::escape_to(reason, 120));
            scope.error("field-value", field.value.extent, message, "see https://docs.rs/regex/latest/regex/#syntax");
            None
        }
    }
}

/// Checks the keys of one file against the policy, which may stand in another.
pub(crate) fn check(
    policy: &Policy,
    policy_file: &std::sync::Arc<std::path::Path>,
    contents: &Contents,
    today: Date,
    problems: &mut Problems,
) {
    let Policy { algorithms, min_rsa_bits, require_owner, max_lifetime_days, name_pattern } = policy;
    for entry in &contents.keys {
        let mut violation = |code, extent: Extent, message: String, help: &str, rule: Extent| {
            problems.add(
                Diagnostic::at(Severity::Policy, code, &contents.file, extent, message)
                    .related(policy_file, rule, "the policy")
                    .help(help),
            );
        };
        if let (Some(key), Some(rule)) = (&entry.key, algorithms)
            && !rule.value.contains(&key.value.blob().algorithm())
        {
            let message = format!("{} keys are not allowed", key.value.blob().algorithm());
            let help = format!("make a key of one of these: {}", rule.value.join(", "));
            violation("policy-algorithms", key.extent, message, &help, rule.extent);
        }
        if let (Some(key), Some(rule)) = (&entry.key, min_rsa_bits)
            && policy.refuses_bits(&key.value)
        {
            let message = format!("an RSA key has {} bits, at least {} are required", key.value.bits(), rule.value);
            violation(
                "policy-min-rsa-bits",
                key.extent,
                message,
                "make a longer key, or one of ssh-ed25519",
                rule.extent,
            );
        }
        if let (Wanted::Absent, Some(Placed { value: true, extent })) = (&entry.owner, require_owner) {
            let message = format!("{} has no `owner`", called(entry));
            violation("policy-require-owner", entry.extent, message, "add `owner: …`: who answers for it", *extent);
        }
        if let Some(rule) = max_lifetime_days {
            check_lifetime(entry, rule, today, &mut violation);
        }
        if let (Some(name), Some(rule)) = (&entry.name, name_pattern)
            && !rule.value.is_match(name.value.as_str())
        {
            let message = format!("the name does not match `{}`", sanitize::escape_to(rule.value.as_str(), SHOWN));
            violation("policy-name-pattern", name.extent, message, "choose a name that does", rule.extent);
        }
    }
}

fn check_lifetime(
    entry: &Entry,
    rule: &Placed<u32>,
    today: Date,
    violation: &mut impl FnMut(&'static str, Extent, String, &str, Extent),
) {
    let (extent, message) = match &entry.expires {
        Wanted::Refused => return,
        Wanted::Absent => (entry.extent, format!("{} never expires, keys may last {} days", called(entry), rule.value)),
        Wanted::There(expires) => {
            let days = days_until(today, expires.value);
            if days <= i64::from(rule.value) {
                return;
            }
            (expires.extent, format!("the key lasts {days} days more, keys may last {}", rule.value))
        }
    };
    let help = match today.checked_add(jiff::Span::new().days(i64::from(rule.value))) {
        Ok(last) => format!("let it expire by {last}"),
        Err(_) => "let it expire sooner".to_owned(),
    };
    violation("policy-max-lifetime", extent, message, &help, rule.extent);
}

/// Counts the days from one date to another; negative if it is past.
pub(crate) fn days_until(today: Date, day: Date) -> i64 {
    today.duration_until(day).as_hours() / 24
}

fn called(entry: &Entry) -> String {
    match &entry.name {
        Some(name) => format!("the key `{}`", sanitize::escape_to(name.value.as_str(), SHOWN)),
        None => "the key".to_owned(),
    }
}
