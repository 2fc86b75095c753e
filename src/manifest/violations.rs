//! Checks all keys against the policy.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::contents::{Contents, Entry, Optional};
use super::desired::{Violation, days_until};
use super::diagnostic::{Diagnostic, Problems, Severity};
use super::limits::MAX_SHOWN_CHARS;
use super::policy::{Policy, PolicyCheck, PolicyLevel};
use super::tree::Spanned;
use crate::terminal::escape::escape_to;

/// Returns the violations of all files, sorted, and reports each at its place. `policy_file` has the policy.
pub(crate) fn violations(
    policy: &Policy,
    policy_file: &Arc<Path>,
    files: &[Contents],
    today: Date,
    problems: &mut Problems,
) -> Vec<Violation> {
    let severity = match policy.level {
        PolicyLevel::Refuse => Severity::Policy,
        PolicyLevel::Warn => Severity::Warning,
    };
    let mut violations = Vec::new();
    for contents in files {
        for entry in contents.entries() {
            for Failed { check, range, message, help, rule } in failed(policy, entry, today) {
                problems.add(
                    Diagnostic::at(severity, check.code(), &contents.file, range, message.clone())
                        .related(policy_file, rule, "the policy")
                        .help(help.clone()),
                );
                if let Some(name) = &entry.name {
                    violations.push(Violation { name: name.value.clone(), check, message, help });
                }
            }
        }
    }
    violations.sort_unstable();
    violations
}

/// A check that an entry does not pass.
struct Failed<'e> {
    check: PolicyCheck,
    /// The part of the entry to underline.
    range: &'e Range<usize>,
    message: String,
    help: String,
    /// The field of the policy.
    rule: &'e Range<usize>,
}

fn failed<'e>(policy: &'e Policy, entry: &'e Entry, today: Date) -> impl Iterator<Item = Failed<'e>> {
    let checks = PolicyCheck::ALL.into_iter().filter(|check| !entry.exempt.contains(check));
    checks.filter_map(move |check| match check {
        PolicyCheck::Algorithms => check_algorithm(policy, entry),
        PolicyCheck::MinRsaBits => check_rsa_bits(policy, entry),
        PolicyCheck::RequireOwner => check_owner(policy, entry),
        PolicyCheck::MaxLifetimeDays => check_lifetime(policy, entry, today),
        PolicyCheck::NamePattern => check_name(policy, entry),
    })
}

fn check_algorithm<'e>(policy: &'e Policy, entry: &'e Entry) -> Option<Failed<'e>> {
    let (key, rule) = (entry.key.as_ref()?, policy.algorithms.as_ref()?);
    let algorithm = key.value.blob().algorithm();
    (!rule.value.contains(&algorithm)).then(|| Failed {
        check: PolicyCheck::Algorithms,
        range: &key.range,
        message: format!("{} has the type {algorithm}, which is not allowed", subject(entry)),
        help: format!("use a key of one of these types: {}", rule.value.join(", ")),
        rule: &rule.range,
    })
}

fn check_rsa_bits<'e>(policy: &'e Policy, entry: &'e Entry) -> Option<Failed<'e>> {
    let (key, rule) = (entry.key.as_ref()?, policy.min_rsa_bits.as_ref()?);
    policy.refuses_bits(&key.value).then(|| Failed {
        check: PolicyCheck::MinRsaBits,
        range: &key.range,
        message: format!(
            "{} is an RSA key of {} bits; at least {} are required",
            subject(entry),
            key.value.bits(),
            rule.value
        ),
        help: "create a longer key, or an Ed25519 key".to_owned(),
        rule: &rule.range,
    })
}

fn check_owner<'e>(policy: &'e Policy, entry: &'e Entry) -> Option<Failed<'e>> {
    match (&entry.owner, &policy.require_owner) {
        (Optional::Missing, Some(Spanned { value: true, range })) => Some(Failed {
            check: PolicyCheck::RequireOwner,
            range: &entry.head,
            message: format!("{} has no `owner`", subject(entry)),
            help: "add `owner: …`, the person responsible for the key".to_owned(),
            rule: range,
        }),
        _ => None,
    }
}

fn check_lifetime<'e>(policy: &'e Policy, entry: &'e Entry, today: Date) -> Option<Failed<'e>> {
    let rule = policy.max_lifetime_days.as_ref()?;
    let subject = subject(entry);
    let (range, message) = match &entry.expires {
        Optional::Invalid => return None,
        Optional::Missing => {
            (&entry.head, format!("{subject} never expires; the maximum lifetime is {} days", rule.value))
        }
        Optional::Present(expires) => {
            let days = days_until(today, expires.value);
            if days <= i64::from(rule.value) {
                return None;
            }
            (&expires.range, format!("{subject} expires in {days} days; the maximum is {}", rule.value))
        }
    };
    let help = match today.checked_add(jiff::Span::new().days(i64::from(rule.value))) {
        Ok(last) => format!("set `expires` to {last} or earlier"),
        Err(_) => "choose an earlier date".to_owned(),
    };
    Some(Failed { check: PolicyCheck::MaxLifetimeDays, range, message, help, rule: &rule.range })
}

fn check_name<'e>(policy: &'e Policy, entry: &'e Entry) -> Option<Failed<'e>> {
    let (name, rule) = (entry.name.as_ref()?, policy.name_pattern.as_ref()?);
    (!rule.value.is_match(name.value.as_str())).then(|| Failed {
        check: PolicyCheck::NamePattern,
        range: &name.range,
        message: format!("{} does not match `{}`", subject(entry), escape_to(rule.value.as_str(), MAX_SHOWN_CHARS)),
        help: "choose a name that matches".to_owned(),
        rule: &rule.range,
    })
}

fn subject(entry: &Entry) -> String {
    match &entry.name {
        Some(name) => format!("`{}`", escape_to(name.value.as_str(), MAX_SHOWN_CHARS)),
        None => "the key".to_owned(),
    }
}
