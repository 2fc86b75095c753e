//! Plans and outcomes as people read them at a terminal, 80 columns wide.

use std::fmt::{Display, Write as _};

use anstyle::Style;
use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthStr as _;

use super::words::{self, counted};
use crate::account::FailureKind;
use crate::apply::{Outcome, Status, Step};
use crate::plan::guard::Refusal;
use crate::plan::{Action, ActionKind, Change, NewKey, Note, OldKey, Plan, Reason, ReplaceOrder, words as plan_words};
use crate::public_key::KeyBlob;
use crate::state::{Origin, Record, State};
use crate::terminal::sanitize::escape;
use crate::terminal::style::{BAD, CALM, DIM, GOOD, MARK, NAME, WARN, paint};

/// Renders a plan.
pub fn plan(plan: &Plan) -> String {
    let mut out = String::new();
    let user = match &plan.user_id {
        Some(user) => format!("user {user}"),
        None => "user not known yet".to_owned(),
    };
    let _ = writeln!(out, "Account: {} ({user})", paint(NAME, &plan.endpoint));
    if !plan.refreshed {
        let _ =
            writeln!(out, "{}", paint(WARN, "Offline: the account was not listed; this compares manifest and state."));
    }
    if !plan.drift.is_empty() {
        let _ = writeln!(out, "\n{}", paint(WARN, "Changed on the account by something else:"));
        for drift in &plan.drift {
            let _ = writeln!(out, "  ~ {}", plan_words::drift(drift));
        }
    }
    if !plan.actions.is_empty() {
        out.push('\n');
    }
    for action in &plan.actions {
        block(&mut out, action);
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\n{} {}", paint(WARN, "Note:"), plan_words::note(note));
    }
    if plan.left_out > 0 {
        let more = counted(plan.left_out, "more change");
        let _ = writeln!(out, "\n{} only what --target names; {more} left out.", paint(WARN, "Partial:"));
    }
    out.push('\n');
    summary(&mut out, plan);
    out
}

/// Renders what trips a guard, for stderr.
pub fn refusals(refusals: &[Refusal]) -> String {
    let mut out = String::new();
    for refusal in refusals {
        let _ = writeln!(out, "{} {}", paint(BAD, "refused:"), refusal.message());
        let _ = writeln!(out, "  {} {}", paint(CALM, "help:"), refusal.help());
    }
    out
}

/// Renders how a plan was carried out.
pub fn outcome(plan: &Plan, outcome: &Outcome, state_path: &str) -> String {
    let mut out = String::new();
    for (step, action) in outcome.steps.iter().zip(&plan.actions) {
        line(&mut out, step);
        if let Some(way) = way_out(step, action) {
            let _ = writeln!(out, "      {} {way}", paint(CALM, "help:"));
        }
    }
    for finding in outcome.findings.iter().flatten() {
        let (label, style) = if finding.is_wrong() { ("Wrong:", BAD) } else { ("Note:", WARN) };
        let _ = writeln!(out, "{} {}", paint(style, label), words::finding(finding));
    }
    if let Some(why) = &outcome.unverified {
        let _ = writeln!(out, "{} what was done could not be checked: {}", paint(BAD, "Unverified:"), escape(why));
    }
    out.push('\n');
    let _ = writeln!(out, "{}", tally(outcome));
    match (&outcome.saved, &outcome.save_error) {
        (Some(saved), _) => {
            let keys = counted(saved.keys, "key");
            let _ = writeln!(out, "State: {} (serial {}, {keys})", escape(state_path), saved.serial);
        }
        (None, None) => {
            let _ = writeln!(out, "State: unchanged.");
        }
        (None, Some(_)) => {}
    }
    out
}

/// Renders the recorded keys as a table.
pub fn records(state: &State) -> String {
    let records = state.sorted();
    let width = records.iter().map(|record| record.name.as_str().width()).max().unwrap_or_default();
    let mut out = String::new();
    for record in &records {
        let name = record.name.as_str();
        let pad = " ".repeat(width.saturating_sub(name.width()));
        let _ = writeln!(out, "{}{pad}  {}  {}", paint(NAME, name), record.id, sort(&record.public_key));
    }
    for name in state.pending.values() {
        let _ = writeln!(out, "{}  {}", paint(NAME, name), paint(WARN, "not known whether it was uploaded"));
    }
    let _ = writeln!(out, "{}", paint(DIM, format!("{}, serial {}", counted(records.len(), "key"), state.serial)));
    out
}

/// Renders all that is recorded of one key.
pub fn record(record: &Record) -> String {
    let Record { name, id, public_key, fingerprint, account_name, origin, created_at } = record;
    let mut out = String::new();
    let mut field = |label: &str, value: &dyn Display| {
        let _ = writeln!(out, "{} {value}", paint(DIM, format!("{label:<12}")));
    };
    field("name", &paint(NAME, name));
    field("id", id);
    if let Some(account_name) = account_name {
        field("there called", &plan_words::quoted(account_name));
    }
    field("type", &sort(public_key));
    field("fingerprint", fingerprint);
    field("MD5", &public_key.md5_fingerprint());
    field(
        "origin",
        &match origin {
            Origin::Uploaded => "uploaded",
            Origin::Adopted => "adopted",
        },
    );
    if let Some(created_at) = created_at {
        field("created", created_at);
    }
    field("public key", &public_key.as_str());
    out
}

fn block(out: &mut String, action: &Action) {
    let Action { name, change, reason, protected } = action;
    let kind = change.kind();
    let head = paint(style_of(kind), format!("{} {}", kind.glyph(), kind.verb()));
    let _ = writeln!(out, "  {head} {} ({})", paint(NAME, name), sort(change.blob()));
    let mut line = |text: &dyn Display| {
        let _ = writeln!(out, "      {text}");
    };
    match change {
        Change::Replace { key, old, .. } => {
            for old in old {
                let (before, after) = changed_words(&old_line(old), &new_line(action, key));
                line(&format_args!("{} {before}", paint(BAD, '-')));
                line(&format_args!("{} {after}", paint(GOOD, '+')));
            }
        }
        _ => line(&change.blob().fingerprint()),
    }
    line(&plan_words::reason(reason));
    for detail in details(action) {
        line(&detail);
    }
    if *protected {
        line(&paint(BAD, "the manifest protects this key"));
    }
}

/// What else there is to know of an action.
fn details(action: &Action) -> Vec<String> {
    match &action.change {
        Change::Upload(key) => about(key),
        Change::Adopt { key, row } => {
            let called = (row.account_name != action.name.as_str())
                .then(|| format!(", called {} there", plan_words::quoted(&row.account_name)));
            let id = format!("id {}{}", row.id, called.unwrap_or_default());
            about(key).into_iter().chain([id]).collect()
        }
        Change::Replace { key, row, old: _, promote, order } => {
            let there = row.as_ref().map(|row| format!("the new key is there already, as {}", row.id));
            let heir = promote.then(|| "the old key is the primary; the new one takes that over".to_owned());
            let gap = (*order == ReplaceOrder::DeleteFirst)
                .then(|| "the old one is deleted first: for a moment the account is without the key".to_owned());
            about(key).into_iter().chain(there).chain(heir).chain(gap).collect()
        }
        Change::Promote { instead_of, .. } => {
            instead_of.iter().map(|other| format!("in place of {}", plan_words::quoted(other))).collect()
        }
        Change::Delete(old) | Change::Forget(old) => {
            let primary = if old.is_primary { ", the primary key" } else { "" };
            vec![format!("id {}{primary}", old.id)]
        }
    }
}

/// Owner and expiry, on one line.
fn about(key: &NewKey) -> Vec<String> {
    let owner = key.owner.as_ref().map(|owner| format!("owner {}", escape(owner)));
    let expires = key.expires.map(|last| format!("expires {last}"));
    let about: Vec<_> = owner.into_iter().chain(expires).collect();
    if about.is_empty() { Vec::new() } else { vec![about.join(", ")] }
}

fn style_of(kind: ActionKind) -> Style {
    match kind {
        ActionKind::Upload => GOOD,
        ActionKind::Adopt | ActionKind::Promote => CALM,
        ActionKind::Replace => WARN,
        ActionKind::Delete => BAD,
        ActionKind::Forget => DIM,
    }
}

/// The type and length of a key, as `ssh-keygen -l` words them.
fn sort(blob: &KeyBlob) -> String {
    match blob.describe() {
        Some((kind, bits)) => format!("{kind} {bits}"),
        None => escape(blob.algorithm()).into_owned(),
    }
}

fn old_line(old: &OldKey) -> String {
    format!("{} {} {}", old.name, sort(&old.blob), old.blob.fingerprint())
}

fn new_line(action: &Action, key: &NewKey) -> String {
    format!("{} {} {}", action.name, sort(key.key.blob()), key.key.blob().fingerprint())
}

/// Two lines with the words marked in which they differ.
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
    let beside = format!("{} unchanged, {} unmanaged", plan.unchanged, plan.unmanaged);
    let pending = plan.notes.iter().any(|note| matches!(note, Note::Pending { .. }));
    if counts.is_empty() {
        let what = match () {
            () if pending => "No more can be said without a listing of the account",
            () if plan.left_out > 0 => "What --target names is as the manifest says",
            () => "The account is as the manifest says",
        };
        let _ = writeln!(out, "{} {what} ({beside}).", paint(GOOD, "No changes."));
    } else {
        let _ = writeln!(out, "{} {}; {beside}.", paint(NAME, "Plan:"), counts.join(", "));
    }
    let _ = writeln!(out, "Digest: {}", plan.digest());
}

fn line(out: &mut String, step: &Step) {
    let Step { name, kind, status } = step;
    let name = paint(NAME, name);
    let glyph = paint(style_of(*kind), kind.glyph());
    let _ = match status {
        Status::Done(id) => writeln!(out, "  {glyph} {name}: {} {id}", words::done(*kind)),
        Status::Failed(failure) => {
            let _ = writeln!(out, "  {} {name}: {} failed: {}", paint(BAD, '!'), kind.verb(), failure.message);
            match &failure.help {
                Some(help) => writeln!(out, "      {} {help}", paint(CALM, "help:")),
                None => Ok(()),
            }
        }
        Status::Pending(failure) => writeln!(
            out,
            "  {} {name}: {} may have worked: {}\n      the next run that lists the account finds out",
            paint(WARN, '?'),
            kind.verb(),
            failure.message
        ),
        Status::Skipped(why) => writeln!(out, "  {} {name}: {} skipped: {why}", paint(DIM, '·'), kind.verb()),
        Status::Waiting => writeln!(out, "  {} {name}: {} not begun", paint(DIM, '·'), kind.verb()),
    };
}

/// What to do about a rename that an account refuses because it has the key.
fn way_out(step: &Step, action: &Action) -> Option<&'static str> {
    let Status::Failed(failure) = &step.status else { return None };
    let refused = matches!(failure.kind, FailureKind::Conflict | FailureKind::Invalid);
    let renamed = matches!(action.reason, Reason::Renamed { .. });
    (refused && renamed).then_some(
        "if the account refuses a key that it has already, it cannot be there under two names at once:\n      \
         --replace-order delete-first deletes the old row before it uploads the new one",
    )
}

fn tally(outcome: &Outcome) -> String {
    let count = |wanted: fn(&Status) -> bool| outcome.steps.iter().filter(|step| wanted(&step.status)).count();
    let done: Vec<_> = ActionKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let ended = |step: &&Step| step.kind == kind && matches!(step.status, Status::Done(_));
            let count = outcome.steps.iter().filter(ended).count();
            (count > 0).then(|| format!("{count} {}", words::past(kind)))
        })
        .collect();
    let failed = count(|status| matches!(status, Status::Failed(_)));
    let pending = count(|status| matches!(status, Status::Pending(_)));
    let skipped = count(|status| matches!(status, Status::Skipped(_) | Status::Waiting));
    let done = if done.is_empty() { "nothing done".to_owned() } else { done.join(", ") };
    let mut parts = vec![done];
    parts.extend((failed > 0).then(|| paint(BAD, format!("{failed} failed")).to_string()));
    parts.extend((pending > 0).then(|| paint(WARN, format!("{pending} not known")).to_string()));
    parts.extend((skipped > 0).then(|| format!("{skipped} skipped")));
    let label = match (outcome.interrupted, outcome.is_success()) {
        (true, _) => paint(WARN, "Interrupted:").to_string(),
        (false, true) => paint(GOOD, "Applied:").to_string(),
        (false, false) => paint(BAD, "Incomplete:").to_string(),
    };
    let checked = match &outcome.findings {
        Some(_) if outcome.is_success() => "; the account was listed and is as planned",
        _ => "",
    };
    format!("{label} {}{checked}.", parts.join(", "))
}
