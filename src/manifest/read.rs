//! Reads one manifest file from its text to typed fields, and reports what does not fit.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::code::Code;
use super::contents::{Contents, Entry, KeyList, RevokedEntry};
use super::diagnostic::{Diagnostic, Problems, Severity};
use super::fields::FieldReader;
use super::key_file::KeyFiles;
use super::limits::MAX_LINE_BYTES;
use super::policy::Policy;
use super::source::{Redaction, RedactionReason, Source, lines};
use super::tree::{Field, Node, Spanned, Value};
use super::{conflict, entry, revoked, yaml};
use crate::names::UserId;
use crate::terminal::escape::describe;

/// The one version of the format.
const VERSION: u32 = 1;

/// Reads one file, and redacts the credentials in it.
pub(crate) fn read(source: &mut Source, key_files: &mut KeyFiles, problems: &mut Problems) -> Contents {
    let file = source.shared_path();
    let mut contents =
        Contents { file: Arc::clone(&file), account: None, policy: None, keys: KeyList::Unknown, revoked: Vec::new() };
    let long_lines = long_lines(source, problems);
    report_redactions(source, &long_lines, problems);
    if !source.is_whole() || !long_lines.is_empty() || conflict::report(source.text(), &file, problems) {
        return contents;
    }
    let mut secrets = Vec::new();
    let root = yaml::parse(source.text(), &file, &mut secrets, problems);
    let mut reader = FieldReader { source, file: &file, key_files, problems, secrets };
    let help = "add at least `version: 1` and `keys: []`";
    match &root {
        Some(root) => read_root(root, &mut reader, &mut contents),
        None if !source.redactions().is_empty() => {}
        None if source.text().trim().is_empty() => {
            let problem = Diagnostic::of_file(Severity::Error, Code::ManifestEmpty, &file, "the file is empty");
            reader.problems.add(problem.help(help));
        }
        None => reader.error(Code::ManifestEmpty, &(0..1), "the file contains only comments", help),
    }
    let secrets =
        reader.secrets.into_iter().map(|range| Redaction { range, reason: RedactionReason::Secret }).collect();
    drop(root);
    source.redact(secrets);
    contents
}

/// Reports lines that are too long to be parsed.
fn long_lines(source: &Source, problems: &mut Problems) -> Vec<Range<usize>> {
    let found: Vec<_> = lines(source.text()).filter(|line| line.len() > MAX_LINE_BYTES).collect();
    for line in &found {
        let message = format!("the line has {} bytes; the maximum is {MAX_LINE_BYTES}", line.len());
        let place = line.start..line.start + 1;
        let problem = Diagnostic::error(Code::ManifestLineTooLong, &source.shared_path(), &place, message);
        problems.add(problem.help("put each field on its own line"));
    }
    found
}

/// Reports what was blanked: of a line that is too long only its first secret, as finding a column takes time there.
fn report_redactions(source: &Source, long_lines: &[Range<usize>], problems: &mut Problems) {
    let file = source.shared_path();
    let mut reported_to = 0;
    for Redaction { range, reason } in source.redactions() {
        let line = long_lines.partition_point(|line| line.end <= range.start);
        let long_line = long_lines.get(line).filter(|line| line.start <= range.start);
        match *reason {
            RedactionReason::Secret if range.start >= reported_to => {
                problems.add(Diagnostic::private_key(&file, range));
                reported_to = long_line.map_or(0, |line| line.end);
            }
            RedactionReason::Invisible { first, count } if long_line.is_none() => {
                problems.add(invisible(&file, range, first, count));
            }
            _ => {}
        }
    }
}

fn invisible(file: &Arc<Path>, range: &Range<usize>, first: char, count: usize) -> Diagnostic {
    let first = describe(first);
    let message = match count {
        1 => format!("{first} is not allowed, because it is invisible or hides other characters"),
        many => {
            format!(
                "{first} and {} more are not allowed, because they are invisible or hide other characters",
                many - 1
            )
        }
    };
    let problem = Diagnostic::error(Code::UnsafeCharacter, file, range, message);
    problem.help("remove it, and use only spaces as white space")
}

pub(crate) const FIELDS: [&str; 5] = ["version", "account", "policy", "keys", "revoked"];

pub(crate) const ACCOUNT_FIELDS: [&str; 1] = ["userId"];

fn read_root(root: &Node<'_>, reader: &mut FieldReader<'_>, contents: &mut Contents) {
    let Some(mapping) = reader.mapping(root, "a manifest", "start with `version: 1`") else {
        return;
    };
    let mut version = false;
    let mut keys = false;
    for field in &mapping.fields {
        match &*field.name.value {
            "version" => {
                version = true;
                check_version(field, reader);
            }
            "account" => {
                let range = field.name.range.clone();
                contents.account = Some(Spanned { value: read_account(field, reader), range });
            }
            "policy" => {
                let range = field.name.range.clone();
                contents.policy = Some(Spanned { value: Policy::read(field, reader), range });
            }
            "keys" => {
                keys = true;
                contents.keys = KeyList::Listed(read_keys(field, reader));
            }
            "revoked" => contents.revoked = read_revoked(field, reader),
            _ => match reader.unknown(field, &FIELDS, "a manifest") {
                Some("version") => version = true,
                Some("keys") => keys = true,
                _ => {}
            },
        }
    }
    if !version {
        reader.missing(mapping, &root.head(), "version", "the manifest", "version: 1");
    }
    if !keys && reader.can_miss_fields(mapping) {
        contents.keys = KeyList::Missing(root.head());
    }
}

fn check_version(field: &Field<'_>, reader: &mut FieldReader<'_>) {
    match &field.value.value {
        Value::Plain(text) if **text == *"1" => {}
        Value::Plain(text) if text.parse().is_ok_and(|version: u32| version > VERSION) => {
            let message = format!("the manifest has version {text}, but this keyform supports only version {VERSION}");
            reader.error(Code::VersionNewer, &field.value.range, message, "update keyform");
        }
        Value::Refused => {}
        _ => {
            reader.error(
                Code::FieldValue,
                &field.value.range,
                "`version` must be 1",
                "write `version: 1`, without quotes",
            );
        }
    }
}

fn read_account(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Option<UserId> {
    let mapping = reader.mapping(&field.value, "`account`", "add `userId: …` below it, or remove it")?;
    let mut user = None;
    let mut there = false;
    for field in &mapping.fields {
        if field.name.value != "userId" {
            there |= reader.unknown(field, &ACCOUNT_FIELDS, "`account`").is_some();
            continue;
        }
        there = true;
        if let Some(text) = reader.text(&field.value, "`userId`") {
            match UserId::new(text) {
                Ok(id) => user = Some(id),
                Err(error) => {
                    let message = format!("invalid `userId`: {error}");
                    reader.error(
                        Code::FieldValue,
                        &field.value.range,
                        message,
                        "copy it from the state of the account",
                    );
                }
            }
        }
    }
    if !there {
        reader.missing(mapping, &field.name.range, "userId", "`account`", "userId: …");
    }
    user
}

fn read_keys(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Vec<Entry> {
    let Some(items) = reader.list(field, "start each key with `- name: …`, or write `keys: []`") else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| {
            let mapping = reader.mapping(item, "a key", "write `- name: …`, with `publicKey: …` below it")?;
            Some(entry::read(item, mapping, reader))
        })
        .collect()
}

fn read_revoked(field: &Field<'_>, reader: &mut FieldReader<'_>) -> Vec<RevokedEntry> {
    let Some(items) = reader.list(field, "start each key with `- fingerprint: …`, or remove it") else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| {
            let mapping = reader.mapping(item, "a revoked key", "write `- fingerprint: SHA256:…`")?;
            Some(revoked::read(item, mapping, reader))
        })
        .collect()
}
