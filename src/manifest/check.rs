//! Checks what all files say together, and merges it into the desired set.

use std::collections::{HashMap, hash_map};
use std::hash::Hash;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::code::Code;
use super::contents::{Contents, Entry, KeyList, Optional, RevokedEntry};
use super::desired::{Desired, DesiredKey, RevokedKey, days_until};
use super::diagnostic::{Diagnostic, Problems, Severity};
use super::limits::{EXPIRES_SOON_DAYS, MAX_KEYS, MAX_SHOWN_CHARS};
use super::policy::Policy;
use super::source::Place;
use super::tree::Spanned;
use super::violations::violations;
use crate::public_key::{Fingerprint, KeyBlob, WEAK_RSA_BITS};
use crate::terminal::escape::escape_to;

/// Leaves out keys with a problem, so the result is of use only if no problem forbids that.
pub(crate) fn merge(files: Vec<Contents>, today: Date, problems: &mut Problems) -> Desired {
    let account = only(&files, Code::AccountTwice, "account", |file| file.account.as_ref(), problems);
    let account = account.and_then(|(_, account)| account.value.clone());
    let policy = only(&files, Code::PolicyTwice, "policy", |file| file.policy.as_ref(), problems);
    let default = Policy::default();
    let rules = policy.map_or(&default, |(_, policy)| &policy.value);
    let violations = policy.map(|(file, policy)| violations(&policy.value, file, &files, today, problems));
    for file in &files {
        for entry in file.entries() {
            warn(entry, rules, &file.file, today, problems);
            check_protection(entry, &file.file, problems);
        }
    }
    check_listed(&files, problems);
    check_count(&files, problems);
    check_unique(&files, problems);
    check_revoked(&files, problems);
    check_primary(&files, problems);
    check_complete(&files, problems);
    let mut merged = Desired {
        account,
        keys: Vec::with_capacity(files.iter().map(|file| file.entries().len()).sum()),
        revoked: Vec::new(),
        violations: violations.unwrap_or_default(),
        policy_level: rules.level,
        unmanaged: rules.unmanaged,
        unmanaged_except: rules.unmanaged_except.clone(),
        files: files.iter().map(|file| file.file.to_path_buf()).collect(),
    };
    for Contents { file, keys, revoked, .. } in files {
        if let KeyList::Listed(entries) = keys {
            merged.keys.extend(entries.into_iter().filter_map(|entry| desired_key(entry, &file)));
        }
        merged.revoked.extend(revoked.into_iter().filter_map(|entry| revoked_key(entry, &file)));
    }
    merged.keys.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    merged.revoked.sort_unstable_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    merged
}

fn desired_key(entry: Entry, file: &Arc<Path>) -> Option<DesiredKey> {
    let Entry { range, head: _, name, key, account_name, owner, expires, primary, protect, exempt } = entry;
    Some(DesiredKey {
        name: name?.value,
        key: key?.value,
        account_name,
        primary: primary.is_some_and(|primary| primary.value),
        owner: owner.into_option(),
        expires: expires.into_option().map(|expires| expires.value),
        protect: protect.is_some_and(|protect| protect.value),
        exempt,
        place: Place { file: Arc::clone(file), range },
    })
}

fn revoked_key(entry: RevokedEntry, file: &Arc<Path>) -> Option<RevokedKey> {
    let RevokedEntry { range, fingerprint, blob, reason } = entry;
    let place = Place { file: Arc::clone(file), range };
    Some(RevokedKey { fingerprint: fingerprint?.value, blob, reason, place })
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

/// Reports that no file has `keys`, at the first file.
fn check_listed(files: &[Contents], problems: &mut Problems) {
    let missing = files.iter().map(|file| match &file.keys {
        KeyList::Missing(range) => Some((&file.file, range)),
        KeyList::Listed(_) | KeyList::Unknown => None,
    });
    let Some(missing) = missing.collect::<Option<Vec<_>>>() else {
        return;
    };
    if let Some((file, range)) = missing.first() {
        let message = if files.len() == 1 { "the manifest has no `keys`" } else { "no file has `keys`" };
        problems.add(Diagnostic::error(Code::FieldMissing, file, range, message).help("add `keys: []`"));
    }
}

/// Reports entries that would be left out although no problem says so: a manifest without a key would revoke it.
fn check_complete(files: &[Contents], problems: &mut Problems) {
    if problems.have_errors() {
        return;
    }
    for file in files {
        let keys = file.entries().iter().filter(|entry| entry.name.is_none() || entry.key.is_none());
        let revoked = file.revoked.iter().filter(|entry| entry.fingerprint.is_none());
        for range in keys.map(|entry| &entry.head).chain(revoked.map(|entry| &entry.range)) {
            let problem = Diagnostic::error(Code::FieldValue, &file.file, range, "this entry cannot be read");
            problems.add(problem.help("remove it and write it again; this is also a bug in keyform, please report it"));
        }
    }
}

fn check_count(files: &[Contents], problems: &mut Problems) {
    let mut count = 0;
    for file in files {
        count += file.entries().len();
        if let Some(entry) = file.entries().last().filter(|_| count > MAX_KEYS) {
            let message = format!("all files together have more than {MAX_KEYS} keys");
            let problem = Diagnostic::error(Code::ManifestTooManyKeys, &file.file, &entry.head, message);
            return problems.add(problem.help("use several accounts"));
        }
    }
}

fn check_unique(files: &[Contents], problems: &mut Problems) {
    let count = files.iter().map(|file| file.entries().len()).sum();
    let mut names = Seen(HashMap::with_capacity(count));
    let mut blobs: Seen<&KeyBlob> = Seen(HashMap::with_capacity(count));
    for file in files {
        for entry in file.entries() {
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

/// Reports keys that are revoked twice, and keys that are both listed and revoked.
fn check_revoked(files: &[Contents], problems: &mut Problems) {
    let mut revoked: Seen<&Fingerprint> = Seen(HashMap::new());
    for file in files {
        for entry in &file.revoked {
            if let Some(fingerprint) = &entry.fingerprint
                && let Some(first) = revoked.first(&fingerprint.value, &file.file, &fingerprint.range)
            {
                let message = "this key is already revoked";
                problems.add(
                    Diagnostic::error(Code::RevokedDuplicate, &file.file, &fingerprint.range, message)
                        .related(first.0, first.1, "first here")
                        .help("remove one of them"),
                );
            }
        }
    }
    if revoked.0.is_empty() {
        return;
    }
    for file in files {
        for key in file.entries().iter().filter_map(|entry| entry.key.as_ref()) {
            if let Some(revocation) = revoked.0.get(&key.value.blob().fingerprint()) {
                let message = "this key is revoked";
                problems.add(
                    Diagnostic::error(Code::KeyRevoked, &file.file, &key.range, message)
                        .related(revocation.0, revocation.1, "revoked here")
                        .help("remove the entry, or replace its key"),
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
    let entries = files.iter().flat_map(|file| file.entries().iter().map(move |entry| (&file.file, entry)));
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

fn check_protection(entry: &Entry, file: &Arc<Path>, problems: &mut Problems) {
    if let (Some(Spanned { value: true, range }), Optional::Present(expires)) = (&entry.protect, &entry.expires) {
        let message = "a protected key cannot expire, because its removal would be refused";
        problems.add(
            Diagnostic::error(Code::ProtectExpires, file, range, message)
                .related(file, &expires.range, "expires here")
                .help("remove `protect` or `expires`"),
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
