//! A plan as a comment on a pull request, for GitHub and GitLab.
//!
//! Text from outside (names, owners, key names on the account) is always in code spans, where mentions, links and markup
//! have no effect. The characters that could end a span are escaped.

mod fit;
mod list;
mod span;

use std::borrow::Cow;
use std::fmt::Write as _;

use fit::Fit;
use span::{code, fence, fold, phrase};

use super::View;
use super::diff;
use super::words::{counted, unaffected};
use crate::names::StackName;
use crate::plan::{ActionKind, Drift, LeftOutAction, Note, Plan, UnmanagedRow};
use crate::terminal::escape::escape;
use crate::terminal::shell::quoted;

/// Maximum length of a comment on GitHub, in characters. GitLab accepts more.
pub const MAX_CHARS: usize = 65_536;

/// The smallest allowed limit: space for the frame and some rows.
pub const MIN_CHARS: usize = 8_000;

/// Maximum length of a command that is shown in full, in characters.
const MAX_COMMAND: usize = 1_000;

/// Maximum number of entries in each list: drift, unmanaged rows, notes, refusals.
const MAX_LISTED: usize = 10;

/// How a plan is laid out as a comment.
#[derive(Debug, Clone, Copy)]
pub struct Comment {
    /// Maximum length in characters, at least [`MIN_CHARS`].
    pub max_chars: usize,
    pub view: View,
}

/// Returns the first line of every comment. A later run finds the comment of this stack by it, and edits it.
pub fn marker(stack: Option<&StackName>) -> String {
    let stack = stack.map(|stack| format!(" {stack}")).unwrap_or_default();
    format!("<!-- keyform:plan{stack} -->")
}

/// Renders a plan: who loses access, what changes, who gains access, then unmanaged rows, notes and the diff.
///
/// If it is too long, parts are left out and counted: first pictures and the diff, then actions from the end.
pub fn plan(plan: &Plan, comment: Comment) -> String {
    let head = head(plan);
    let tail = tail(plan);
    let mut fit = Fit::new(comment.max_chars, &[&head, &tail]);
    let lists = lists(plan, &mut fit);
    let actions = list::actions(plan, &mut fit);
    let details = details(plan, comment, &mut fit);
    head + &actions + &lists + &details + &tail
}

fn head(plan: &Plan) -> String {
    let counts: Vec<_> = [
        ActionKind::Delete,
        ActionKind::Replace,
        ActionKind::Upload,
        ActionKind::Adopt,
        ActionKind::Update,
        ActionKind::Promote,
        ActionKind::Forget,
    ]
    .into_iter()
    .filter(|&kind| plan.count(kind) > 0)
    .map(|kind| format!("{} to {}", plan.count(kind), kind.verb()))
    .collect();
    let counts = if counts.is_empty() { "no changes".to_owned() } else { counts.join(", ") };
    let refused = if plan.refusals.is_empty() { "" } else { "refused: " };
    let stack = plan.stack.as_ref();
    let label = stack.map(|stack| format!(" {}", code(stack.as_str()))).unwrap_or_default();
    let mut out = format!("{}\n### keyform{label}: {refused}{counts}\n\n", marker(stack));
    let user = plan
        .user_id
        .as_ref()
        .map_or_else(|| ", user unknown".to_owned(), |user| format!(", user {}", code(user.as_str())));
    let _ = writeln!(out, "Account {}{user}. {}.\n", code(&plan.endpoint.to_string()), unaffected(plan));
    let _ = writeln!(out, "State: {}.\n", phrase(&plan.base.phrase()));
    if let Some(primary) = plan.primary_after() {
        let _ = writeln!(out, "Primary: {}.\n", phrase(&primary.phrase()));
    }
    if let Some(commit) = &plan.commit {
        let _ = writeln!(out, "Commit {}.\n", code(commit.as_str()));
    }
    if !plan.refreshed {
        out += "**Offline**: the account was not listed. This plan compares the manifest with the state.\n\n";
    }
    if let Some(partial) = &plan.partial {
        let _ = writeln!(out, "**Partial**: {}.\n", phrase(&partial.phrase()));
        let names = partial.left_out.iter().take(MAX_LISTED);
        for LeftOutAction { kind, name, fingerprint } in names {
            let _ = writeln!(out, "- {} {} {}", kind.verb(), code(name.as_str()), code(fingerprint.as_str()));
        }
        if let more @ 1.. = partial.left_out.len().saturating_sub(MAX_LISTED) {
            let _ = writeln!(out, "- … and {more} more");
        }
        out.push('\n');
    }
    for refusal in plan.refusals.iter().take(MAX_LISTED) {
        let _ =
            writeln!(out, "> **Refused**: {}.\n> **Help**: {}.\n", phrase(&refusal.message()), phrase(&refusal.help()));
    }
    if let more @ 1.. = plan.refusals.len().saturating_sub(MAX_LISTED) {
        let _ = writeln!(out, "> **Refused** for {}.\n", counted(more, "more reason"));
    }
    out
}

fn tail(plan: &Plan) -> String {
    let mut out = format!("Digest {}, keyform {}.\n", code(&plan.digest().to_string()), env!("CARGO_PKG_VERSION"));
    if plan.is_empty() || !plan.refusals.is_empty() {
        return out;
    }
    out += "This command applies exactly this plan, and fails if the plan has changed:\n\n";
    out += &fence("sh", &command(plan));
    out
}

/// Returns the command that applies exactly this plan, for people to copy and for pipelines to read. The digest is on a line
/// of its own, so that a page need not be scrolled to see it.
fn command(plan: &Plan) -> String {
    let arguments = plan.arguments.iter().map(|word| escape(word));
    let words = ["keyform", "apply", "--auto-approve"].map(Cow::Borrowed).into_iter().chain(arguments);
    let command = words.map(|word| quoted(&word).into_owned()).collect::<Vec<_>>().join(" ");
    let command = if command.chars().count() <= MAX_COMMAND { command } else { "keyform apply …".to_owned() };
    format!("{command} \\\n  --plan-digest {}", plan.digest())
}

/// Renders the first entries of each list: drift, unmanaged rows, and notes.
fn lists(plan: &Plan, fit: &mut Fit) -> String {
    let mut out = String::new();
    let drift: Vec<_> = plan.drift.iter().map(Drift::phrase).collect();
    let notes: Vec<_> = plan.notes.iter().map(Note::phrase).collect();
    let (expected, others): (Vec<_>, Vec<_>) = plan.unmanaged.iter().partition(|row| row.is_expected);
    let others: Vec<_> = others.into_iter().map(UnmanagedRow::phrase).collect();
    let expected =
        (!expected.is_empty()).then(|| format!("{} that the policy expects", counted(expected.len(), "key")));
    let lists =
        [("Changed outside of keyform", drift, None), ("Not managed", others, expected), ("Notes", notes, None)];
    for (title, phrases, last) in lists {
        if phrases.is_empty() && last.is_none() {
            continue;
        }
        let mut list = format!("#### {title}\n\n");
        for listed in phrases.iter().take(MAX_LISTED) {
            let _ = writeln!(list, "- {}", phrase(listed));
        }
        if let more @ 1.. = phrases.len().saturating_sub(MAX_LISTED) {
            let _ = writeln!(list, "- … and {more} more");
        }
        if let Some(last) = last {
            let _ = writeln!(list, "- {last}");
        }
        list.push('\n');
        if fit.take(&list) {
            out += &list;
        }
    }
    out
}

/// Renders the diff and the pictures, folded, if they fit.
fn details(plan: &Plan, comment: Comment, fit: &mut Fit) -> String {
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
        let lines = counted(text.lines().count(), "line");
        let _ = writeln!(out, "_{title}: {lines} not shown because of the size limit._\n");
    };
    add("Diff", "diff", &diff::changes(plan));
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
