//! Reads one manifest file: from its text to typed fields, reporting whatever does not fit.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::diagnostic::Diagnostic;
use super::fields::Scope;
use super::policy::Policy;
use super::problems::Problems;
use super::source::Source;
use super::span::{Extent, Position};
use super::tree::{Field, Mapping, Node, Value};
use super::yaml;
use super::{characters, entry};
use crate::names::{KeyName, UserId};
use crate::public_key::PublicKey;

/// The one version of the format.
pub(crate) const VERSION: u32 = 1;

/// The most keys of one manifest, all files together.
pub(crate) const MAX_KEYS: usize = 200_000;

/// Reads the key file that a manifest names. The one thing that reading a manifest asks of the outside.
pub(crate) trait KeyFiles {
    /// Returns the text of the file `name`, as it stands in the manifest file `manifest`.
    fn read(&self, manifest: &Path, name: &str) -> Result<String, super::key_file::KeyFileError>;
}

/// What one file says.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) file: Arc<Path>,
    /// The pin, if there is an `account`; what is in it may have been refused.
    pub(crate) account: Option<Placed<Option<UserId>>>,
    pub(crate) policy: Option<Placed<Policy>>,
    pub(crate) keys: Vec<Entry>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) extent: Extent,
}

/// One entry of `keys`. What is missing or was refused is nothing.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) extent: Extent,
    pub(crate) name: Option<Placed<KeyName>>,
    pub(crate) key: Option<Placed<PublicKey>>,
    pub(crate) owner: Wanted<String>,
    pub(crate) expires: Wanted<Placed<Date>>,
    pub(crate) primary: Option<Placed<bool>>,
    pub(crate) protect: bool,
}

/// A field that a policy may require: one that is there, but was refused, is not reported as missing too.
#[derive(Debug)]
pub(crate) enum Wanted<T> {
    Absent,
    Refused,
    There(T),
}

impl<T> Wanted<T> {
    pub(crate) fn of(read: Option<T>) -> Self {
        read.map_or(Self::Refused, Self::There)
    }

    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::There(value) => Some(value),
            Self::Absent | Self::Refused => None,
        }
    }
}

/// Reads one file, and marks in it what may not be shown.
pub(crate) fn read(source: &mut Source, key_files: &dyn KeyFiles, problems: &mut Problems) -> Contents {
    let file = source.shared_path();
    let mut contents = Contents { file: Arc::clone(&file), account: None, policy: None, keys: Vec::new() };
    let mut shadows = source.secrets().to_vec();
    for secret in &shadows {
        let message = "a private key stands here, its text is not shown";
        let help = "remove it, and give the public key: the line in the `.pub` file beside it. This key is no secret any more: \
                    make a new one and withdraw it everywhere";
        problems.add(Diagnostic::error("key-private", &file, *secret, message).help(help));
    }
    let Some(text) = characters::readable(source.text(), &file, &mut shadows, problems) else {
        return contents;
    };
    shadows.sort_unstable();
    let root = yaml::parse(&text, &file, &shadows, problems);
    let mut scope = Scope { file: &file, problems, hidden: Vec::new() };
    match &root {
        Some(root) => read_root(root, &mut scope, key_files, &mut contents),
        None if shadows.is_empty() && text.trim().is_empty() => {
            let help = "a manifest has at least `version: 1` and `keys: []`";
            scope.problems.add(
                Diagnostic::of_file(super::Severity::Error, "manifest-empty", &file, "the file is empty").help(help),
            );
        }
        None if shadows.is_empty() => {
            let help = "a manifest has at least `version: 1` and `keys: []`";
            scope.error("manifest-empty", Position::START.one(), "nothing but comments is in the file", help);
        }
        None => {}
    }
    let hidden = scope.hidden;
    drop(root);
    drop(text);
    for extent in hidden {
        source.hide(extent);
    }
    contents
}

const ROOT: [&str; 4] = ["version", "account", "policy", "keys"];

fn read_root(root: &Node<'_>, scope: &mut Scope<'_>, key_files: &dyn KeyFiles, contents: &mut Contents) {
    let Some(mapping) = scope.mapping(root, "a manifest", "begin with `version: 1`") else {
        return;
    };
    let mut version = false;
    let mut keys = false;
    for field in &mapping.fields {
        match &*field.name {
            "version" => {
                version = true;
                check_version(field, scope);
            }
            "account" => {
                contents.account = Some(Placed { value: read_account(field, scope), extent: field.extent });
            }
            "policy" => {
                contents.policy = Some(Placed { value: Policy::read(field, scope), extent: field.extent });
            }
            "keys" => {
                keys = true;
                contents.keys = read_keys(field, scope, key_files);
            }
            _ => match scope.unknown(field, &ROOT, "a manifest") {
                Some("version") => version = true,
                Some("keys") => keys = true,
                _ => {}
            },
        }
    }
    if !version {
        scope.missing(mapping, root.extent, "version", "the manifest", "version: 1");
    }
    if !keys {
        scope.missing(mapping, root.extent, "keys", "the manifest", "keys: []");
    }
}

fn check_version(field: &Field<'_>, scope: &mut Scope<'_>) {
    match &field.value.value {
        Value::Plain(text) if **text == *"1" => {}
        Value::Plain(text) if text.parse().is_ok_and(|version: u32| version > VERSION) => {
            let message = format!("the manifest is of version {text}, this keyform reads version {VERSION}");
            scope.error("version-newer", field.value.extent, message, "update keyform");
        }
        Value::Refused => {}
        _ => {
            scope.error("field-value", field.value.extent, "`version` must be 1", "write `version: 1`, without quotes");
        }
    }
}

fn read_account(field: &Field<'_>, scope: &mut Scope<'_>) -> Option<UserId> {
    let mapping = scope.mapping(&field.value, "`account`", "put `userId: …` below it, or remove it")?;
    let mut user = None;
    let mut there = false;
    for field in &mapping.fields {
        if &*field.name != "userId" {
            there |= scope.unknown(field, &["userId"], "`account`").is_some();
            continue;
        }
        there = true;
        if let Some(text) = scope.text(&field.value, "`userId`") {
            match UserId::new(text) {
                Ok(id) => user = Some(id),
                Err(error) => {
                    let message = format!("`userId` is no id of a user: {error}");
                    scope.error("field-value", field.value.extent, message, "the state file of the account has it");
                }
            }
        }
    }
    if !there {
        scope.missing(mapping, field.extent, "userId", "`account`", "userId: …");
    }
    user
}

fn read_keys(field: &Field<'_>, scope: &mut Scope<'_>, key_files: &dyn KeyFiles) -> Vec<Entry> {
    let Some(items) = scope.list(field, "begin each key with `- name: …`, or write `keys: []`") else {
        return Vec::new();
    };
    let entry = |item: &Node<'_>, mapping: &Mapping<'_>, scope: &mut Scope<'_>| {
        entry::read(item.extent, mapping, scope, key_files)
    };
    items
        .iter()
        .filter_map(|item| {
            let mapping = scope.mapping(item, "a key", "write `- name: …` and `publicKey: …` below it")?;
            Some(entry(item, mapping, scope))
        })
        .collect()
}
