//! A plan as a unified diff from recorded to desired, both as YAML: a list of keys by name.
//!
//! It has the entries that change, each whole, and no others. Lines are compared only between entries of the same name.
//! Comparing the whole lists would take time that grows with the square of the number of changes.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::names::{AccountName, KeyId, KeyName};
use crate::plan::{AccountRow, Change, LeftOutAction, NewKey, OldKey, Plan};
use crate::state::Record;
use crate::terminal::escape::escape;

/// A key, as both sides show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiffEntry<'a> {
    name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    key_type: Option<String>,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// As the manifest has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<String>,
    /// The name of the row, if it is neither of the other names.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_on_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    protect: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    primary: bool,
    public_key: &'a str,
    /// The fingerprints of all keys, if the row has several or something before a key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mixed_keys: Vec<String>,
}

/// An entry of the list as YAML. A side is empty if the entry is missing there.
#[derive(Default)]
struct Sides {
    before: String,
    after: String,
}

/// Renders the changes of a plan, and what else a reviewer should know as comments around them.
pub fn plan(plan: &Plan) -> String {
    let mut out = String::new();
    if let Some(stack) = &plan.stack {
        let _ = writeln!(out, "# Stack: {stack}");
    }
    let _ = writeln!(out, "# State: {}", plan.base.phrase());
    if let Some(primary) = plan.primary_after() {
        let _ = writeln!(out, "# Primary: {}", primary.phrase());
    }
    if let Some(commit) = &plan.commit {
        let _ = writeln!(out, "# Commit: {commit}");
    }
    if let Some(partial) = &plan.partial {
        let _ = writeln!(out, "# Partial: {}", partial.phrase());
        for LeftOutAction { kind, name, fingerprint } in &partial.left_out {
            let _ = writeln!(out, "#   {} {} {name} {fingerprint}", kind.glyph(), kind.verb());
        }
    }
    for refusal in &plan.refusals {
        let _ = writeln!(out, "# Refused: {}", refusal.message());
        let _ = writeln!(out, "#   help: {}", refusal.help());
    }
    out += &changes(plan);
    for drift in &plan.drift {
        let _ = writeln!(out, "# Changed outside of keyform: {}", drift.phrase());
    }
    for remark in plan.remarks() {
        let _ = writeln!(out, "# {remark}");
    }
    out
}

/// Renders the changes of a plan. Empty if no key and no row changes.
pub fn changes(plan: &Plan) -> String {
    let (mut olds, mut news) = (0, 0);
    let mut lines = String::new();
    for Sides { before, after } in entries(plan).values().filter(|sides| sides.before != sides.after) {
        for change in TextDiff::from_lines(before.as_str(), after.as_str()).iter_all_changes() {
            let _ = write!(lines, "{}{}", change.tag(), change.value());
            olds += usize::from(change.tag() != ChangeTag::Insert);
            news += usize::from(change.tag() != ChangeTag::Delete);
        }
    }
    if lines.is_empty() {
        return lines;
    }
    let from =
        plan.base.lineage.map_or_else(|| "recorded".to_owned(), |_| format!("recorded (serial {})", plan.base.serial));
    format!("--- {from}\n+++ desired\n@@ -{} +{} @@\n{lines}", range(olds), range(news))
}

/// Pairs both sides of each entry by name, and further records with the same name by id.
fn entries(plan: &Plan) -> BTreeMap<(&KeyName, &str), Sides> {
    let mut entries: BTreeMap<_, Sides> = BTreeMap::new();
    let changes = || plan.actions.iter().map(|action| &action.change);
    let mut dropped: HashSet<_> = changes().flat_map(Change::old_rows).map(|old| &old.id).collect();
    dropped.extend(changes().filter_map(Change::new_key).flat_map(|key| &key.stale));
    // A row that is already recorded gets a new record, which may have another name.
    dropped.extend(changes().filter_map(Change::row).map(|row| &row.id));
    let primary = plan.primary_row.as_ref().map(|row| &row.id);
    let promoted: HashSet<_> = changes().filter(|change| change.promotes()).map(Change::blob).collect();
    let stays_primary = |id: &KeyId| promoted.is_empty() && Some(id) == primary;

    for record in &plan.recorded {
        let first = (&record.name, "");
        let at = if entries.contains_key(&first) { (&record.name, record.id.as_str()) } else { first };
        let sides = entries.entry(at).or_default();
        sides.before = of_record(record, Some(&record.id) == primary);
        if !dropped.contains(&record.id) {
            sides.after = of_record(record, promoted.contains(&record.public_key) || stays_primary(&record.id));
        }
    }
    let recorded: HashSet<_> = plan.recorded.iter().map(|record| &record.id).collect();
    for action in &plan.actions {
        if let Change::Delete(old) = &action.change
            && !recorded.contains(&old.id)
        {
            entries.entry((&action.name, old.id.as_str())).or_default().before = of_old(old);
        }
        if let Some(key) = action.change.new_key() {
            let row = action.change.row();
            let is_primary = promoted.contains(key.key.blob()) || row.is_some_and(|row| stays_primary(&row.id));
            entries.entry((&action.name, "")).or_default().after = of_new(&action.name, key, row, is_primary);
        }
    }
    entries
}

fn of_record(record: &Record, primary: bool) -> String {
    let Record {
        name,
        id,
        public_key,
        fingerprint,
        row_name: _,
        account_name,
        owner,
        expires,
        protect,
        origin: _,
        created_at: _,
    } = record;
    write(&DiffEntry {
        name: name.as_str(),
        key_type: public_key.kind().map(|kind| kind.to_string()),
        fingerprint: fingerprint.to_string(),
        id: Some(id.as_str()),
        account_name: account_name.as_deref().map(|name| escape(name).into_owned()),
        name_on_account: other_name(name, account_name.as_deref(), record.row_name()),
        owner: owner.as_deref().map(|owner| escape(owner).into_owned()),
        expires: expires.map(|last| last.to_string()),
        protect: *protect,
        primary,
        public_key: public_key.as_str(),
        mixed_keys: Vec::new(),
    })
}

fn of_new(name: &KeyName, key: &NewKey, row: Option<&AccountRow>, primary: bool) -> String {
    let NewKey { key, account_name: sent_name, owner, expires, protect, changes: _, stale: _ } = key;
    let sent_name = sent_name.as_ref().map(AccountName::as_str);
    write(&DiffEntry {
        name: name.as_str(),
        key_type: Some(key.kind().to_string()),
        fingerprint: key.blob().fingerprint().to_string(),
        id: row.map(|row| row.id.as_str()),
        account_name: sent_name.map(|name| escape(name).into_owned()),
        name_on_account: row.and_then(|row| other_name(name, sent_name, &row.account_name)),
        owner: owner.as_deref().map(|owner| escape(owner).into_owned()),
        expires: expires.map(|last| last.to_string()),
        protect: *protect,
        primary,
        public_key: key.blob().as_str(),
        mixed_keys: Vec::new(),
    })
}

/// Writes a row that is deleted and not recorded.
fn of_old(old: &OldKey) -> String {
    let OldKey { name, id, account_name, blob, mixed, owner, expires, has_expired: _, protect, is_primary } = old;
    write(&DiffEntry {
        name: name.as_str(),
        key_type: blob.kind().map(|kind| kind.to_string()),
        fingerprint: blob.fingerprint().to_string(),
        id: Some(id.as_str()),
        account_name: None,
        name_on_account: other_name(name, None, account_name),
        owner: owner.as_deref().map(|owner| escape(owner).into_owned()),
        expires: expires.map(|last| last.to_string()),
        protect: *protect,
        primary: *is_primary,
        public_key: blob.as_str(),
        mixed_keys: mixed.iter().map(|key| key.fingerprint().to_string()).collect(),
    })
}

/// Returns the name of a row, if it is neither the name of the key nor its `accountName`.
fn other_name(name: &KeyName, account_name: Option<&str>, row_name: &str) -> Option<String> {
    (row_name != account_name.unwrap_or(name.as_str())).then(|| escape(row_name).into_owned())
}

/// Writes an entry as a list with one element, with a line feed at its end.
fn write(entry: &DiffEntry<'_>) -> String {
    // Writing a struct of texts into memory cannot fail.
    serde_yaml::to_string(&[entry]).unwrap_or_default()
}

/// Formats the first line of a side and its number of lines. An empty side starts at the line before.
fn range(length: usize) -> String {
    match length {
        0 => "0,0".to_owned(),
        1 => "1".to_owned(),
        _ => format!("1,{length}"),
    }
}
