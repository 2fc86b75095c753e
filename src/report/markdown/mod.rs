//! A plan as a comment on a pull request, for GitHub and GitLab.
//!
//! Text from outside (names, owners, the account's names of keys) is only ever in code spans. In these, nothing is a
//! mention, a link or markup, and the two characters that could end a span or a cell are escaped.

mod fit;
mod span;
mod table;

use std::fmt::Write as _;

use fit::Fit;
use span::{code, fence, phrase};
use table::{rows, table};

use super::View;
use super::diff;
use super::words::counted;
use crate::plan::guard::Refusal;
use crate::plan::{Action, ActionKind, Change, Drift, Note, Plan};
use crate::state::State;
use crate::terminal::phrase::Phrase;

/// The first line of every comment, by which it is found again to be edited.
pub const MARKER: &str = "<!-- keyform:plan -->";

/// The most characters that GitHub accepts in a comment. GitLab accepts more.
pub const MAX_CHARS: usize = 65_536;

/// The smallest bound: room for the frame and some rows.
pub const MIN_CHARS: usize = 8_000;

/// Above this number of rows that take nothing away, these are folded.
const UNFOLDED: usize = 20;

/// The longest command that is shown in full, in characters.
const MAX_COMMAND: usize = 1_000;

/// The most entries of each list: drift, notes, refusals.
const MAX_LISTED: usize = 10;

/// What a comment shows besides the plan.
#[derive(Debug, Clone, Copy)]
pub struct Comment<'a> {
    pub refusals: &'a [Refusal],
    /// The state that the plan was made from.
    pub recorded: Option<&'a State>,
    /// The command that applies this plan and no other.
    pub command: &'a str,
    /// The most characters, at least [`MIN_CHARS`].
    pub max_chars: usize,
    pub view: View,
}

/// Renders a plan. What does not fit is left out and counted: pictures and the diff first, then rows of keys that are
/// given access, then rows of keys that lose it.
pub fn plan(plan: &Plan, comment: &Comment<'_>) -> String {
    let head = head(plan, comment);
    let tail = tail(plan, comment);
    let mut fit = Fit::new(comment.max_chars, &[&head, &tail]);
    let (taking, giving): (Vec<_>, Vec<_>) = plan.actions.iter().partition(|action| action.change.deletes());
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

/// Renders drift, notes, and where the primary moves: the first of each.
fn words_beside(plan: &Plan, fit: &mut Fit) -> String {
    let mut out = String::new();
    let drift: Vec<_> = plan.drift.iter().map(Drift::phrase).collect();
    let heirs: Vec<_> = plan.actions.iter().filter_map(|action| primary_moves(action, plan)).collect();
    let notes: Vec<_> = plan.notes.iter().map(Note::phrase).collect();
    for (title, phrases) in [
        ("The primary key moves", heirs),
        ("Changed on the account by something else", drift),
        ("Worth knowing", notes),
    ] {
        if phrases.is_empty() {
            continue;
        }
        let mut list = format!("**{title}**\n\n");
        for listed in phrases.iter().take(MAX_LISTED) {
            let _ = writeln!(list, "- {}", phrase(listed));
        }
        if let more @ 1.. = phrases.len().saturating_sub(MAX_LISTED) {
            let _ = writeln!(list, "- … and {more} more");
        }
        list.push('\n');
        if fit.take(&list) {
            out += &list;
        }
    }
    out
}

fn primary_moves(action: &Action, plan: &Plan) -> Option<Phrase> {
    // Any key of the account can have this name. It is the old key of this name only if that is replaced.
    let replaces_primary = |Action { name, change, .. }: &Action| {
        let is_replaced = matches!(change, Change::Replace { .. });
        *name == action.name && is_replaced && change.old_rows().iter().any(|old| old.is_primary)
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

/// Renders the diff and the pictures, folded, if they fit.
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
        if fit.take(&whole) {
            out += &whole;
            return;
        }
        let lines = text.lines().count();
        let left_out = format!("_{title}: {} left out here, for want of room._\n\n", counted(lines, "line"));
        if fit.take(&left_out) {
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
    for action in plan.actions.iter().filter(|action| action.change.new_key().is_some()) {
        let space = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{space}{}\n{}", action.name, action.change.blob().randomart().join("\n"));
    }
    out
}

fn fold(title: &str, text: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{text}\n</details>\n\n")
}
