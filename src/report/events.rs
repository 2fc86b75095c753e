//! What happens during an apply, one JSON object a line: who got access when, from which plan.
//!
//! Versioned like a plan: `formatVersion` stands in the first line of each run, which begins with `started`. No line holds
//! a secret.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::words;
use crate::account::Failure;
use crate::account::Operation;
use crate::apply::{Event, Finding, Status, Step};
use crate::names::{KeyId, UserId};
use crate::plan::file::{FORMAT_VERSION, KeyFile};
use crate::plan::guard::Refusal;
use crate::plan::{Action, ActionKind, Change, Plan};
use crate::terminal::sanitize;

/// One line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    /// The wall clock's time, UTC.
    time: Timestamp,
    /// Tells the lines of one run from those of another.
    run: Uuid,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum What<'a> {
    Refused {
        format_version: u64,
        digest: String,
        reasons: Vec<String>,
    },
    Started {
        format_version: u64,
        keyform: &'static str,
        endpoint: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
        digest: String,
        serial: u64,
        actions: usize,
    },
    Request {
        request: &'static str,
        name: &'a str,
    },
    Retry {
        name: &'a str,
        #[serde(flatten)]
        why: Why<'a>,
    },
    Uncertain {
        name: &'a str,
        #[serde(flatten)]
        why: Why<'a>,
    },
    Settling {
        uploads: usize,
    },
    Settled {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
    },
    Uploaded {
        name: &'a str,
        id: &'a str,
        #[serde(flatten)]
        key: Box<Access<'a>>,
    },
    Adopted {
        name: &'a str,
        id: &'a str,
        #[serde(flatten)]
        key: Box<Access<'a>>,
    },
    Replaced {
        name: &'a str,
        id: &'a str,
        #[serde(flatten)]
        key: Box<Access<'a>>,
    },
    Promoted {
        name: &'a str,
        id: &'a str,
        #[serde(flatten)]
        key: Box<Access<'a>>,
    },
    Deleted {
        name: &'a str,
        id: &'a str,
        #[serde(flatten)]
        key: Box<Access<'a>>,
    },
    Forgotten {
        name: &'a str,
        id: &'a str,
        #[serde(flatten)]
        key: Box<Access<'a>>,
    },
    Failed {
        action: &'static str,
        name: &'a str,
        #[serde(flatten)]
        why: Why<'a>,
    },
    Pending {
        action: &'static str,
        name: &'a str,
        #[serde(flatten)]
        why: Why<'a>,
    },
    Skipped {
        action: &'static str,
        name: &'a str,
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
}

/// Why something did not work.
#[derive(Debug, Serialize)]
struct Why<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    message: &'a str,
}

/// Which key it was, whose, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Access<'a> {
    #[serde(flatten)]
    key: KeyFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    reason: &'static str,
    /// The rows that went for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted_ids: Vec<&'a str>,
}

/// The lines of one run.
#[derive(Debug, Clone, Copy)]
pub struct Events<'p> {
    plan: &'p Plan,
    run: Uuid,
}

impl<'p> Events<'p> {
    /// Begins the lines of a run of `plan`; `run` is any id that no other run has.
    pub fn of(plan: &'p Plan, run: Uuid) -> Self {
        Self { plan, run }
    }

    /// The plan.
    pub fn plan(&self) -> &'p Plan {
        self.plan
    }

    /// Renders that a guard refused the plan, with a line feed at the end.
    pub fn refused(&self, refusals: &[Refusal], time: Timestamp) -> String {
        let reasons = refusals.iter().map(|refusal| refusal.message().to_string()).collect();
        self.line(
            time,
            What::Refused { format_version: FORMAT_VERSION, digest: self.plan.digest().to_string(), reasons },
        )
    }

    /// Renders something that happened, with a line feed at the end; nothing for what says nothing new.
    pub fn event(&self, event: &Event<'_>, time: Timestamp) -> String {
        let what = match event {
            Event::Started { steps } => What::Started {
                format_version: FORMAT_VERSION,
                keyform: env!("CARGO_PKG_VERSION"),
                endpoint: self.plan.endpoint.to_string(),
                user_id: self.plan.user_id.as_ref().map(UserId::as_str),
                digest: self.plan.digest().to_string(),
                serial: self.plan.base.serial,
                actions: *steps,
            },
            Event::Request { operation, name } => What::Request { request: request(*operation), name: name.as_str() },
            Event::Retrying { name, failure } => What::Retry { name: name.as_str(), why: why(failure) },
            Event::Uncertain { name, failure } => What::Uncertain { name: name.as_str(), why: why(failure) },
            Event::Settling { uploads } => What::Settling { uploads: *uploads },
            Event::Settled { name, id } => What::Settled { name: name.as_str(), id: id.map(KeyId::as_str) },
            Event::Placed { action, id } => placed(action, id),
            Event::Ended { step, action } => match ended(step, action) {
                Some(what) => what,
                None => return String::new(),
            },
            Event::Verifying => What::Verifying,
            Event::Verified { findings } => What::Verified {
                correct: !findings.iter().any(Finding::is_wrong),
                findings: findings.iter().map(words::finding).collect(),
            },
            Event::Saved { serial } => What::Saved { serial: *serial },
        };
        self.line(time, what)
    }

    fn line(&self, time: Timestamp, what: What<'_>) -> String {
        sanitize::json_line(&Line { time, run: self.run, what })
    }
}

fn request(operation: Operation) -> &'static str {
    match operation {
        Operation::List => "list",
        Operation::Upload => "upload",
        Operation::Promote => "promote",
        Operation::Delete => "delete",
    }
}

fn why(failure: &Failure) -> Why<'_> {
    Why { status: failure.status, message: &failure.message }
}

fn placed<'a>(action: &'a Action, id: &'a KeyId) -> What<'a> {
    let (name, id, key) = (action.name.as_str(), id.as_str(), Box::new(access(action)));
    match &action.change {
        Change::Adopt { .. } | Change::Replace { row: Some(_), .. } => What::Adopted { name, id, key },
        _ => What::Uploaded { name, id, key },
    }
}

/// What to say of the end of an action; nothing where it was said when the key was placed.
fn ended<'a>(step: &'a Step, action: &'a Action) -> Option<What<'a>> {
    let name = step.name.as_str();
    let verb = step.kind.verb();
    Some(match &step.status {
        Status::Done(id) => {
            let (id, key) = (id.as_str(), Box::new(access(action)));
            match step.kind {
                ActionKind::Upload | ActionKind::Adopt => return None,
                ActionKind::Replace => What::Replaced { name, id, key },
                ActionKind::Promote => What::Promoted { name, id, key },
                ActionKind::Delete => What::Deleted { name, id, key },
                ActionKind::Forget => What::Forgotten { name, id, key },
            }
        }
        Status::Failed(failure) => What::Failed { action: verb, name, why: why(failure) },
        Status::Pending(failure) => What::Pending { action: verb, name, why: why(failure) },
        Status::Skipped(why) => What::Skipped { action: verb, name, message: why },
        Status::Waiting => What::Skipped { action: verb, name, message: "not begun" },
    })
}

fn access(action: &Action) -> Access<'_> {
    let (new, deleted_ids) = match &action.change {
        Change::Upload(key) | Change::Adopt { key, .. } => (Some(key), Vec::new()),
        Change::Replace { key, old, .. } => (Some(key), old.iter().map(|old| old.id.as_str()).collect()),
        Change::Promote { .. } | Change::Delete(_) | Change::Forget(_) => (None, Vec::new()),
    };
    Access {
        key: KeyFile::of(action.change.blob()),
        owner: new.and_then(|key| key.owner.as_deref()),
        expires: new.and_then(|key| key.expires).map(|last| last.to_string()),
        reason: action.reason.code(),
        deleted_ids,
    }
}
