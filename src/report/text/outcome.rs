//! An outcome at a terminal: a line for each action, what the listing afterwards shows, a summary.

use std::fmt::Write as _;

use super::style_of;
use crate::account::FailureKind;
use crate::apply::{Outcome, Status, Step};
use crate::plan::{Action, ActionKind, Plan, Reason};
use crate::report::View;
use crate::report::words::{self, counted};
use crate::terminal::sanitize::escape;
use crate::terminal::style::{BAD, CALM, DIM, GOOD, NAME, WARN, paint};

/// Renders how a plan was carried out.
///
/// Of a long list of successes the first are shown, unless `view` asks for all; what failed always is.
pub fn outcome(plan: &Plan, outcome: &Outcome, state_path: &str, view: View) -> String {
    let mut out = String::new();
    let steps: Vec<_> = outcome.steps.iter().zip(&plan.actions).collect();
    for steps in steps.chunk_by(|(a, _), (b, _)| a.kind == b.kind) {
        list(&mut out, steps, view);
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

/// Writes what became of the actions of one kind.
fn list(out: &mut String, steps: &[(&Step, &Action)], view: View) {
    let is_done = |step: &Step| matches!(step.status, Status::Done(_));
    let done = steps.iter().filter(|(step, _)| is_done(step)).count();
    let mut left = view.shown_of(done);
    for (step, action) in steps {
        if is_done(step) {
            if left == 0 {
                continue;
            }
            left -= 1;
        }
        line(out, step);
        if let Some(way) = way_out(step, action) {
            let _ = writeln!(out, "      {} {way}", paint(CALM, "help:"));
        }
    }
    if let (Some((step, _)), more @ 1..) = (steps.first(), done - view.shown_of(done)) {
        let glyph = paint(style_of(step.kind), step.kind.glyph());
        let _ = writeln!(out, "  {glyph} … and {more} more {}; --full shows them", words::past(step.kind));
    }
}

fn line(out: &mut String, step: &Step) {
    let Step { name, kind, status } = step;
    let name = paint(NAME, name);
    let glyph = paint(style_of(*kind), kind.glyph());
    let _ = match status {
        Status::Done(id) => writeln!(out, "  {glyph} {name}: {} {id}", words::done(*kind)),
        Status::Failed(failure) => {
            let _ = writeln!(out, "  {} {name}: {} failed: {}", paint(BAD, '!'), kind.verb(), escape(&failure.message));
            match &failure.help {
                Some(help) => writeln!(out, "      {} {}", paint(CALM, "help:"), escape(help)),
                None => Ok(()),
            }
        }
        Status::Pending(failure) => writeln!(
            out,
            "  {} {name}: {} may have worked: {}\n      the next run that lists the account finds out",
            paint(WARN, '?'),
            kind.verb(),
            escape(&failure.message)
        ),
        Status::Skipped(why) => writeln!(out, "  {} {name}: {} skipped: {}", paint(DIM, '·'), kind.verb(), escape(why)),
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
         take the key out of the manifest and apply, then add it under its new name",
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
