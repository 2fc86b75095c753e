//! The events of an apply as JSON Lines: who was given access, when, and by which plan.
//!
//! Every run begins with a `started` or `refused` line, which contains the `formatVersion`. Lines contain no secrets.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use uuid::Uuid;

use crate::account::{Endpoint, Failure, Operation};
use crate::apply::{Event, Finding, Status, Step};
use crate::names::{KeyId, KeyName, StackName, UserId};
use crate::plan::file::FORMAT_VERSION;
use crate::plan::{Action, ActionKind, Change, KeyView, OldKey, Plan};
use crate::terminal::json;

/// Renders the events of one run.
#[derive(Debug, Clone, Copy)]
pub struct Events<'p> {
    plan: &'p Plan,
    run: Uuid,
}

#[derive(Debug, Serialize)]
struct EventLine<'a> {
    /// Wall-clock time in UTC.
    time: Timestamp,
    run: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<&'a StackName>,
    #[serde(flatten)]
    content: EventContent<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum EventContent<'a> {
    Refused {
        format_version: u64,
        digest: String,
        reasons: Vec<String>,
    },
    Started {
        format_version: u64,
        keyform: &'static str,
        endpoint: &'a Endpoint,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a UserId>,
        digest: String,
        serial: u64,
        actions: usize,
    },
    Request {
        request: Operation,
        name: &'a str,
    },
    Retry {
        name: &'a str,
        #[serde(flatten)]
        failure: &'a Failure,
    },
    Uncertain {
        name: &'a KeyName,
        #[serde(flatten)]
        failure: &'a Failure,
    },
    Settling {
        uploads: usize,
    },
    Waiting {
        reason: String,
        seconds: u64,
    },
    Settled {
        name: &'a KeyName,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a KeyId>,
    },
    Failed {
        action: ActionKind,
        name: &'a KeyName,
        #[serde(flatten)]
        failure: &'a Failure,
    },
    Pending {
        action: ActionKind,
        name: &'a KeyName,
        #[serde(flatten)]
        failure: &'a Failure,
    },
    Skipped {
        action: ActionKind,
        name: &'a KeyName,
        message: &'a str,
    },
    Verifying,
    Verified {
        correct: bool,
        findings: Vec<String>,
    },
    Saved {
        serial: u64,
    },
    #[serde(untagged)]
    Done(Box<KeyDetails<'a>>),
}

/// A completed change of a key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyDetails<'a> {
    event: &'static str,
    name: &'a KeyName,
    id: &'a KeyId,
    #[serde(flatten)]
    key: KeyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Date>,
    reason: String,
    /// The ids that the key replaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted_ids: Vec<&'a KeyId>,
}

impl<'p> Events<'p> {
    /// Renders a run of `plan`. `run` distinguishes its lines from those of other runs.
    pub fn of(plan: &'p Plan, run: Uuid) -> Self {
        Self { plan, run }
    }

    /// Renders the refusals of the plan, with a line feed at the end.
    pub fn refused(&self, time: Timestamp) -> String {
        let reasons = self.plan.refusals.iter().map(|refusal| refusal.message().to_string()).collect();
        let digest = self.plan.digest().to_string();
        self.line(time, EventContent::Refused { format_version: FORMAT_VERSION, digest, reasons })
    }

    /// Renders an event with a line feed at the end, or an empty text if an earlier line already reported it.
    pub fn event(&self, event: &Event<'_>, time: Timestamp) -> String {
        let content = match *event {
            Event::Started { steps } => EventContent::Started {
                format_version: FORMAT_VERSION,
                keyform: env!("CARGO_PKG_VERSION"),
                endpoint: &self.plan.endpoint,
                user_id: self.plan.user_id.as_ref(),
                digest: self.plan.digest().to_string(),
                serial: self.plan.base.serial,
                actions: steps,
            },
            Event::Request { operation, name } => EventContent::Request { request: operation, name },
            Event::Retrying { name, failure } => EventContent::Retry { name, failure },
            Event::Uncertain { name, failure } => EventContent::Uncertain { name, failure },
            Event::Settling { uploads } => EventContent::Settling { uploads },
            Event::Waiting(waiting) => {
                let reason = waiting.reason.to_string();
                EventContent::Waiting { reason, seconds: waiting.seconds() }
            }
            Event::Settled { name, id } => EventContent::Settled { name, id },
            Event::Recorded { action, id } => recorded(action, id),
            Event::Ended { step, action } => match ended(step, action) {
                Some(content) => content,
                None => return String::new(),
            },
            Event::Verifying => EventContent::Verifying,
            Event::Verified { findings } => EventContent::Verified {
                correct: !findings.iter().any(Finding::is_wrong),
                findings: findings.iter().map(Finding::to_string).collect(),
            },
            Event::Saved { serial } => EventContent::Saved { serial },
        };
        self.line(time, content)
    }

    fn line(&self, time: Timestamp, content: EventContent<'_>) -> String {
        json::line(&EventLine { time, run: self.run, stack: self.plan.stack.as_ref(), content })
    }
}

fn recorded<'a>(action: &'a Action, id: &'a KeyId) -> EventContent<'a> {
    let event = match action.change.row() {
        Some(_) if action.change.kind() == ActionKind::Update => "updated",
        Some(_) => "adopted",
        None => "uploaded",
    };
    done(event, action, id)
}

/// Returns `None` if the line of [`recorded`] already reported the step.
fn ended<'a>(step: &'a Step, action: &'a Action) -> Option<EventContent<'a>> {
    let Step { name, kind: action_kind, status } = step;
    let action_kind = *action_kind;
    Some(match status {
        Status::Done { id } => match action_kind {
            ActionKind::Upload | ActionKind::Adopt | ActionKind::Update => return None,
            ActionKind::Replace => done("replaced", action, id),
            ActionKind::Promote => done("promoted", action, id),
            ActionKind::Delete => done("deleted", action, id),
            ActionKind::Forget => done("forgotten", action, id),
        },
        Status::Failed(failure) => EventContent::Failed { action: action_kind, name, failure },
        Status::Pending(failure) => EventContent::Pending { action: action_kind, name, failure },
        Status::Skipped { reason } => EventContent::Skipped { action: action_kind, name, message: reason },
        Status::Waiting => EventContent::Skipped { action: action_kind, name, message: "not started" },
    })
}

fn done<'a>(event: &'static str, action: &'a Action, id: &'a KeyId) -> EventContent<'a> {
    let Action { name, change, reason } = action;
    let replaced: &[OldKey] = if let Change::Replace { old, .. } = change { old } else { &[] };
    EventContent::Done(Box::new(KeyDetails {
        event,
        name,
        id,
        key: KeyView::from(change.blob()),
        owner: action.owner(),
        expires: change.new_key().and_then(|key| key.expires),
        reason: reason.code(),
        deleted_ids: replaced.iter().map(|old| &old.id).collect(),
    }))
}
