//! What a request came to: one pure function over everything that can come back.
//!
//! The rule behind it: the effect is known only where the protocol makes it known. A request that was never sent, or
//! that was turned away unread, had none; one that the account declined had none; of everything else nobody knows.

use serde::Serialize;

use super::failure::{BodyFault, Effect, FailureKind, Fault, Permission};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// One page of the listing.
    List,
    /// A new key.
    Upload,
    /// Another primary.
    Promote,
    /// A row less.
    Delete,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// No answer.
    Nothing(Fault),
    /// An answer.
    Answer(Answer),
}

/// The facts of an answer that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether it says when to come back.
    pub retry_after: bool,
    /// The scope that its words say is missing.
    pub missing_permission: Option<Permission>,
    /// What is wrong with the body. For a 2xx, measured by what the operation should bring; otherwise, by whether it is
    /// JSON at all.
    pub body: Result<(), BodyFault>,
}

/// What it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// What was asked is so.
    Done,
    /// It is not, or nobody knows.
    Failed(Effect, FailureKind),
}

impl Operation {
    /// What the token must be allowed to do.
    pub fn permission(self) -> Permission {
        match self {
            Self::List => Permission::Read,
            Self::Upload | Self::Promote | Self::Delete => Permission::Write,
        }
    }

    /// Whether asking twice is the same as asking once.
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::List | Self::Promote | Self::Delete => true,
            Self::Upload => false,
        }
    }
}

/// Judges what came back.
pub fn judge(operation: Operation, reply: Reply) -> Verdict {
    match reply {
        Reply::Nothing(fault) => Verdict::Failed(effect_of(fault), FailureKind::Transport(fault)),
        Reply::Answer(answer) => match answer.status {
            200..=299 => success(operation, answer.body),
            300..=399 => Verdict::Failed(Effect::Refused, FailureKind::Redirect),
            400..=499 => client_error(operation, answer),
            500..=599 => server_error(answer),
            // 101 is the one 1xx that ends an exchange; it and what lies beyond 599 mean nothing here.
            _ => Verdict::Failed(Effect::Unknown, FailureKind::UnexpectedStatus),
        },
    }
}

fn effect_of(fault: Fault) -> Effect {
    match fault {
        Fault::Unbuildable => Effect::Refused,
        Fault::Dns
        | Fault::ConnectionRefused
        | Fault::ConnectTimeout
        | Fault::Tls
        | Fault::Proxy
        | Fault::Unreachable => Effect::NotSent,
        Fault::Timeout | Fault::Reset | Fault::Closed | Fault::Protocol => Effect::Unknown,
    }
}

fn success(operation: Operation, body: Result<(), BodyFault>) -> Verdict {
    match body {
        Ok(()) => Verdict::Done,
        // Nothing is to be learned from these answers; that they came is enough. A page for people did not come from
        // the account, though, whatever its status.
        Err(BodyFault::Empty) if matches!(operation, Operation::Promote | Operation::Delete) => Verdict::Done,
        Err(fault) => Verdict::Failed(Effect::Unknown, FailureKind::Body(fault)),
    }
}

fn client_error(operation: Operation, answer: Answer) -> Verdict {
    if let (401 | 403, Some(scope)) = (answer.status, answer.missing_permission) {
        return Verdict::Failed(Effect::Refused, FailureKind::MissingPermission(scope));
    }
    let (effect, kind) = match answer.status {
        401 => (Effect::Refused, FailureKind::BadToken),
        403 => (Effect::Refused, FailureKind::Forbidden),
        404 if operation == Operation::Delete => match answer.body {
            Ok(()) | Err(BodyFault::Empty) => return Verdict::Done,
            // Not in the account's language: something in between does not know the address.
            Err(_) => (Effect::Unknown, FailureKind::NotFound),
        },
        404 => (Effect::Refused, FailureKind::NotFound),
        400 | 422 => (Effect::Refused, FailureKind::Invalid),
        409 => (Effect::Refused, FailureKind::Conflict),
        // Too Early: the server would not risk to process it.
        425 => (Effect::NotSent, FailureKind::Rejected),
        429 => (Effect::NotSent, FailureKind::RateLimited),
        // Request Timeout, and what proxies make of a client that went away: a server behind may have had it all.
        408 | 499 => (Effect::Unknown, FailureKind::Rejected),
        _ => (Effect::Refused, FailureKind::Rejected),
    };
    Verdict::Failed(effect, kind)
}

fn server_error(answer: Answer) -> Verdict {
    match answer.status {
        503 if answer.retry_after => Verdict::Failed(Effect::NotSent, FailureKind::Unavailable),
        503 => Verdict::Failed(Effect::Unknown, FailureKind::Unavailable),
        _ => Verdict::Failed(Effect::Unknown, FailureKind::ServerError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const OPERATIONS: [Operation; 4] = [Operation::List, Operation::Upload, Operation::Promote, Operation::Delete];
    const BODIES: [Result<(), BodyFault>; 9] = [
        Ok(()),
        Err(BodyFault::Empty),
        Err(BodyFault::Html),
        Err(BodyFault::NotJson),
        Err(BodyFault::WrongShape),
        Err(BodyFault::Foreign),
        Err(BodyFault::Truncated),
        Err(BodyFault::TimedOut),
        Err(BodyFault::TooLarge),
    ];
    const FAULTS: [Fault; 11] = [
        Fault::Unbuildable,
        Fault::Dns,
        Fault::ConnectionRefused,
        Fault::ConnectTimeout,
        Fault::Tls,
        Fault::Proxy,
        Fault::Unreachable,
        Fault::Timeout,
        Fault::Reset,
        Fault::Closed,
        Fault::Protocol,
    ];

    fn answers() -> impl Iterator<Item = Answer> {
        (100..=599).flat_map(|status| {
            BODIES.into_iter().flat_map(move |body| {
                [false, true].into_iter().flat_map(move |retry_after| {
                    [None, Some(Permission::Read), Some(Permission::Write)]
                        .into_iter()
                        .map(move |missing_permission| Answer { status, retry_after, missing_permission, body })
                })
            })
        })
    }

    /// Runs of statuses with the same verdicts for every operation and kind of answer; where these differ, one line
    /// for each operation.
    #[test]
    fn every_status_has_its_verdict() {
        let verdicts = |status| {
            let kinds =
                [(false, Ok(())), (true, Ok(())), (false, Err(BodyFault::Empty)), (false, Err(BodyFault::Html))];
            OPERATIONS.map(|operation| {
                kinds.map(|(retry_after, body)| {
                    judge(operation, Reply::Answer(Answer { status, retry_after, missing_permission: None, body }))
                })
            })
        };
        let statuses: Vec<u16> = (100..=599).collect();
        let mut table = String::from("JSON | JSON and Retry-After | empty | HTML\n");
        for run in statuses.chunk_by(|&a, &b| verdicts(a) == verdicts(b)) {
            let (from, to) = (run[0], run[run.len() - 1]);
            let rows = verdicts(from).map(|row| row.map(told));
            if rows.iter().flatten().all(|verdict| *verdict == rows[0][0]) {
                let _ = writeln!(table, "{from}-{to} {}", rows[0][0]);
                continue;
            }
            let _ = writeln!(table, "{from}-{to}");
            for (operation, row) in OPERATIONS.iter().zip(rows) {
                let _ = writeln!(table, "    {operation:?}: {}", row.join(" | "));
            }
        }
        insta::assert_snapshot!(table);
    }

    fn told(verdict: Verdict) -> String {
        match verdict {
            Verdict::Done => "done".to_owned(),
            Verdict::Failed(effect, kind) => format!("{effect:?} {kind:?}"),
        }
    }

    #[test]
    fn every_fault_and_every_body_has_its_verdict() {
        let mut table = String::new();
        for fault in FAULTS {
            let verdicts = OPERATIONS.map(|operation| judge(operation, Reply::Nothing(fault)));
            assert!(verdicts.iter().all(|&verdict| verdict == verdicts[0]));
            let _ = writeln!(table, "no answer: {:?}", verdicts[0]);
        }
        for body in BODIES {
            let answer = Answer { status: 200, retry_after: false, missing_permission: None, body };
            let verdicts = OPERATIONS.map(|operation| told(judge(operation, Reply::Answer(answer))));
            let _ = writeln!(table, "200 {body:?}: {}", verdicts.join(" | "));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn an_upload_is_done_only_if_the_account_shows_the_key() {
        for answer in answers() {
            let done = judge(Operation::Upload, Reply::Answer(answer)) == Verdict::Done;
            assert_eq!(done, (200..300).contains(&answer.status) && answer.body.is_ok(), "{answer:?}");
        }
    }

    #[test]
    fn what_may_have_worked_is_never_called_unsent_or_refused() {
        for answer in answers() {
            for operation in OPERATIONS {
                let uncertain = answer.status >= 500 && !(answer.status == 503 && answer.retry_after);
                if uncertain || answer.status == 408 {
                    let verdict = judge(operation, Reply::Answer(answer));
                    assert!(matches!(verdict, Verdict::Failed(Effect::Unknown, _)), "{operation:?} {answer:?}");
                }
            }
        }
    }
}
