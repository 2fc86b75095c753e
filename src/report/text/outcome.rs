//! An outcome as text: a line for each action, the findings, a summary.

use std::fmt::Write as _;

use super::style_of;
use crate::account::FailureKind;
use crate::apply::{Outcome, Status, Step, Verification};
use crate::plan::{Action, ActionKind, Plan, Reason};
use crate::report::View;
use crate::report::words::{self, counted};
use crate::terminal::escape::escape;
use crate::terminal::style::{BAD, CALM, DIM, GOOD, NAME, WARN, paint};

/// Renders an outcome. A long list of successes is shortened according to `view`. Everything else is always shown.
pub fn outcome(plan: &Plan, outcome: &Outcome, state_path: &str, view: View) -> String {
    let mut out = String::new();
    let steps: Vec<_> = outcome.steps.iter().zip(&plan.actions).collect();
    for steps in steps.chunk_by(|(a, _), (b, _)| a.kind == b.kind) {
        write_steps(&mut out, steps, view);
    }
    for finding in outcome.findings() {
        let (label, style) = if finding.is_wrong() { ("Wrong:", BAD) } else { ("Note:", WARN) };
        let _ = writeln!(out, "{} {}", paint(style, label), finding);
    }
    if let Verification::Failed(reason) = &outcome.verification {
        let _ = writeln!(out, "{} cannot check the result: {}", paint(BAD, "Unverified:"), escape(reason));
    }
    out.push('\n');
    let _ = writeln!(out, "{}", summary(outcome));
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

/// Writes the results of the actions of one kind.
fn write_steps(out: &mut String, steps: &[(&Step, &Action)], view: View) {
    let done = steps.iter().filter(|(step, _)| step.is_done()).count();
    let mut left = view.shown_of(done);
    for (step, action) in steps {
        if step.is_done() {
            if left == 0 {
                continue;
            }
            left -= 1;
        }
        write_step(out, step);
        if let Some(help) = help(step, action) {
            let _ = writeln!(out, "      {} {help}", paint(CALM, "help:"));
        }
    }
    if let (Some((step, _)), more @ 1..) = (steps.first(), done - view.shown_of(done)) {
        let glyph = paint(style_of(step.kind), step.kind.glyph());
        let _ = writeln!(out, "  {glyph} … and {more} more {} (use --full to show all)", words::past(step.kind));
    }
}

fn write_step(out: &mut String, step: &Step) {
    let Step { name, kind, status } = step;
    let name = paint(NAME, name);
    let glyph = paint(style_of(*kind), kind.glyph());
    let _ = match status {
        Status::Done { id } => writeln!(out, "  {glyph} {name}: {} {id}", words::done(*kind)),
        Status::Failed(failure) => {
            let _ = writeln!(out, "  {} {name}: {} failed: {}", paint(BAD, '!'), kind.verb(), escape(&failure.message));
            match &failure.help {
                Some(help) => writeln!(out, "      {} {}", paint(CALM, "help:"), escape(help)),
                None => Ok(()),
            }
        }
        Status::Pending(failure) => writeln!(
            out,
            "  {} {name}: {} may have succeeded: {}\n      {} run `keyform plan` without --offline to find out",
            paint(WARN, '?'),
            kind.verb(),
            escape(&failure.message),
            paint(CALM, "help:")
        ),
        Status::Skipped { reason } => {
            writeln!(out, "  {} {name}: {} skipped: {}", paint(DIM, '·'), kind.verb(), escape(reason))
        }
        Status::Waiting => writeln!(out, "  {} {name}: {} not started", paint(DIM, '·'), kind.verb()),
    };
}

/// Explains how to rename a key on an account that accepts a key only once.
fn help(step: &Step, action: &Action) -> Option<&'static str> {
    let Status::Failed(failure) = &step.status else { return None };
    let refused = matches!(failure.kind, FailureKind::Conflict | FailureKind::Invalid);
    let renamed = matches!(action.reason, Reason::Renamed { .. });
    (refused && renamed).then_some(
        "if the account does not accept a key twice, remove the key from the manifest and apply,\n      \
         then add it with its new account name and apply again",
    )
}

fn summary(outcome: &Outcome) -> String {
    let count = |is_meant: &dyn Fn(&Step) -> bool| outcome.steps.iter().filter(|step| is_meant(step)).count();
    let done = ActionKind::ALL.into_iter().filter_map(|kind| {
        let count = count(&|step| step.kind == kind && step.is_done());
        (count > 0).then(|| format!("{count} {}", words::past(kind)))
    });
    let done: Vec<_> = done.collect();
    let failed = count(&|step| matches!(step.status, Status::Failed(_)));
    let pending = count(&|step| matches!(step.status, Status::Pending(_)));
    let skipped = count(&|step| matches!(step.status, Status::Skipped { .. } | Status::Waiting));
    let done = if done.is_empty() { "0 done".to_owned() } else { done.join(", ") };
    let mut parts = vec![done];
    parts.extend((failed > 0).then(|| paint(BAD, format!("{failed} failed")).to_string()));
    parts.extend((pending > 0).then(|| paint(WARN, format!("{pending} unknown")).to_string()));
    parts.extend((skipped > 0).then(|| format!("{skipped} skipped")));
    let label = match (outcome.interrupted, outcome.is_success()) {
        (true, _) => paint(WARN, "Interrupted:").to_string(),
        (false, true) => paint(GOOD, "Applied:").to_string(),
        (false, false) => paint(BAD, "Incomplete:").to_string(),
    };
    let is_checked = outcome.is_verified() && outcome.is_success();
    let checked = if is_checked { " The account was listed and matches the plan." } else { "" };
    format!("{label} {}.{checked}", parts.join(", "))
}
