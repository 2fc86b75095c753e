//! A plan as a comment on a pull request, for GitHub and GitLab.
//!
//! What comes from outside (names, owners, what the account calls a key) stands in code spans and nowhere else: nothing in
//! them is a mention, a link or markup, and the two characters that could end a span or a cell are escaped.

mod fit;
mod span;

use std::fmt::Write as _;

use fit::Fit;
use span::{code, fence, phrase};

use super::View;
use super::diff;
use super::words::counted;
use crate::plan::guard::Refusal;
use crate::plan::{Action, ActionKind, Change, NewKey, OldKey, Phrase, Plan, words};
use crate::public_key::KeyBlob;
use crate::state::State;

/// The first line of every comment: who edits the one comment finds it by this.
pub const MARKER: &str = "<!-- keyform:plan -->";

/// The most characters that GitHub takes in a comment. GitLab takes more.
pub const MAX_CHARS: usize = 65_536;

/// The least that can be asked for: the frame, and room for some rows.
pub const MIN_CHARS: usize = 8_000;

/// So many of the rows that take nothing away stand above the fold.
const UNFOLDED: usize = 20;

/// The longest command that is shown whole, in characters.
const MAX_COMMAND: usize = 1_000;

/// The most of each list of words: drift, notes, refusals.
const MAX_LISTED: usize = 10;

/// What a comment shows beside the plan.
#[derive(Debug, Clone, Copy)]
pub struct Comment<'a> {
    /// The guards that it trips.
    pub refusals: &'a [Refusal],
    /// The state that it was made from.
    pub recorded: Option<&'a State>,
    /// The command that carries it out, and nothing else.
    pub command: &'a str,
    /// The most characters, at least [`MIN_CHARS`].
    pub max_chars: usize,
    /// Whether pictures of the keys are shown.
    pub view: View,
}

/// Renders a plan, in at most so many characters: what does not fit is left out and counted. Pictures and the diff go
/// first, then rows of keys that are given access, then those that lose it.
pub fn plan(plan: &Plan, comment: &Comment<'_>) -> String {
    let head = head(plan, comment);
    let tail = tail(plan, comment);
    let mut fit = Fit::new(comment.max_chars, &[&head, &tail]);
    let (taking, giving): (Vec<_>, Vec<_>) = plan.actions.iter().partition(|action| takes(action));
    let words = words_beside(plan, &mut fit);
    let taking = rows(&taking, &mut fit);
    let giving = rows(&giving, &mut fit);
    let left_out = plan.actions.len() - taking.len() - giving.len();
    let tables = if giving.len() <= UNFOLDED {
        table(&[taking, giving].concat())
    } else {
        let title = format!("{} that take nothing away", counted(giving.len(), "change"));
        table(&taking) + &fold(&title, &table(&giving))
    };
    let mut out = head + &tables;
    if left_out > 0 {
        let _ = writeln!(
            out,
            "_{} left out here, for want of room: `keyform plan` shows all._\n",
            counted(left_out, "change")
        );
    }
    out += &words;
    out += &details(plan, comment, &mut fit);
    out += &tail;
    out
}

/// Whether an action takes access away, or may do so.
fn takes(action: &Action) -> bool {
    matches!(action.change.kind(), ActionKind::Replace | ActionKind::Delete)
}

fn head(plan: &Plan, comment: &Comment<'_>) -> String {
    let counts: Vec<_> = [
        ActionKind::Delete,
        ActionKind::Replace,
        ActionKind::Upload,
        ActionKind::Adopt,
        ActionKind::Promote,
        ActionKind::Forget,
    ]
    .into_iter()
    .filter(|&kind| plan.count(kind) > 0)
    .map(|kind| format!("{} to {}", plan.count(kind), kind.verb()))
    .collect();
    let counts = if counts.is_empty() { "no changes".to_owned() } else { counts.join(", ") };
    let refused = if comment.refusals.is_empty() { "" } else { "refused: " };
    let mut out = format!("{MARKER}\n### keyform: {refused}{counts}\n\n");
    let user = plan
        .user_id
        .as_ref()
        .map_or_else(|| ", user not known yet".to_owned(), |user| format!(", user {}", code(user.as_str())));
    let _ = writeln!(
        out,
        "Account {}{user}. {} unchanged, {} unmanaged.\n",
        code(&plan.endpoint.to_string()),
        plan.unchanged,
        plan.unmanaged
    );
    if !plan.refreshed {
        out += "**Offline**: the account was not listed; this compares manifest and state.\n\n";
    }
    if plan.left_out > 0 {
        let more = counted(plan.left_out, "more change");
        let _ = writeln!(out, "**Partial**: only what `--target` names; {more} left out.\n");
    }
    for refusal in comment.refusals.iter().take(MAX_LISTED) {
        let _ =
            writeln!(out, "> **Refused**: {}.\n> To go on: {}.\n", phrase(&refusal.message()), phrase(&refusal.help()));
    }
    if let more @ 1.. = comment.refusals.len().saturating_sub(MAX_LISTED) {
        let _ = writeln!(out, "> **Refused** for {more} more.\n");
    }
    out
}

fn tail(plan: &Plan, comment: &Comment<'_>) -> String {
    let mut out = format!("Digest {}, keyform {}.\n", code(&plan.digest().to_string()), env!("CARGO_PKG_VERSION"));
    if plan.is_empty() || !comment.refusals.is_empty() {
        return out;
    }
    out += "This command carries out exactly this plan, or nothing:\n\n";
    let fits = comment.command.chars().count() <= MAX_COMMAND;
    let command =
        if fits { comment.command.to_owned() } else { format!("keyform apply … --plan-digest {}", plan.digest()) };
    out += &fence("sh", &command);
    out
}

/// Drift, notes, and where the primary goes: the first of each.
fn words_beside(plan: &Plan, fit: &mut Fit) -> String {
    let mut out = String::new();
    let drift: Vec<_> = plan.drift.iter().map(words::drift).collect();
    let heirs: Vec<_> = plan.actions.iter().filter_map(|action| primary_moves(action, plan)).collect();
    let notes: Vec<_> = plan.notes.iter().map(words::note).collect();
    for (title, phrases) in [
        ("The primary key moves", heirs),
        ("Changed on the account by something else", drift),
        ("Worth knowing", notes),
    ] {
        if phrases.is_empty() {
            continue;
        }
        let mut list = format!("**{title}**\n\n");
        for told in phrases.iter().take(MAX_LISTED) {
            let _ = writeln!(list, "- {}", phrase(told));
        }
        if let more @ 1.. = phrases.len().saturating_sub(MAX_LISTED) {
            let _ = writeln!(list, "- … and {more} more");
        }
        list.push('\n');
        if fit.takes(&list) {
            out += &list;
        }
    }
    out
}

fn primary_moves(action: &Action, plan: &Plan) -> Option<Phrase> {
    // The account may call any key so: only one that is replaced is the old key of this name.
    let replaces_primary = |other: &Action| {
        let olds = if let Change::Replace { old, .. } = &other.change { old.as_slice() } else { &[] };
        other.name == action.name && olds.iter().any(|old| old.is_primary)
    };
    match &action.change {
        Change::Promote { instead_of: Some(other), .. }
            if other == action.name.as_str() && plan.actions.iter().any(replaces_primary) =>
        {
            Some(Phrase::new("from the old key of ").named(&action.name).then(" to its new one"))
        }
        Change::Promote { instead_of: Some(other), .. } if other == action.name.as_str() => Some(
            Phrase::new("from another key that the account calls ").foreign(other).then(" to ").named(&action.name),
        ),
        Change::Promote { instead_of: Some(other), .. } => {
            Some(Phrase::new("from ").foreign(other).then(" to ").named(&action.name))
        }
        Change::Promote { instead_of: None, .. } => {
            Some(Phrase::new("to ").named(&action.name).then(", there is none today"))
        }
        Change::Replace { promote: true, .. } => {
            Some(Phrase::new("from the old key of ").named(&action.name).then(" to its new one"))
        }
        _ => None,
    }
}

const TABLE_HEAD: &str = "| Action | Name | Owner | Type | Fingerprint | Reason |\n|---|---|---|---|---|---|\n";

/// The rows that fit, first come, first served.
fn rows(actions: &[&Action], fit: &mut Fit) -> Vec<String> {
    if actions.is_empty() || !fit.takes(TABLE_HEAD) {
        return Vec::new();
    }
    actions.iter().map(|action| row(action)).take_while(|row| fit.takes(row)).collect()
}

fn table(rows: &[String]) -> String {
    if rows.is_empty() { String::new() } else { format!("{TABLE_HEAD}{}\n", rows.concat()) }
}

/// One action, one row.
fn row(action: &Action) -> String {
    let Action { name, change, reason, protected } = action;
    let kind = change.kind();
    let mut told = phrase(&words::reason(reason));
    for more in beside(action) {
        told += "; ";
        told += &phrase(&more);
    }
    if *protected {
        told += "; **protected**";
    }
    let owner = wanted(change).and_then(|key| key.owner.as_deref()).map(code).unwrap_or_default();
    let (sorts, prints) = match change {
        Change::Replace { key, old, .. } => {
            let olds = || old.iter().map(|old| &old.blob);
            (changed(olds().map(sort), sort(key.key.blob())), changed(olds().map(print), print(key.key.blob())))
        }
        _ => (sort(change.blob()), print(change.blob())),
    };
    let verb = if takes(action) { format!("**{}**", kind.verb()) } else { kind.verb().to_owned() };
    format!("| {verb} | {} | {owner} | {sorts} | {prints} | {told} |\n", code(name.as_str()))
}

/// The old ones and the new one, a line each; one alone if they are the same.
fn changed(old: impl Iterator<Item = String>, new: String) -> String {
    let mut lines: Vec<_> = old.filter(|old| *old != new).map(|old| format!("{old} →")).collect();
    lines.push(new);
    lines.join("<br>")
}

fn sort(blob: &KeyBlob) -> String {
    match blob.describe() {
        Some((kind, bits)) => format!("{kind} {bits}"),
        None => code(blob.algorithm()),
    }
}

fn print(blob: &KeyBlob) -> String {
    code(blob.fingerprint().as_str())
}

fn wanted(change: &Change) -> Option<&NewKey> {
    match change {
        Change::Upload(key) | Change::Adopt { key, .. } | Change::Replace { key, .. } => Some(key),
        Change::Promote { .. } | Change::Delete(_) | Change::Forget(_) => None,
    }
}

/// What a reviewer has to know of a row besides its reason.
fn beside(action: &Action) -> Vec<Phrase> {
    let mut told = Vec::new();
    match &action.change {
        Change::Adopt { row, .. } => {
            let mut id = Phrase::new("id ").named(&row.id);
            if row.account_name != action.name.as_str() {
                id = id.then(", called ").foreign(&row.account_name).then(" there");
            }
            told.push(id);
        }
        Change::Replace { old, row, promote, .. } => {
            told.extend(row.as_ref().map(|row| Phrase::new("the new key is there already, as ").named(&row.id)));
            told.push(Phrase::new("deletes ").list(old.iter().map(|OldKey { id, .. }| id)));
            told.extend(promote.then(|| Phrase::new("the primary key")));
        }
        Change::Delete(old) | Change::Forget(old) => {
            let id = Phrase::new("id ").named(&old.id);
            told.push(if old.is_primary { id.then(", the primary key") } else { id });
        }
        Change::Promote { .. } | Change::Upload(_) => {}
    }
    let expires = wanted(&action.change).and_then(|key| key.expires);
    told.extend(expires.map(|last| Phrase::new(format!("expires {last}"))));
    told
}

/// The diff and the pictures, folded, as far as they fit.
fn details(plan: &Plan, comment: &Comment<'_>, fit: &mut Fit) -> String {
    let mut out = String::new();
    if plan.is_empty() {
        return out;
    }
    let mut add = |title: &str, language: &str, text: &str| {
        if text.is_empty() {
            return;
        }
        let whole = fold(title, &fence(language, text));
        if fit.takes(&whole) {
            out += &whole;
            return;
        }
        let lines = text.lines().count();
        let left_out = format!("_{title}: {} left out here, for want of room._\n\n", counted(lines, "line"));
        if fit.takes(&left_out) {
            out += &left_out;
        }
    };
    add("Diff", "diff", &diff::plan(plan, comment.recorded));
    if comment.view.randomart {
        add("Randomart", "", &pictures(plan));
    }
    out
}

fn pictures(plan: &Plan) -> String {
    let mut out = String::new();
    for action in plan.actions.iter().filter(|action| wanted(&action.change).is_some()) {
        let space = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{space}{}\n{}", action.name, action.change.blob().randomart().join("\n"));
    }
    out
}

fn fold(title: &str, text: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{text}\n</details>\n\n")
}
