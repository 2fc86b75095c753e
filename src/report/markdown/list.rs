//! The actions of a plan as lists: who loses access, what changes, and who gains access.

use std::collections::HashSet;

use super::fit::Fit;
use super::span::{code, fold, phrase};
use crate::plan::{Action, Change, Plan};
use crate::public_key::KeyBlob;
use crate::report::words::counted;
use crate::terminal::phrase::Phrase;

/// Maximum number of changes that give and take no access and are shown unfolded.
const UNFOLDED: usize = 20;

/// What an action means for access to the machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Lost,
    /// A key takes the place of another one, or only records change.
    Kept,
    Gained,
}

/// Some of the actions, as far as they fit.
struct Section<'p> {
    actions: Vec<&'p Action>,
    /// A line for each of the first actions.
    lines: Vec<String>,
    /// The names of those that follow, in a sentence.
    names: String,
    named: usize,
}

/// Renders all actions. If they do not fit, those that follow are only named, and the rest is counted.
pub(super) fn actions(plan: &Plan, fit: &mut Fit) -> String {
    let of = |access| plan.actions.iter().filter(|action| access_of(action) == access).collect();
    // In the order in which space is given to them.
    let lost = Section::new(of(Access::Lost), fit);
    let gained = Section::new(of(Access::Gained), fit);
    let kept = Section::new(of(Access::Kept), fit);

    let mut out = lost.render(&format!("{} access", loses(&lost.actions)));
    let changes = kept.render(&counted(kept.actions.len(), "change"));
    if kept.lines.len() <= UNFOLDED {
        out += &changes;
    } else {
        out += &fold(&format!("{} to other keys", counted(kept.actions.len(), "change")), &kept.text());
    }
    out += &gained.render(&format!("{} access", gains(&gained.actions)));
    let left_out = lost.left_out() + kept.left_out() + gained.left_out();
    if left_out > 0 {
        out += &format!(
            "_{} not shown because of the size limit. Run `keyform plan` to see all._\n\n",
            counted(left_out, "change")
        );
    }
    out
}

impl<'p> Section<'p> {
    fn new(actions: Vec<&'p Action>, fit: &mut Fit) -> Self {
        let mut section = Self { actions, lines: Vec::new(), names: String::new(), named: 0 };
        let all: Vec<_> = section.actions.iter().map(|action| line(action)).collect();
        if fit.take(&all.concat()) {
            section.lines = all;
            return section;
        }
        // Half of the space for lines leaves the other half for names, which are much shorter.
        let mut half = fit.split();
        section.lines = all.into_iter().take_while(|line| half.take(line)).collect();
        fit.join(&half);
        for action in section.actions.iter().skip(section.lines.len()) {
            let separator = if section.named == 0 { "" } else { ", " };
            let name = format!("{separator}{}", code(action.name.as_str()));
            if !fit.take(&name) {
                break;
            }
            section.names += &name;
            section.named += 1;
        }
        section
    }

    fn left_out(&self) -> usize {
        self.actions.len() - self.lines.len() - self.named
    }

    fn render(&self, title: &str) -> String {
        if self.actions.is_empty() { String::new() } else { format!("#### {title}\n\n{}", self.text()) }
    }

    fn text(&self) -> String {
        let mut out = self.lines.concat();
        if self.named > 0 {
            out += &format!("- {} more: {}\n", self.named, self.names);
        }
        out.push('\n');
        out
    }
}

fn access_of(action: &Action) -> Access {
    match &action.change {
        Change::Delete(_) => Access::Lost,
        Change::Upload(_) => Access::Gained,
        Change::Adopt { .. }
        | Change::Update { .. }
        | Change::Replace { .. }
        | Change::Promote { .. }
        | Change::Forget(_) => Access::Kept,
    }
}

/// A key can be in several rows, each with an action of its own.
fn keys(actions: &[&Action]) -> usize {
    actions.iter().map(|action| action.change.blob()).collect::<HashSet<_>>().len()
}

fn loses(actions: &[&Action]) -> String {
    let keys = keys(actions);
    format!("{} {}", counted(keys, "key"), if keys == 1 { "loses" } else { "lose" })
}

fn gains(actions: &[&Action]) -> String {
    let keys = keys(actions);
    format!("{} {}", counted(keys, "key"), if keys == 1 { "gains" } else { "gain" })
}

/// Renders an action as an item: name, owner, type, fingerprint, reason.
fn line(action: &Action) -> String {
    let Action { name, change, reason } = action;
    let mut parts = vec![code(name.as_str())];
    parts.extend(action.owner().map(code));
    match change {
        Change::Replace { key, old, .. } => {
            let new = key.key.blob();
            let changed = old.iter().map(|old| &old.blob).filter(|old| *old != new);
            parts.extend(changed.map(|old| format!("{} →", described(old))));
            parts.push(described(new));
        }
        _ => parts.push(described(change.blob())),
    }
    let mut phrases = vec![reason.phrase()];
    phrases.extend(action.facts());
    if let Change::Replace { old, .. } = change {
        phrases.push(Phrase::new("deletes id ").list(old.iter().map(|old| &old.id)));
    }
    let expires = change.new_key().and_then(|key| key.expires);
    let is_shown = action.attribute_changes().iter().any(|change| change.field() == "expires");
    phrases.extend(expires.filter(|_| !is_shown).map(|last| Phrase::new(format!("expires {last}"))));
    let mut explained = phrases.iter().map(phrase).collect::<Vec<_>>().join("; ");
    if action.is_protected() {
        explained += "; **protected by the state**";
    }
    let verb = match access_of(action) {
        Access::Kept => format!("**{}** ", change.kind().verb()),
        Access::Lost | Access::Gained => String::new(),
    };
    format!("- {verb}{}: {explained}\n", parts.join(" · ").replace(" → · ", " → "))
}

fn described(blob: &KeyBlob) -> String {
    let kind = blob.kind().map_or_else(|| code(blob.algorithm()), |kind| kind.to_string());
    format!("{kind} {}", code(blob.fingerprint().as_str()))
}
