//! Words that several formats share.

use crate::plan::{ActionKind, Plan};

/// Returns the label of a completed action, to be followed by the id.
pub fn done(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Upload => "uploaded as",
        ActionKind::Adopt => "adopted as",
        ActionKind::Update => "updated",
        ActionKind::Replace => "replaced by",
        ActionKind::Promote => "promoted",
        ActionKind::Delete => "deleted",
        ActionKind::Forget => "forgot",
    }
}

/// Returns the label of completed actions, to be preceded by a number of keys.
pub fn past(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Upload => "uploaded",
        ActionKind::Adopt => "adopted",
        ActionKind::Update => "updated",
        ActionKind::Replace => "replaced",
        ActionKind::Promote => "promoted",
        ActionKind::Delete => "deleted",
        ActionKind::Forget => "forgotten",
    }
}

/// Formats a number with a noun: `1 key`, `2 keys`.
pub fn counted(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// Formats the number of keys that a plan does not affect. Unmanaged keys are unknown if the account was not listed.
pub fn unaffected(plan: &Plan) -> String {
    let unchanged = format!("{} unchanged", plan.unchanged);
    if plan.refreshed { format!("{unchanged}, {} unmanaged", plan.unmanaged.len()) } else { unchanged }
}
