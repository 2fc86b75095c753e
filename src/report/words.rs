//! The words in which outcomes are told, the same in every format.

use crate::apply::Finding;
use crate::plan::ActionKind;

/// What was done, before the id of the row.
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

/// What was done, after a number of keys.
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

/// Says what a listing after an apply shows.
pub fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Missing { name, id } => format!("{name} should be on the account as {id}, and is not"),
        Finding::Remains { name, id } => format!("{name} ({id}) was deleted, and the account still lists it"),
        Finding::Copies { name, ids } => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            format!("the account holds the key of {name} more than once, also as {}", ids.join(", "))
        }
        Finding::NotPrimary { name } => format!("{name} should be the primary key, and is not"),
        Finding::PrimaryRestored { name } => {
            format!("an upload had made itself the primary key; {name} was made that again, as the manifest wants")
        }
        Finding::PrimaryMoved { name } => {
            format!("the account made {name} its primary key, though no manifest asks for it")
        }
    }
}

/// A number of things: `1 key`, `2 keys`.
pub fn counted(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}
