//! A plan as a unified diff, from what is recorded to what is desired, both as canonical YAML: a list of keys by name.
//!
//! Keys are told apart by their entries and not by a search for the longest common lines, whose time grows with the
//! square of what changed: only the lines of one entry are compared with those of another.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::names::{KeyId, KeyName};
use crate::plan::{AccountRow, Action, Change, NewKey, OldKey, Plan};
use crate::public_key::KeyBlob;
use crate::state::{Record, State};
use crate::terminal::sanitize::escape;

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;

/// One key as both sides write it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    sort: Option<String>,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    primary: bool,
    public_key: &'a str,
}

/// What stands in one place of the list, before and after. Either may be empty.
#[derive(Default)]
struct Place {
    before: String,
    after: String,
}

/// One line of the two texts laid over each other.
struct Line<'t> {
    tag: ChangeTag,
    text: &'t str,
}

/// Renders what a plan changes. Empty if that is nothing that is recorded.
pub fn plan(plan: &Plan, recorded: Option<&State>) -> String {
    let places = places(plan, recorded);
    let lines: Vec<_> = places.values().flat_map(lines).collect();
    let hunks = hunks(&lines);
    if hunks.is_empty() {
        return String::new();
    }
    let from = recorded.map_or_else(|| "recorded".to_owned(), |state| format!("recorded (serial {})", state.serial));
    format!("--- {from}\n+++ desired\n{hunks}")
}

/// Puts before and after of each key side by side: under its name, and, where a name stands twice, by its id.
fn places<'p>(plan: &'p Plan, recorded: Option<&'p State>) -> BTreeMap<(&'p KeyName, &'p str), Place> {
    let mut places: BTreeMap<_, Place> = BTreeMap::new();
    let gone: HashSet<_> = plan.actions.iter().flat_map(olds).map(|old| &old.id).collect();
    let stale: HashSet<_> = plan.actions.iter().filter_map(wanted).flat_map(|key| &key.stale).collect();
    // The row of a record that is recorded under another name from now on.
    let moved: HashSet<_> = plan.actions.iter().filter_map(adopted).collect();
    let primaries: HashSet<_> =
        plan.actions.iter().flat_map(olds).filter(|old| old.is_primary).map(|old| &old.id).collect();
    let promoted: HashSet<&KeyBlob> = plan.actions.iter().filter_map(promoted).collect();
    for record in recorded.into_iter().flat_map(State::sorted) {
        let goes = [&gone, &stale, &moved].iter().any(|ids| ids.contains(&record.id));
        // The first of a name stands where its successor will.
        let first = (&record.name, "");
        let at = if places.contains_key(&first) { (&record.name, record.id.as_str()) } else { first };
        let place = places.entry(at).or_default();
        place.before = of_record(record, primaries.contains(&record.id));
        if !goes {
            place.after = of_record(record, promoted.contains(&record.public_key));
        }
    }
    for action in &plan.actions {
        if let Some(key) = wanted(action) {
            let row = match &action.change {
                Change::Adopt { row, .. } => Some(row),
                Change::Replace { row, .. } => row.as_ref(),
                _ => None,
            };
            let heir =
                matches!(action.change, Change::Replace { promote: true, .. }) || promoted.contains(key.key.blob());
            places.entry((&action.name, "")).or_default().after = of_new(&action.name, key, row, heir);
        }
    }
    places
}

fn adopted(action: &Action) -> Option<&KeyId> {
    match &action.change {
        Change::Adopt { row, .. } => Some(&row.id),
        _ => None,
    }
}

fn olds(action: &Action) -> &[OldKey] {
    match &action.change {
        Change::Replace { old, .. } => old,
        Change::Delete(old) | Change::Forget(old) => std::slice::from_ref(old),
        Change::Upload(_) | Change::Adopt { .. } | Change::Promote { .. } => &[],
    }
}

fn wanted(action: &Action) -> Option<&NewKey> {
    match &action.change {
        Change::Upload(key) | Change::Adopt { key, .. } | Change::Replace { key, .. } => Some(key),
        Change::Promote { .. } | Change::Delete(_) | Change::Forget(_) => None,
    }
}

fn promoted(action: &Action) -> Option<&KeyBlob> {
    match &action.change {
        Change::Promote { blob, .. } => Some(blob),
        _ => None,
    }
}

fn of_record(record: &Record, primary: bool) -> String {
    let Record { name, id, public_key, fingerprint, account_name, origin: _, created_at: _ } = record;
    write(&Entry {
        name: name.as_str(),
        sort: sort(public_key),
        fingerprint: fingerprint.to_string(),
        id: Some(id.as_str()),
        account_name: account_name.as_deref().map(|name| escape(name).into_owned()),
        owner: None,
        expires: None,
        primary,
        public_key: public_key.as_str(),
    })
}

fn of_new(name: &KeyName, key: &NewKey, row: Option<&AccountRow>, primary: bool) -> String {
    let NewKey { key, owner, expires, stale: _ } = key;
    let account_name = row.map(|row| row.account_name.as_str()).filter(|other| *other != name.as_str());
    write(&Entry {
        name: name.as_str(),
        sort: sort(key.blob()),
        fingerprint: key.blob().fingerprint().to_string(),
        id: row.map(|row| row.id.as_str()),
        account_name: account_name.map(|name| escape(name).into_owned()),
        owner: owner.as_deref().map(|owner| escape(owner).into_owned()),
        expires: expires.map(|last| last.to_string()),
        primary,
        public_key: key.blob().as_str(),
    })
}

fn sort(blob: &KeyBlob) -> Option<String> {
    blob.describe().map(|(kind, bits)| format!("{kind} {bits}"))
}

/// Writes an entry as the only one of a list, with a line feed at its end.
fn write(entry: &Entry<'_>) -> String {
    // Writing plain structs of texts into memory has no way to fail.
    serde_yaml::to_string(&[entry]).unwrap_or_default()
}

fn lines(place: &Place) -> Vec<Line<'_>> {
    let Place { before, after } = place;
    if before == after {
        return before.split_inclusive('\n').map(|text| Line { tag: ChangeTag::Equal, text }).collect();
    }
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    diff.iter_all_changes().map(|change| Line { tag: change.tag(), text: change.value() }).collect()
}

/// Writes the changed lines with [`CONTEXT`] lines around them.
fn hunks(lines: &[Line<'_>]) -> String {
    let mut out = String::new();
    let (mut old, mut new) = (1, 1);
    let mut start = 0;
    while let Some(first) = lines.iter().skip(start).position(|line| line.tag != ChangeTag::Equal).map(|at| start + at)
    {
        let from = first.saturating_sub(CONTEXT).max(start);
        // A hunk ends where more unchanged lines follow than the end of one and the beginning of the next show.
        let mut end = first + 1;
        let mut calm = 0;
        for (at, line) in lines.iter().enumerate().skip(first + 1) {
            calm = if line.tag == ChangeTag::Equal { calm + 1 } else { 0 };
            if calm > 2 * CONTEXT {
                break;
            }
            if calm == 0 {
                end = at + 1;
            }
        }
        let to = (end + CONTEXT).min(lines.len());
        let passed = from - start;
        (old, new) = (old + passed, new + passed);
        let shown = lines.get(from..to).unwrap_or_default();
        let olds = shown.iter().filter(|line| line.tag != ChangeTag::Insert).count();
        let news = shown.iter().filter(|line| line.tag != ChangeTag::Delete).count();
        let _ = writeln!(out, "@@ -{} +{} @@", range(old, olds), range(new, news));
        for Line { tag, text } in shown {
            let _ = write!(out, "{tag}{text}");
        }
        (old, new, start) = (old + olds, new + news, to);
    }
    out
}

/// Where a side of a hunk begins, and how long it is; an empty one begins after the line before.
fn range(start: usize, length: usize) -> String {
    match length {
        0 => format!("{},0", start - 1),
        1 => start.to_string(),
        _ => format!("{start},{length}"),
    }
}
