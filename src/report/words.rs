//! Labels that several formats share.

use crate::plan::ActionKind;

/// The label of what was done, before the id of the row.
pub fn done(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Upload => "uploaded as",
        ActionKind::Adopt => "adopted as",
        ActionKind::Replace => "replaced, now",
        ActionKind::Promote => "made primary:",
        ActionKind::Delete => "deleted",
        ActionKind::Forget => "forgotten:",
    }
}

/// The label of what was done, after a number of keys.
pub fn past(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Upload => "uploaded",
        ActionKind::Adopt => "adopted",
        ActionKind::Replace => "replaced",
        ActionKind::Promote => "promoted",
        ActionKind::Delete => "deleted",
        ActionKind::Forget => "forgotten",
    }
}

/// Formats a number of things: `1 key`, `2 keys`.
pub fn counted(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}
