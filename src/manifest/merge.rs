//! Merges what the files say into one desired set, and checks what only shows across them.

use std::collections::{HashMap, hash_map};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::diagnostic::{Diagnostic, Severity};
use super::fields::SHOWN;
use super::policy::{self, days_until};
use super::problems::Problems;
use super::read::{Contents, Entry, MAX_KEYS, Placed, Wanted};
use super::span::Extent;
use super::{Desired, DesiredKey, EXPIRES_SOON_DAYS, Place};
use crate::public_key::{KeyBlob, WEAK_RSA_BITS};
use crate::terminal::sanitize;

/// Checks all files together and merges them: into something incomplete, if a problem was found before or here.
pub(crate) fn merge(files: Vec<Contents>, today: Date, problems: &mut Problems) -> Desired {
    let account = only(&files, "account-twice", "account", |file| file.account.as_ref(), problems);
    let account = account.and_then(|(_, account)| account.value.clone());
    let policy = only(&files, "policy-twice", "policy", |file| file.policy.as_ref(), problems);
    let default = policy::Policy::default();
    let rules = policy.map_or(&default, |(_, policy)| &policy.value);
    for file in &files {
        if let Some((policy_file, policy)) = policy {
            policy::check(&policy.value, policy_file, file, today, problems);
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
    let Entry { extent, name, key, owner, expires, primary, protect } = entry;
    Some(DesiredKey {
        name: name?.value,
        key: key?.value,
        primary: primary.is_some_and(|primary| primary.value),
        owner: owner.into_option(),
        expires: expires.into_option().map(|expires| expires.value),
        protect,
        place: Place::new(file, extent),
    })
}

/// Finds the one file that has a field, and reports the others.
fn only<'f, T>(
    files: &'f [Contents],
    code: &'static str,
    field: &str,
    of: impl Fn(&'f Contents) -> Option<&'f Placed<T>>,
    problems: &mut Problems,
) -> Option<(&'f Arc<Path>, &'f Placed<T>)> {
    let mut all = files.iter().filter_map(|file| Some((&file.file, of(file)?)));
    let first = all.next()?;
    for (file, again) in all {
        let message = format!("`{field}` stands in more than one file");
        problems.add(
            Diagnostic::error(code, file, again.extent, message)
                .related(first.0, first.1.extent, "first here")
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
            let problem = Diagnostic::error("manifest-too-many-keys", &file.file, entry.extent, message);
            return problems.add(problem.help("split the account"));
        }
    }
}

/// Reports names and keys that are there more than once.
fn check_unique(files: &[Contents], problems: &mut Problems) {
    let count = files.iter().map(|file| file.keys.len()).sum();
    let mut names = Seen(HashMap::with_capacity(count));
    let mut blobs: Seen<&KeyBlob> = Seen(HashMap::with_capacity(count));
    for file in files {
        for entry in &file.keys {
            if let Some(name) = &entry.name
                && let Some(first) = names.first(&name.value, &file.file, name.extent)
            {
                let message = format!("another key is called `{}`", sanitize::escape_to(name.value.as_str(), SHOWN));
                problems.add(
                    Diagnostic::error("name-duplicate", &file.file, name.extent, message)
                        .related(first.0, first.1, "first here")
                        .help("give each key a name of its own"),
                );
            }
            if let Some(key) = &entry.key
                && let Some(first) = blobs.first(key.value.blob(), &file.file, key.extent)
            {
                problems.add(
                    Diagnostic::error("key-duplicate", &file.file, key.extent, "the same key is listed already")
                        .related(first.0, first.1, "first here")
                        .help("remove one of the two: comments and names do not make a key another one"),
                );
            }
        }
    }
}

/// Remembers where each thing was first.
struct Seen<'f, K>(HashMap<K, (&'f Arc<Path>, Extent)>);

impl<'f, K: Hash + Eq> Seen<'f, K> {
    /// Returns where `what` was before, or remembers it.
    fn first(&mut self, what: K, file: &'f Arc<Path>, extent: Extent) -> Option<(&'f Arc<Path>, Extent)> {
        match self.0.entry(what) {
            hash_map::Entry::Occupied(first) => Some(*first.get()),
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert((file, extent));
                None
            }
        }
    }
}

fn check_primary(files: &[Contents], problems: &mut Problems) {
    let entries = files.iter().flat_map(|file| file.keys.iter().map(move |entry| (&file.file, entry)));
    let mut primaries = entries.filter_map(|(file, entry)| {
        let primary = entry.primary.as_ref().filter(|primary| primary.value)?;
        Some((file, primary.extent))
    });
    let Some((first_file, first)) = primaries.next() else {
        return;
    };
    for (file, extent) in primaries {
        problems.add(
            Diagnostic::error("primary-twice", file, extent, "another key is the primary")
                .related(first_file, first, "first here")
                .help("keep `primary: true` on one key"),
        );
    }
}

fn warn(entry: &Entry, rules: &policy::Policy, file: &Arc<Path>, today: Date, problems: &mut Problems) {
    let mut add = |code, extent, message: String, help: &str| {
        problems.add(Diagnostic::at(Severity::Warning, code, file, extent, message).help(help));
    };
    if let Wanted::There(expires) = &entry.expires {
        let days = days_until(today, expires.value);
        if days < 0 {
            let message = format!("the key is expired: {} was its last day", expires.value);
            add("key-expired", expires.extent, message, "a plan deletes it; remove the entry, or give it another date");
        } else if days <= EXPIRES_SOON_DAYS {
            let message = match days {
                0 => "the key expires after today".to_owned(),
                1 => "the key expires after tomorrow".to_owned(),
                _ => format!("the key expires in {days} days"),
            };
            add("key-expires-soon", expires.extent, message, "replace the key, or give it another date");
        }
        if entry.primary.as_ref().is_some_and(|primary| primary.value) {
            let message = "the primary key has a last day: after it the account has none".to_owned();
            add("primary-expires", expires.extent, message, "name another primary before that day");
        }
    }
    if let Some(Placed { value: key, extent }) = &entry.key
        && key.is_weak()
        && !rules.refuses_bits(key)
    {
        let message = format!("an RSA key of {} bits is weak: at least {WEAK_RSA_BITS} are advised", key.bits());
        add("key-rsa-weak", *extent, message, "make a key of ssh-ed25519");
    }
}
