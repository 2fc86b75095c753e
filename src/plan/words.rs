//! The words in which plans explain themselves, the same in every format.

use super::{Drift, Drifted, Note, Phrase, Reason};

/// The most names or ids that one sentence lists.
const MAX_LISTED: usize = 20;

/// Says why an action is planned.
pub fn reason(reason: &Reason) -> Phrase {
    match reason {
        Reason::Absent => Phrase::new("not on the account"),
        Reason::Gone => Phrase::new("recorded, but gone from the account"),
        Reason::Unrecorded => Phrase::new("not in the state"),
        Reason::Present => Phrase::new("already on the account, not recorded"),
        Reason::Interrupted => Phrase::new("uploaded by a run that was interrupted"),
        Reason::OtherId(id) => {
            Phrase::new("recorded as ").named(id).then(", which is gone; the account has it in another row")
        }
        Reason::NameAgrees { from } => {
            Phrase::new("recorded as ").named(from).then("; the account already calls it by this name")
        }
        Reason::OtherKey => Phrase::new("the manifest has another key under this name"),
        Reason::Renamed { from } => {
            Phrase::new("was ").named(from).then("; the API cannot rename, so it is uploaded anew")
        }
        Reason::NotPrimary => Phrase::new("the manifest makes it the primary key"),
        Reason::NewPrimary => Phrase::new("the manifest makes it the primary key, once it is uploaded"),
        Reason::Undesired => Phrase::new("no longer in the manifest"),
        Reason::Destroyed => Phrase::new("every managed key is to be deleted"),
        Reason::Expired(last) => Phrase::new(format!("expired: it was wanted until {last}")),
        Reason::LeftOver => Phrase::new("another key has replaced it under this name"),
        Reason::Orphan => Phrase::new("uploaded by a run that was interrupted, and not in the manifest"),
        Reason::Copy => Phrase::new("another recorded row holds the same key"),
    }
}

/// Says what was changed behind keyform's back.
pub fn drift(drift: &Drift) -> Phrase {
    let Drift { name, id, change } = drift;
    let phrase = Phrase::default().named(name).then(" (").named(id).then(") ");
    match change {
        Drifted::Deleted => phrase.then("is gone from the account"),
        Drifted::OtherKey => phrase.then("holds another key than was recorded"),
        Drifted::Renamed { from, to } => {
            phrase.then("was called ").foreign(from).then(" and is called ").foreign(to).then(" on the account")
        }
    }
}

/// Says what a reviewer should know besides.
pub fn note(note: &Note) -> Phrase {
    match note {
        Note::ExpiresSoon { name, last, days } => {
            let left = match days {
                0 => "today".to_owned(),
                1 => format!("tomorrow, {last}"),
                days => format!("in {days} days, on {last}"),
            };
            Phrase::new("the last day of ")
                .named(name)
                .then(format!(" is {left}; from the day after, a plan deletes it"))
        }
        Note::Copies { name, ids } => {
            let phrase = Phrase::new("the account holds the key of ").named(name);
            listed(phrase.then(" more than once; left alone: "), ids)
        }
        Note::Unreadable { rows: 1 } => {
            Phrase::new("the account shows 1 row without its key; whether it holds a desired key cannot be told")
        }
        Note::Unreadable { rows } => Phrase::new(format!(
            "the account shows {rows} rows without their keys; whether they hold a desired key cannot be told"
        )),
        Note::Pending { names } => {
            let phrase = listed(Phrase::new("it is not known whether these were uploaded: "), names);
            phrase.then("; a plan without --offline finds out")
        }
        Note::PrimaryUnknown => {
            Phrase::new("the account was not listed, so it is not known whether a key that goes is the primary")
        }
    }
}

fn listed<T: std::fmt::Display>(phrase: Phrase, names: &[T]) -> Phrase {
    let phrase = phrase.list(names.iter().take(MAX_LISTED));
    let more = names.len().saturating_sub(MAX_LISTED);
    if more == 0 { phrase } else { phrase.then(format!(" and {more} more")) }
}
