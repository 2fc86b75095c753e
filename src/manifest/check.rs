//! Checks what all files say together, and merges it into the desired set.

use std::collections::{HashMap, hash_map};
use std::hash::Hash;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::code::Code;
use super::contents::{Contents, Entry, Optional};
use super::desired::{Desired, DesiredKey, Place, days_until};
use super::diagnostic::{Diagnostic, Problems, Severity};
use super::limits::{EXPIRES_SOON_DAYS, MAX_KEYS, MAX_SHOWN_CHARS};
use super::policy::Policy;
use super::tree::Spanned;
use crate::public_key::{KeyBlob, WEAK_RSA_BITS};
use crate::terminal::escape::escape_to;

/// Leaves out keys with a problem, so the result is of use only if no problem forbids that.
pub(crate) fn merge(files: Vec<Contents>, today: Date, problems: &mut Problems) -> Desired {
    let account = only(&files, Code::AccountTwice, "account", |file| file.account.as_ref(), problems);
    let account = account.and_then(|(_, account)| account.value.clone());
    let policy = only(&files, Code::PolicyTwice, "policy", |file| file.policy.as_ref(), problems);
    let default = Policy::default();
    let rules = policy.map_or(&default, |(_, policy)| &policy.value);
    for file in &files {
        if let Some((policy_file, policy)) = policy {
            check_policy(&policy.value, policy_file, file, today, problems);
        }
        for entry in &file.keys {
            warn(entry, rules, &file.file, today, problems);
        }
    }
    check_count(&files, problems);
    check_unique(&files, problems);
    check_primary(&files, problems);
    let paths: Vec<PathBuf> = files.iter().map(|file| file.file.to_path_buf()).collect();
    let mut keys = Vec::with_capacity(files.iter().map(|file| file.keys.len()).sum());
    for Contents { file, keys: entries, .. } in files {
        keys.extend(entries.into_iter().filter_map(|entry| desired(entry, &file)));
    }
    keys.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Desired { account, keys, files: paths }
}

fn desired(entry: Entry, file: &Arc<Path>) -> Option<DesiredKey> {
    let Entry { range, head: _, name, key, owner, expires, primary, protect } = entry;
    Some(DesiredKey {
        name: name?.value,
        key: key?.value,
        primary: primary.is_some_and(|primary| primary.value),
        owner: owner.into_option(),
        expires: expires.into_option().map(|expires| expires.value),
        protect,
        place: Place { file: Arc::clone(file), range },
    })
}

/// Finds the file that has a field, and reports every other one that has it.
fn only<'f, T>(
    files: &'f [Contents],
    code: Code,
    field: &str,
    of: impl Fn(&'f Contents) -> Option<&'f Spanned<T>>,
    problems: &mut Problems,
) -> Option<(&'f Arc<Path>, &'f Spanned<T>)> {
    let mut all = files.iter().filter_map(|file| Some((&file.file, of(file)?)));
    let first = all.next()?;
    for (file, again) in all {
        let message = format!("`{field}` is in more than one file");
        problems.add(
            Diagnostic::error(code, file, &again.range, message)
                .related(first.0, &first.1.range, "first here")
                .help("keep it in one file"),
        );
    }
    Some(first)
}

fn check_count(files: &[Contents], problems: &mut Problems) {
    let mut count = 0;
    for file in files {
        count += file.keys.len();
        if let Some(entry) = file.keys.last().filter(|_| count > MAX_KEYS) {
            let message = format!("all files together have more than {MAX_KEYS} keys");
            let problem = Diagnostic::error(Code::ManifestTooManyKeys, &file.file, &entry.head, message);
            return problems.add(problem.help("use several accounts"));
        }
    }
}

fn check_unique(files: &[Contents], problems: &mut Problems) {
    let count = files.iter().map(|file| file.keys.len()).sum();
    let mut names = Seen(HashMap::with_capacity(count));
    let mut blobs: Seen<&KeyBlob> = Seen(HashMap::with_capacity(count));
    for file in files {
        for entry in &file.keys {
            if let Some(name) = &entry.name
                && let Some(first) = names.first(&name.value, &file.file, &name.range)
            {
                let message = format!("another key has the name `{}`", escape_to(name.value.as_str(), MAX_SHOWN_CHARS));
                problems.add(
                    Diagnostic::error(Code::NameDuplicate, &file.file, &name.range, message)
                        .related(first.0, first.1, "first here")
                        .help("give each key a different name"),
                );
            }
            if let Some(key) = &entry.key
                && let Some(first) = blobs.first(key.value.blob(), &file.file, &key.range)
            {
                problems.add(
                    Diagnostic::error(Code::KeyDuplicate, &file.file, &key.range, "this key is already listed")
                        .related(first.0, first.1, "first here")
                        .help("remove one of them; comments and names do not make keys different"),
                );
            }
        }
    }
}

struct Seen<'f, K>(HashMap<K, (&'f Arc<Path>, &'f Range<usize>)>);

impl<'f, K: Hash + Eq> Seen<'f, K> {
    /// Returns where `what` was seen first, or none if that is here.
    fn first(
        &mut self,
        what: K,
        file: &'f Arc<Path>,
        range: &'f Range<usize>,
    ) -> Option<(&'f Arc<Path>, &'f Range<usize>)> {
        match self.0.entry(what) {
            hash_map::Entry::Occupied(first) => Some(*first.get()),
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert((file, range));
                None
            }
        }
    }
}

fn check_primary(files: &[Contents], problems: &mut Problems) {
    let entries = files.iter().flat_map(|file| file.keys.iter().map(move |entry| (&file.file, entry)));
    let mut primaries = entries.filter_map(|(file, entry)| {
        let primary = entry.primary.as_ref().filter(|primary| primary.value)?;
        Some((file, &primary.range))
    });
    let Some((first_file, first)) = primaries.next() else {
        return;
    };
    for (file, range) in primaries {
        problems.add(
            Diagnostic::error(Code::PrimaryTwice, file, range, "another key is the primary")
                .related(first_file, first, "first here")
                .help("keep `primary: true` on one key"),
        );
    }
}

fn warn(entry: &Entry, rules: &Policy, file: &Arc<Path>, today: Date, problems: &mut Problems) {
    let mut add = |code, range: &Range<usize>, message: String, help: &str| {
        problems.add(Diagnostic::at(Severity::Warning, code, file, range, message).help(help));
    };
    if let Optional::Present(expires) = &entry.expires {
        let days = days_until(today, expires.value);
        if days < 0 {
            let message = format!("this key has expired; its last day was {}", expires.value);
            add(
                Code::KeyExpired,
                &expires.range,
                message,
                "the next apply deletes it; remove the entry or change the date",
            );
        } else if days <= EXPIRES_SOON_DAYS {
            let message = match days {
                0 => format!("this key expires today ({})", expires.value),
                1 => format!("this key expires tomorrow ({})", expires.value),
                _ => format!("this key expires in {days} days"),
            };
            add(Code::KeyExpiresSoon, &expires.range, message, "replace the key or change the date");
        }
        if entry.primary.as_ref().is_some_and(|primary| primary.value) {
            let message = "the primary key expires; the account then has no primary key".to_owned();
            add(Code::PrimaryExpires, &expires.range, message, "make another key primary before that day");
        }
    }
    if let Some(Spanned { value: key, range }) = &entry.key
        && key.is_weak()
        && !rules.refuses_bits(key)
    {
        let message = format!("an RSA key of {} bits is weak; use at least {WEAK_RSA_BITS}", key.bits());
        add(Code::KeyRsaWeak, range, message, "create a new key with `ssh-keygen -t ed25519`");
    }
}

/// Checks the keys of one file against the policy, which may be in another file.
fn check_policy(policy: &Policy, policy_file: &Arc<Path>, contents: &Contents, today: Date, problems: &mut Problems) {
    let Policy { algorithms, min_rsa_bits, require_owner, max_lifetime_days, name_pattern } = policy;
    for entry in &contents.keys {
        let mut violation = |code, range: &Range<usize>, message: String, help: &str, rule: &Range<usize>| {
            problems.add(
                Diagnostic::at(Severity::Policy, code, &contents.file, range, message)
                    .related(policy_file, rule, "the policy")
                    .help(help),
            );
        };
        if let (Some(key), Some(rule)) = (&entry.key, algorithms)
            && !rule.value.contains(&key.value.blob().algorithm())
        {
            let message = format!("{} keys are not allowed", key.value.blob().algorithm());
            let help = format!("use a key of one of these types: {}", rule.value.join(", "));
            violation(Code::PolicyAlgorithms, &key.range, message, &help, &rule.range);
        }
        if let (Some(key), Some(rule)) = (&entry.key, min_rsa_bits)
            && policy.refuses_bits(&key.value)
        {
            let message = format!("an RSA key of {} bits; at least {} are required", key.value.bits(), rule.value);
            violation(
                Code::PolicyMinRsaBits,
                &key.range,
                message,
                "create a longer key, or an Ed25519 key",
                &rule.range,
            );
        }
        if let (Optional::Missing, Some(Spanned { value: true, range })) = (&entry.owner, require_owner) {
            let message = format!("{} has no `owner`", called(entry));
            violation(
                Code::PolicyRequireOwner,
                &entry.head,
                message,
                "add `owner: …`, the person responsible for the key",
                range,
            );
        }
        if let Some(rule) = max_lifetime_days {
            check_lifetime(entry, rule, today, &mut violation);
        }
        if let (Some(name), Some(rule)) = (&entry.name, name_pattern)
            && !rule.value.is_match(name.value.as_str())
        {
            let message = format!("the name does not match `{}`", escape_to(rule.value.as_str(), MAX_SHOWN_CHARS));
            violation(Code::PolicyNamePattern, &name.range, message, "choose a name that matches", &rule.range);
        }
    }
}

fn check_lifetime(
    entry: &Entry,
    rule: &Spanned<u32>,
    today: Date,
    violation: &mut impl FnMut(Code, &Range<usize>, String, &str, &Range<usize>),
) {
    let (range, message) = match &entry.expires {
        Optional::Invalid => return,
        Optional::Missing => {
            (&entry.head, format!("{} never expires; the maximum lifetime is {} days", called(entry), rule.value))
        }
        Optional::Present(expires) => {
            let days = days_until(today, expires.value);
            if days <= i64::from(rule.value) {
                return;
            }
            (&expires.range, format!("the key expires in {days} days; the maximum is {}", rule.value))
        }
    };
    let help = match today.checked_add(jiff::Span::new().days(i64::from(rule.value))) {
        Ok(last) => format!("set `expires` to {last} or earlier"),
        Err(_) => "choose an earlier date".to_owned(),
    };
    violation(Code::PolicyMaxLifetime, range, message, &help, &rule.range);
}

fn called(entry: &Entry) -> String {
    match &entry.name {
        Some(name) => format!("the key `{}`", escape_to(name.value.as_str(), MAX_SHOWN_CHARS)),
        None => "the key".to_owned(),
    }
}
