//! Refuses plans that add compromised keys, and shows the progress of such checks.

use super::error::CliError;
use super::progress::Progress;
use super::ui::Ui;
use crate::plan::Plan;
use crate::public_key::{CompromiseCheck, CompromiseChecks, PrimeTests};
use crate::report::words::counted;

/// More than any account needs, and less than an hour of one processor.
const LIMIT: PrimeTests = PrimeTests::of(20_000, 4096);

/// RSA keys that are checked without progress, since it takes less than a second.
const FEW: usize = 20;

/// Compromised keys that are listed.
const MAX_LISTED: usize = 20;

/// Checks the keys that a plan uploads, adopts or puts in the place of others. Keys that it leaves as they are cost nothing.
pub(super) async fn refuse_compromised(plan: &Plan, ui: Ui) -> Result<(), CliError> {
    let new: Vec<_> =
        plan.actions.iter().filter_map(|action| Some((&action.name, &action.change.new_key()?.key))).collect();
    let checks = CompromiseChecks::new(new.iter().map(|(_, key)| *key), LIMIT);
    let slow = checks.slow();
    let mut progress = CheckProgress::new(ui);
    let mut compromised = Vec::new();
    let mut untested = false;
    for (index, check) in checks {
        match check {
            CompromiseCheck::Passed => {}
            CompromiseCheck::Compromised(compromise) => compromised.push((index, compromise)),
            CompromiseCheck::PrimeUntested => untested = true,
        }
        if new.get(index).is_some_and(|(_, key)| key.kind().is_rsa()) {
            progress.step(slow);
        }
        // So that a signal can end this.
        tokio::task::yield_now().await;
    }
    drop(progress);
    compromised.sort_unstable_by_key(|&(index, _)| index);
    let Some((_, first)) = compromised.first() else {
        return if untested { Err(too_many()) } else { Ok(()) };
    };
    let listed = compromised.iter().take(MAX_LISTED).filter_map(|(index, compromise)| {
        let (name, _) = new.get(*index)?;
        Some(format!("{name}: {compromise}"))
    });
    let more = compromised.len().checked_sub(MAX_LISTED).filter(|&more| more > 0);
    let verb = if compromised.len() == 1 { "is" } else { "are" };
    Err(CliError::new(format!("{} of the plan {verb} compromised", counted(compromised.len(), "key")))
        .details(listed)
        .details(more.map(|more| format!("{more} more")))
        .hint(first.help()))
}

fn too_many() -> CliError {
    CliError::new("the plan adds more or longer RSA keys than can be tested for a prime modulus in one run")
        .hint("add fewer keys at a time with --target NAME, or use Ed25519 keys")
}

/// The progress of checking RSA keys, shown only if there are many.
pub(super) struct CheckProgress {
    ui: Ui,
    shown: Option<Progress>,
}

impl CheckProgress {
    pub(super) const fn new(ui: Ui) -> Self {
        Self { ui, shown: None }
    }

    /// Counts one key of `total`.
    pub(super) fn step(&mut self, total: usize) {
        if total > FEW {
            self.shown.get_or_insert_with(|| begin(self.ui, total)).step();
        }
    }
}

impl Drop for CheckProgress {
    fn drop(&mut self) {
        if let Some(progress) = &self.shown {
            progress.end();
        }
    }
}

fn begin(ui: Ui, total: usize) -> Progress {
    let progress = Progress::new(ui.progress());
    progress.begin(total, "Checking RSA keys");
    progress
}
