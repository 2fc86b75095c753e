//! The actions of a plan as a table.

use super::fit::Fit;
use super::span::{code, phrase};
use crate::plan::{Action, Change};
use crate::public_key::KeyBlob;
use crate::terminal::phrase::Phrase;

const HEAD: &str = "| Action | Name | Owner | Type | Fingerprint | Reason |\n|---|---|---|---|---|---|\n";

/// Renders a row for each action, up to the first one that does not fit.
pub(super) fn rows(actions: &[&Action], fit: &mut Fit) -> Vec<String> {
    if actions.is_empty() || !fit.take(HEAD) {
        return Vec::new();
    }
    actions.iter().map(|action| row(action)).take_while(|row| fit.take(row)).collect()
}

pub(super) fn table(rows: &[String]) -> String {
    if rows.is_empty() { String::new() } else { format!("{HEAD}{}\n", rows.concat()) }
}

fn row(action: &Action) -> String {
    let Action { name, change, reason } = action;
    let kind = change.kind();
    let new = change.new_key();

    let mut phrases = vec![reason.phrase()];
    phrases.extend(action.facts());
    if let Change::Replace { old, .. } = change {
        phrases.push(Phrase::new("deletes id ").list(old.iter().map(|old| &old.id)));
    }
    let expires = new.and_then(|key| key.expires);
    phrases.extend(expires.map(|last| Phrase::new(format!("expires {last}"))));
    let mut explained = phrases.iter().map(phrase).collect::<Vec<_>>().join("; ");
    if action.is_protected() {
        explained += "; **protected**";
    }

    let owner = action.owner().map(code).unwrap_or_default();
    let (types, fingerprints) = match change {
        Change::Replace { key, old, .. } => {
            let old = || old.iter().map(|old| &old.blob);
            let new = key.key.blob();
            (changed(old().map(type_of), type_of(new)), changed(old().map(fingerprint), fingerprint(new)))
        }
        _ => (type_of(change.blob()), fingerprint(change.blob())),
    };
    let verb = if change.deletes() { format!("**{}**", kind.verb()) } else { kind.verb().to_owned() };
    format!("| {verb} | {} | {owner} | {types} | {fingerprints} | {explained} |\n", code(name.as_str()))
}

/// Renders the old values and the new one on separate lines, without old values that equal the new one.
fn changed(old: impl Iterator<Item = String>, new: String) -> String {
    let mut lines: Vec<_> = old.filter(|old| *old != new).map(|old| format!("{old} →")).collect();
    lines.push(new);
    lines.join("<br>")
}

fn type_of(blob: &KeyBlob) -> String {
    blob.kind().map_or_else(|| code(blob.algorithm()), |kind| kind.to_string())
}

fn fingerprint(blob: &KeyBlob) -> String {
    code(blob.fingerprint().as_str())
}
