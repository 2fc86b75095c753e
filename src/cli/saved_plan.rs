//! Plans in files: saved by `plan --out FILE`, printed by `show FILE`, checked and applied by `apply FILE`.

use std::fmt::Display;
use std::io;
use std::path::Path;

use jiff::civil::Date;

use super::account::Account;
use super::error::CliError;
use super::planning::recorded;
use crate::apply::Observation;
use crate::files::{self, MAX_OWN_BYTES, refuse_special};
use crate::plan::{Plan, broken, file};
use crate::state::LoadedState;

/// Writes a plan to a file atomically.
pub(super) fn save(plan: &Plan, path: &Path) -> Result<(), CliError> {
    let failed = |why: &dyn Display| CliError::new(format!("cannot save the plan to {}: {why}", path.display()));
    refuse_special(path).map_err(|error| failed(&error).hint("name a regular file, or a path that does not exist"))?;
    let written = files::replace(path, file::to_text(plan).as_bytes());
    written.map(drop).map_err(|error| failed(&error.kind()))
}

/// Reads a saved plan.
pub(super) fn read(path: &Path) -> Result<Plan, CliError> {
    let text = files::read_followed(path, MAX_OWN_BYTES)
        .map_err(|error| CliError::new(format!("cannot read the saved plan {}: {error}", path.display())))?;
    parse(&text, &path.display())
}

/// Reads a saved plan from a file, or from stdin if the path is `-`.
pub(super) fn read_or_stdin(path: &Path) -> Result<Plan, CliError> {
    if path != Path::new("-") {
        return read(path);
    }
    let text = files::read_stream(io::stdin().lock(), MAX_OWN_BYTES)
        .map_err(|error| CliError::new(format!("cannot read the saved plan from stdin: {error}")))?;
    parse(&text, &"stdin")
}

fn parse(text: &[u8], place: &dyn Display) -> Result<Plan, CliError> {
    file::from_text(text).map_err(|error| CliError::new(format!("{place}: {error}")).hint(error.help()))
}

/// Refuses a saved plan for another account, before any request is sent.
pub(super) fn check_endpoint(plan: &Plan, account: &Account) -> Result<(), CliError> {
    if plan.endpoint == account.endpoint {
        return Ok(());
    }
    let message = format!("the saved plan is for {}, not {}", plan.endpoint, account.endpoint);
    Err(CliError::new(message).hint("set the endpoint of the plan with --endpoint"))
}

/// Checks that a saved plan is still valid, and updates the facts that the guards check.
pub(super) fn recheck(
    mut plan: Plan,
    loaded: &LoadedState,
    observation: &Observation,
    today: Date,
) -> Result<Plan, CliError> {
    let recorded = recorded(loaded, Some(observation));
    let broken = broken(&plan, recorded, &observation.listing, today);
    if !broken.is_empty() {
        return Err(CliError::new("the saved plan is out of date")
            .details(broken)
            .hint("create a new plan and have it approved; nothing was changed"));
    }
    plan.observe(recorded, &observation.listing);
    plan.rebase(recorded);
    // They were for the review, and may be outdated.
    plan.drift.clear();
    plan.notes.clear();
    Ok(plan)
}
