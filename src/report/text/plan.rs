//! A plan as text: a block for each action, and a summary at the end.

use std::fmt::{Display, Write as _};

use similar::{ChangeTag, TextDiff};

use super::{style_of, type_of, wrapped};
use crate::names::KeyName;
use crate::plan::{Action, ActionKind, Change, LeftOutAction, Note, OldKey, Partial, Plan};
use crate::public_key::KeyBlob;
use crate::report::View;
use crate::report::words::unaffected;
use crate::terminal::escape::escape;
use crate::terminal::phrase::Phrase;
use crate::terminal::style::{BAD, DIM, GOOD, MARK, NAME, WARN, paint};

/// Blanks before each line of a block except the first.
const INDENT: usize = 6;

/// Renders a plan.
///
/// Replacements and deletions are always shown. A long list of other actions is shortened, unless `view` is full.
pub fn plan(plan: &Plan, view: View) -> String {
    let mut out = String::new();
    let user = match &plan.user_id {
        Some(user) => format!("user {user}"),
        None => "user unknown".to_owned(),
    };
    let _ = writeln!(out, "Account: {} ({user})", paint(NAME, &plan.endpoint));
    let _ = writeln!(out, "State: {}", plan.base.phrase());
    if !plan.refreshed {
        let _ = writeln!(
            out,
            "{}",
            paint(WARN, "Offline: the account was not listed. This compares the manifest with the state.")
        );
    }
    if !plan.drift.is_empty() {
        let _ = writeln!(out, "\n{}", paint(WARN, "Changed outside of keyform:"));
        for drift in &plan.drift {
            wrapped(&mut out, "  ~ ", 4, &drift.phrase().to_string());
        }
    }
    if !plan.actions.is_empty() {
        out.push('\n');
    }
    for actions in plan.actions.chunk_by(|a, b| a.change.kind() == b.change.kind()) {
        list(&mut out, actions, view);
    }
    let remarks = plan.remarks();
    if !remarks.is_empty() {
        out.push('\n');
    }
    for remark in remarks {
        wrapped(&mut out, &format!("{} ", paint(WARN, "Note:")), INDENT, &remark.to_string());
    }
    if let Some(partial) = &plan.partial {
        out.push('\n');
        left_out(&mut out, partial, view);
    }
    out.push('\n');
    summary(&mut out, plan);
    out
}

fn left_out(out: &mut String, partial: &Partial, view: View) {
    wrapped(out, &format!("{} ", paint(WARN, "Partial:")), INDENT, &format!("{}.", partial.phrase()));
    let shown = view.shown_of(partial.left_out.len());
    for LeftOutAction { kind, name, fingerprint } in partial.left_out.iter().take(shown) {
        let _ = writeln!(out, "  {} {} {name} {fingerprint}", paint(DIM, kind.glyph()), kind.verb());
    }
    if let more @ 1.. = partial.left_out.len() - shown {
        let _ = writeln!(out, "  {} … and {more} more (use --full to show all)", paint(DIM, '·'));
    }
}

/// Writes the actions of one kind.
fn list(out: &mut String, actions: &[Action], view: View) {
    let Some(kind) = actions.first().map(|action| action.change.kind()) else { return };
    let shown = match kind {
        ActionKind::Replace | ActionKind::Delete => actions.len(),
        _ => view.shown_of(actions.len()),
    };
    for action in actions.iter().take(shown) {
        block(out, action, view);
    }
    if let more @ 1.. = actions.len() - shown {
        let glyph = paint(style_of(kind), kind.glyph());
        let _ = writeln!(out, "  {glyph} … and {more} more to {} (use --full to show all)", kind.verb());
    }
}

fn block(out: &mut String, action: &Action, view: View) {
    let Action { name, change, reason } = action;
    let kind = change.kind();
    let head = paint(style_of(kind), format!("{} {}", kind.glyph(), kind.verb()));
    let _ = writeln!(out, "  {head} {} ({})", paint(NAME, name), type_of(change.blob()));
    if let Change::Replace { key, old, .. } = change {
        for old in old {
            let (before, after) = old_and_new(old, name, key.key.blob());
            line(out, &format_args!("{} {before}", paint(BAD, '-')));
            line(out, &format_args!("{} {after}", paint(GOOD, '+')));
            if view.randomart && old.blob != *key.key.blob() {
                side_by_side(out, &old.blob, key.key.blob());
            }
        }
    } else {
        line(out, &change.blob().fingerprint());
        if view.randomart {
            change.blob().randomart().iter().for_each(|row| line(out, row));
        }
    }
    let about = about(action);
    for phrase in [reason.phrase()].into_iter().chain(about).chain(action.facts()) {
        wrapped(out, &" ".repeat(INDENT), INDENT + 4, &phrase.to_string());
    }
    if action.is_protected() {
        line(out, &paint(BAD, "the state protects this key"));
    }
}

fn line(out: &mut String, text: &dyn Display) {
    let _ = writeln!(out, "{:INDENT$}{text}", "");
}

fn side_by_side(out: &mut String, old: &KeyBlob, new: &KeyBlob) {
    for (old, new) in old.randomart().iter().zip(&new.randomart()) {
        line(out, &format_args!("{old}    {new}"));
    }
}

/// Formats the owner and the expiry date, on one line.
fn about(action: &Action) -> Option<Phrase> {
    // Quoted if it is more than a word, because it could look like a line of the plan.
    let owner = action.owner().map(|owner| {
        let label = Phrase::new("owner ");
        if owner.contains(char::is_whitespace) { label.foreign(owner) } else { label.named(&escape(owner)) }
    });
    let expires = action.change.new_key().and_then(|key| key.expires);
    match (owner, expires) {
        (Some(owner), Some(last)) => Some(owner.then(format!(", expires {last}"))),
        (Some(owner), None) => Some(owner),
        (None, last) => last.map(|last| Phrase::new(format!("expires {last}"))),
    }
}

/// Formats an old key and its replacement: the fingerprints, and the name and type if they differ.
fn old_and_new(old: &OldKey, name: &KeyName, new: &KeyBlob) -> (String, String) {
    let mut lines = (old.blob.fingerprint().to_string(), new.fingerprint().to_string());
    for (before, after) in [(old.name.to_string(), name.to_string()), (type_of(&old.blob), type_of(new))] {
        if before != after {
            lines = (format!("{} {before}", lines.0), format!("{} {after}", lines.1));
        }
    }
    changed_words(&lines.0, &lines.1)
}

/// Highlights the words in which two lines differ.
fn changed_words(before: &str, after: &str) -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    for change in TextDiff::from_words(before, after).iter_all_changes() {
        let word = change.value();
        let marked = || {
            if word.trim().is_empty() { word.to_owned() } else { paint(MARK, word).to_string() }
        };
        match change.tag() {
            ChangeTag::Equal => {
                old.push_str(word);
                new.push_str(word);
            }
            ChangeTag::Delete => old.push_str(&marked()),
            ChangeTag::Insert => new.push_str(&marked()),
        }
    }
    (old, new)
}

fn summary(out: &mut String, plan: &Plan) {
    let counts: Vec<_> = ActionKind::ALL
        .into_iter()
        .filter(|&kind| plan.count(kind) > 0)
        .map(|kind| format!("{} to {}", paint(style_of(kind), plan.count(kind)), kind.verb()))
        .collect();
    if counts.is_empty() {
        let _ = writeln!(out, "{}", no_changes(plan));
    } else {
        let label = format!("{} ", paint(NAME, "Plan:"));
        wrapped(out, &label, INDENT, &format!("{}. {}.", counts.join(", "), unaffected(plan)));
    }
    let _ = writeln!(out, "Digest: {}", plan.digest());
}

/// Renders the summary of a plan without actions. It claims no match, because the account may have unmanaged keys.
fn no_changes(plan: &Plan) -> String {
    if plan.partial.is_some() {
        return format!("{} {}.", paint(GOOD, "No changes within these limits."), unaffected(plan));
    }
    if plan.notes.iter().any(|note| matches!(note, Note::Pending { .. })) {
        return format!(
            "{} {}.",
            paint(WARN, "No changes can be planned until the account is listed."),
            unaffected(plan)
        );
    }
    let place = if plan.refreshed { "on the account" } else { "in the state" };
    // Expired keys of the manifest are not counted: they are not desired.
    let keys = match plan.unchanged {
        0 => "No keys are managed".to_owned(),
        1 => format!("The desired key is {place}"),
        many => format!("All {many} desired keys are {place}"),
    };
    let unmanaged = if plan.refreshed { format!(", {} unmanaged", plan.unmanaged.len()) } else { String::new() };
    format!("{} {keys}{unmanaged}.", paint(GOOD, "No changes."))
}
