//! A plan as text: a line for each action, further lines for exceptions, and a summary at the end.

use std::fmt::{Display, Write as _};

use super::table::{Columns, INDENT, KeyLine};
use super::{style_of, wrapped};
use crate::plan::{Action, ActionKind, Fact, LeftOutAction, Note, Partial, Plan};
use crate::report::View;
use crate::report::words::{counted, unaffected};
use crate::terminal::style::{BAD, DIM, GOOD, NAME, WARN, paint};

/// Maximum number of unmanaged rows that are listed without `--full`.
const MAX_UNMANAGED: usize = 20;

/// Renders a plan.
///
/// Replacements and deletions are always shown. A long list of other actions is shortened, unless `view` is full.
pub fn plan(plan: &Plan, view: View) -> String {
    let mut out = String::new();
    if let Some(stack) = &plan.stack {
        let _ = writeln!(out, "Stack: {}", paint(NAME, stack));
    }
    let user = match &plan.user_id {
        Some(user) => format!("user {user}"),
        None => "user unknown".to_owned(),
    };
    let _ = writeln!(out, "Account: {} ({user})", paint(NAME, &plan.endpoint));
    let _ = writeln!(out, "State: {}", plan.base.phrase());
    if let Some(primary) = plan.primary_after() {
        let _ = writeln!(out, "Primary: {}", primary.phrase());
    }
    if let Some(commit) = &plan.commit {
        let _ = writeln!(out, "Commit: {commit}");
    }
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
            wrapped(&mut out, view, "  ~ ", 4, &drift.phrase().to_string());
        }
    }
    if !plan.actions.is_empty() {
        out.push('\n');
        actions(&mut out, plan, view);
    }
    unmanaged(&mut out, plan, view);
    if !plan.notes.is_empty() {
        out.push('\n');
    }
    for note in &plan.notes {
        wrapped(&mut out, view, &format!("{} ", paint(WARN, "Note:")), INDENT, &note.phrase().to_string());
    }
    if let Some(partial) = &plan.partial {
        out.push('\n');
        left_out(&mut out, partial, view);
    }
    if !plan.refusals.is_empty() {
        out.push('\n');
    }
    for refusal in &plan.refusals {
        wrapped(&mut out, view, &format!("{} ", paint(BAD, "Refused:")), INDENT, &refusal.message().to_string());
    }
    out.push('\n');
    let _ = writeln!(out, "Digest: {}", plan.digest());
    summary(&mut out, plan, view);
    out
}

fn left_out(out: &mut String, partial: &Partial, view: View) {
    wrapped(out, view, &format!("{} ", paint(WARN, "Partial:")), INDENT, &format!("{}.", partial.phrase()));
    let shown = view.shown_of(partial.left_out.len());
    for LeftOutAction { kind, name, fingerprint } in partial.left_out.iter().take(shown) {
        let _ = writeln!(out, "  {} {} {name} {fingerprint}", paint(DIM, kind.glyph()), kind.verb());
    }
    if let more @ 1.. = partial.left_out.len() - shown {
        let _ = writeln!(out, "  {} … and {more} more (use --full to show all)", paint(DIM, '·'));
    }
}

/// Writes the actions by kind, one line for each and further lines for exceptions.
fn actions(out: &mut String, plan: &Plan, view: View) {
    let kinds = plan.actions.chunk_by(|a, b| a.change.kind() == b.change.kind());
    let shown: Vec<_> = kinds.map(|actions| actions.split_at(shown_of(actions, view))).collect();
    let lines: Vec<_> =
        shown.iter().flat_map(|(shown, _)| shown.iter()).map(|action| (action, lines(action))).collect();
    let columns = Columns::of(&lines.iter().flat_map(|(_, lines)| lines), view);
    let mut lines = lines.iter();
    for (shown, rest) in shown {
        for (action, lines) in lines.by_ref().take(shown.len()) {
            for line in lines {
                line.write(out, columns);
            }
            facts(out, plan, action, view);
            if view.randomart {
                pictures(out, action);
            }
        }
        if let Some(kind) = rest.first().map(|action| action.change.kind()) {
            let glyph = paint(style_of(kind), kind.glyph());
            let _ = writeln!(out, "  {glyph} … and {} more to {} (use --full to show all)", rest.len(), kind.verb());
        }
    }
    if columns.is_short() {
        out.push('\n');
        Columns::write_hint(out);
    }
}

/// Returns how many actions of one kind are shown: all that delete rows.
fn shown_of(actions: &[Action], view: View) -> usize {
    let deletes = actions.first().is_some_and(|action| action.change.deletes());
    if deletes { actions.len() } else { view.shown_of(actions.len()) }
}

/// Returns the line of an action, followed by those of the keys that it replaces.
fn lines(action: &Action) -> Vec<KeyLine> {
    let old = action.change.replaced_keys().map(|old| KeyLine::of_old(action, old));
    [KeyLine::of(action)].into_iter().chain(old).collect()
}

/// Writes why, and what else a reviewer should know. Without `--full`, only what is not usual.
fn facts(out: &mut String, plan: &Plan, action: &Action, view: View) {
    let reason = Fact { phrase: action.reason.phrase(), is_routine: action.reason.is_routine() };
    let facts = [reason].into_iter().chain(plan.facts(action));
    let shown: Vec<_> =
        facts.filter(|fact| view.full || !fact.is_routine).map(|fact| fact.phrase.to_string()).collect();
    if !shown.is_empty() {
        wrapped(out, view, &" ".repeat(INDENT), INDENT, &shown.join("; "));
    }
}

fn pictures(out: &mut String, action: &Action) {
    let new = action.change.blob().randomart();
    let mut old = action.change.replaced_keys().peekable();
    if old.peek().is_none() {
        for row in &new {
            line(out, row);
        }
    }
    for old in old {
        for (old, new) in old.blob.randomart().iter().zip(&new) {
            line(out, &format_args!("{old}    {new}"));
        }
    }
}

fn line(out: &mut String, text: &dyn Display) {
    let _ = writeln!(out, "{:INDENT$}{text}", "");
}

/// Writes the rows that are neither recorded nor desired. Those that the policy expects are only counted.
fn unmanaged(out: &mut String, plan: &Plan, view: View) {
    let (expected, others): (Vec<_>, Vec<_>) = plan.unmanaged.iter().partition(|row| row.is_expected);
    if plan.unmanaged.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint(WARN, "Not managed:"));
    let shown = if view.full { others.len() } else { others.len().min(MAX_UNMANAGED) };
    for row in others.iter().take(shown) {
        wrapped(out, view, "    ", INDENT, &row.phrase().to_string());
    }
    if let more @ 1.. = others.len() - shown {
        let _ = writeln!(out, "    … and {more} more (use --full to show all)");
    }
    if !expected.is_empty() {
        let _ = writeln!(out, "    {} that the policy expects", counted(expected.len(), "key"));
    }
}

fn summary(out: &mut String, plan: &Plan, view: View) {
    let counts: Vec<_> = ActionKind::ALL
        .into_iter()
        .filter(|&kind| plan.count(kind) > 0)
        .map(|kind| {
            let style = style_of(kind);
            format!("{} to {} ({})", paint(style, plan.count(kind)), kind.verb(), paint(style, kind.glyph()))
        })
        .collect();
    if counts.is_empty() {
        wrapped(out, view, "", INDENT, &no_changes(plan));
    } else {
        let label = format!("{} ", paint(NAME, "Plan:"));
        wrapped(out, view, &label, INDENT, &format!("{}. {}.", counts.join(", "), unaffected(plan)));
    }
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
