//! The words in which plans explain themselves, the same in every format.

use super::{Drift, Drifted, Note, Reason};
use crate::terminal::sanitize::escape_to;

/// The most characters of a name from the account that a sentence shows.
const MAX_ACCOUNT_NAME: usize = 80;

/// Says why an action is planned.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Absent => "not on the account".to_owned(),
        Reason::Gone => "recorded, but gone from the account".to_owned(),
        Reason::Unrecorded => "not in the state".to_owned(),
        Reason::Present => "already on the account, not recorded".to_owned(),
        Reason::Interrupted => "uploaded by a run that was interrupted".to_owned(),
        Reason::OtherId(id) => format!("recorded as {id}, which is gone; the account has it in another row"),
        Reason::NameAgrees { from } => format!("recorded as {from}; the account already calls it by this name"),
        Reason::OtherKey => "the manifest has another key under this name".to_owned(),
        Reason::Renamed { from } => format!("was {from}; the API cannot rename, so it is uploaded anew"),
        Reason::NotPrimary => "the manifest makes it the primary key".to_owned(),
        Reason::NewPrimary => "the manifest makes it the primary key, once it is uploaded".to_owned(),
        Reason::Undesired => "no longer in the manifest".to_owned(),
        Reason::Destroyed => "every managed key is to be deleted".to_owned(),
        Reason::Expired(last) => format!("expired: it was wanted until {last}"),
        Reason::LeftOver => "another key has replaced it under this name".to_owned(),
        Reason::Orphan => "uploaded by a run that was interrupted, and not in the manifest".to_owned(),
        Reason::Copy => "another recorded row holds the same key".to_owned(),
    }
}

/// Says what was changed behind keyform's back.
pub fn drift(drift: &Drift) -> String {
    let Drift { name, id, change } = drift;
    match change {
        Drifted::Deleted => format!("{name} ({id}) is gone from the account"),
        Drifted::OtherKey => format!("{name} ({id}) holds another key than was recorded"),
        Drifted::Renamed { from, to } => {
            format!("{name} ({id}) was called {} and is called {} on the account", quoted(from), quoted(to))
        }
    }
}

/// Says what a reviewer should know besides.
pub fn note(note: &Note) -> String {
    match note {
        Note::Copies { name, ids } => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            format!("the account holds the key of {name} more than once; left alone: {}", ids.join(", "))
        }
        Note::Unreadable { rows: 1 } => {
            "the account shows 1 row without its key; whether it holds a desired key cannot be told".to_owned()
        }
        Note::Unreadable { rows } => {
            format!("the account shows {rows} rows without their keys; whether they hold a desired key cannot be told")
        }
        Note::Pending { names } => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            format!(
                "it is not known whether these were uploaded: {}; a plan without --offline finds out",
                names.join(", ")
            )
        }
        Note::PrimaryUnknown => {
            "the account was not listed, so it is not known whether a key that goes is the primary".to_owned()
        }
    }
}

/// A text from the account, in quotes, safe and bounded.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escape_to(text, MAX_ACCOUNT_NAME))
}
