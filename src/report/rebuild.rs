//! The result of `state rebuild`, as text.

use std::fmt::Write as _;

use super::text;
use super::words::counted;
use crate::names::KeyName;
use crate::state::State;
use crate::terminal::escape::escape;
use crate::terminal::phrase::Phrase;
use crate::terminal::style::{GOOD, NAME, WARN, paint};

/// Renders the records of the old state that are missing from the new one.
pub fn losses(old: &State, new: &State, path: &str) -> String {
    let keys = counted(old.records.len(), "key");
    let mut out = format!("The state {} is readable: serial {}, {keys}.\n", escape(path), old.serial);
    for record in old.sorted().into_iter().filter(|record| !new.records.contains_key(&record.id)) {
        let label = paint(WARN, "no longer managed:");
        let _ = writeln!(out, "{label} {} ({}), missing from the manifest or the account", record.name, record.id);
    }
    out
}

/// Renders a state that was rebuilt at `path`, the keys that are `missing` from the account, remarks about other rows, and
/// the paths of the `kept` old files.
pub fn rebuilt(new: &State, missing: &[&KeyName], remarks: &[Phrase], path: &str, kept: &[String]) -> String {
    let mut out = text::records(new);
    for name in missing {
        let _ = writeln!(out, "{} is not on the account", paint(NAME, name));
    }
    for remark in remarks {
        let _ = writeln!(out, "{} {remark}", paint(WARN, "Note:"));
    }
    let found = new.records.len();
    let all = counted(found + missing.len(), "key");
    let _ = writeln!(out, "\n{} {found} of {all} in the manifest.", paint(GOOD, "Rebuilt:"));
    let _ = writeln!(out, "State: {} (serial {})", escape(path), new.serial);
    for path in kept {
        let _ = writeln!(out, "Kept: {}", escape(path));
    }
    out
}
