//! The actions of a plan as lists: who loses access, what changes, and who gains access.

use std::collections::HashSet;

use super::fit::Fit;
use super::span::{code, fold, phrase};
use crate::plan::{AccessChange, Action, Plan};
use crate::report::words::counted;
use crate::terminal::phrase::Phrase;

/// Maximum number of changes in the state alone that are shown unfolded.
const UNFOLDED: usize = 20;

/// Some of the actions, as far as they fit.
struct Section<'p> {
    actions: Vec<&'p Action>,
    /// The reason of all of them if they have the same, so that it is said once.
    reason: Option<Phrase>,
    /// A line for each of the first actions.
    lines: Vec<String>,
    /// The names of those that follow, in a sentence.
    names: String,
    named: usize,
}

/// Renders all actions. If they do not fit, those that follow are only named, and the rest is counted.
pub(super) fn actions(plan: &Plan, fit: &mut Fit) -> String {
    let of = |access| plan.actions.iter().filter(move |action| plan.access(action) == access);
    let (records, changes): (Vec<_>, Vec<_>) =
        of(AccessChange::Changes).partition(|action| action.change.is_record_only());
    let is_long = records.len() > UNFOLDED;
    let (unfolded, folded) = if is_long { (changes, records) } else { ([changes, records].concat(), Vec::new()) };
    // In the order in which space is given to them.
    let lost = Section::new(plan, of(AccessChange::Loses).collect(), fit);
    let gained = Section::new(plan, of(AccessChange::Gains).collect(), fit);
    let kept = Section::new(plan, unfolded, fit);
    let recorded = Section::new(plan, folded, fit);

    let mut out = lost.render(&format!("{} access", loses(&lost.actions)));
    out += &kept.render(&counted(kept.actions.len(), "change"));
    out += &gained.render(&format!("{} access", gains(&gained.actions)));
    if !recorded.actions.is_empty() {
        out += &fold(&format!("{} in the state alone", counted(recorded.actions.len(), "change")), &recorded.text());
    }
    let left_out: usize = [lost, kept, gained, recorded].iter().map(Section::left_out).sum();
    if left_out > 0 {
        out += &format!(
            "_{} not shown because of the size limit. `keyform plan --full` shows all._\n\n",
            counted(left_out, "change")
        );
    }
    out
}

impl<'p> Section<'p> {
    fn new(plan: &Plan, actions: Vec<&'p Action>, fit: &mut Fit) -> Self {
        let reason = common_reason(&actions);
        let all: Vec<_> = actions.iter().map(|action| line(plan, action, reason.is_none())).collect();
        let mut section = Self { actions, reason, lines: Vec::new(), names: String::new(), named: 0 };
        fit.take(&section.reason_line());
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

    fn reason_line(&self) -> String {
        self.reason.as_ref().map(|reason| format!("Reason: {}.\n\n", phrase(reason))).unwrap_or_default()
    }

    fn text(&self) -> String {
        let mut out = self.reason_line() + &self.lines.concat();
        if self.named > 0 {
            out += &format!("- {} more: {}\n", self.named, self.names);
        }
        out.push('\n');
        out
    }
}

fn common_reason(actions: &[&Action]) -> Option<Phrase> {
    let (first, others) = actions.split_first()?;
    let is_common = !others.is_empty() && others.iter().all(|action| action.reason == first.reason);
    is_common.then(|| first.reason.phrase())
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

/// Renders name, owner, type, fingerprint, reason, and what else a reviewer should know.
fn line(plan: &Plan, action: &Action, has_reason: bool) -> String {
    let Action { name, change, reason } = action;
    let verb = match plan.access(action) {
        AccessChange::Changes => format!("{} ", change.kind().verb()),
        AccessChange::Loses | AccessChange::Gains => String::new(),
    };
    let mut line = format!("- {verb}**{}**", code(name.as_str()));
    let blob = change.blob();
    let mut parts: Vec<_> = action.owner().map(code).into_iter().collect();
    parts.push(blob.kind().map_or_else(|| code(blob.algorithm()), |kind| kind.to_string()));
    parts.push(code(blob.fingerprint().as_str()));
    parts.extend(change.replaced_keys().map(|old| phrase(&old.replaced_phrase(name))));
    parts.extend(has_reason.then(|| phrase(&reason.phrase())));
    let facts = plan.facts(action).into_iter().filter(|fact| !fact.is_routine);
    parts.extend(facts.map(|fact| phrase(&fact.phrase)));
    for part in parts {
        line += " · ";
        line += &part;
    }
    line.push('\n');
    line
}
