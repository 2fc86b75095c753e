//! A rebuilt state as text.

use std::fmt::Write as _;

use super::text;
use super::words::counted;
use crate::names::KeyName;
use crate::state::State;
use crate::terminal::escape::escape;
use crate::terminal::style::{GOOD, NAME, WARN, paint};

/// Renders which records of the old state the new one does not have.
pub fn losses(old: &State, new: &State, path: &str) -> String {
    let keys = counted(old.records.len(), "key");
    let mut out = format!("The state {} can be read: serial {}, {keys}.\n", escape(path), old.serial);
    for record in old.sorted().into_iter().filter(|record| !new.records.contains_key(&record.id)) {
        let label = paint(WARN, "no longer managed:");
        let _ =
            writeln!(out, "{label} {} ({}), which the manifest or the account does not have", record.name, record.id);
    }
    out
}

/// Renders a state that was rebuilt at `path`, the keys that are `missing` on the account, and the paths where the old files
/// are `kept`.
pub fn rebuilt(new: &State, missing: &[&KeyName], path: &str, kept: &[String]) -> String {
    let mut out = text::records(new);
    for name in missing {
        let _ = writeln!(out, "{} is not on the account", paint(NAME, name));
    }
    let found = new.records.len();
    let all = counted(found + missing.len(), "key");
    let _ = writeln!(out, "\n{} {found} of {all} that the manifest lists.", paint(GOOD, "Rebuilt:"));
    let _ = writeln!(out, "State: {} (serial {})", escape(path), new.serial);
    for path in kept {
        let _ = writeln!(out, "Kept: {}", escape(path));
    }
    out
}
