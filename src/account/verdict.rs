//! The verdict on a request: pure functions over everything that can come back.
//!
//! The effect of a request is known only where the protocol makes it known. A request that was never sent, or that was
//! turned away unread, had none; one that the account declined had none; in every other case it is unknown.

use serde::Serialize;

use super::failure::{BodyFault, Effect, FailureKind, Fault, Permission};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// One page of the listing.
    List,
    Upload,
    Promote,
    Delete,
}

impl Operation {
    /// The permission that the token needs.
    pub fn permission(self) -> Permission {
        match self {
            Self::List => Permission::Read,
            Self::Upload | Self::Promote | Self::Delete => Permission::Write,
        }
    }

    /// Whether sending it twice has the same effect as sending it once.
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::List | Self::Promote | Self::Delete => true,
            Self::Upload => false,
        }
    }
}

impl Fault {
    /// What is known of the effect of a request that got no response.
    pub fn effect(self) -> Effect {
        match self {
            Self::Unbuildable => Effect::Refused,
            Self::Dns
            | Self::ConnectionRefused
            | Self::ConnectTimeout
            | Self::Tls
            | Self::Proxy
            | Self::Unreachable => Effect::NotSent,
            Self::Timeout | Self::Reset | Self::Closed | Self::Protocol => Effect::Unknown,
        }
    }
}

/// Judges a response: its status, the permission that its text says is missing, and its body, decoded as the operation
/// expects it.
///
/// That a 429 was sent before the request was processed is an assumption; the vendor's own clients make it too. A 503 is
/// no such promise, with or without `Retry-After`.
pub fn judge<T>(
    operation: Operation,
    status: u16,
    missing: Option<Permission>,
    body: Result<T, BodyFault>,
) -> Result<T, (Effect, FailureKind)> {
    Err(match (status, missing) {
        (200..=299, _) => return body.map_err(|fault| (Effect::Unknown, FailureKind::Body(fault))),
        (300..=399, _) => (Effect::Refused, FailureKind::Redirect),
        (401 | 403, Some(permission)) => (Effect::Refused, FailureKind::MissingPermission(permission)),
        (401, None) => (Effect::Refused, FailureKind::BadToken),
        (403, None) => (Effect::Refused, FailureKind::Forbidden),
        // What is deleted already is deleted. But a body that is not the account's comes from something in between that
        // does not know the address.
        (404, _) if operation == Operation::Delete => {
            return body.map_err(|_| (Effect::Unknown, FailureKind::NotFound));
        }
        (404, _) => (Effect::Refused, FailureKind::NotFound),
        (400 | 422, _) => (Effect::Refused, FailureKind::Invalid),
        (409, _) => (Effect::Refused, FailureKind::Conflict),
        (429, _) => (Effect::NotSent, FailureKind::RateLimited),
        // Request Timeout, Too Early, and what proxies say if a client goes away: the server behind may have got all of it.
        (408 | 425 | 499, _) => (Effect::Unknown, FailureKind::Rejected),
        (400..=499, _) => (Effect::Refused, FailureKind::Rejected),
        (503, _) => (Effect::Unknown, FailureKind::Unavailable),
        (500..=599, _) => (Effect::Unknown, FailureKind::ServerError),
        // 101 is the only 1xx that ends an exchange; it and statuses beyond 599 have no meaning here.
        _ => (Effect::Unknown, FailureKind::UnexpectedStatus),
    })
}

#[cfg(test)]
mod tests {
    use super::super::wire;
    use super::*;
    use crate::public_key::KeyBlob;
    use std::fmt::Write as _;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const OPERATIONS: [Operation; 4] = [Operation::List, Operation::Upload, Operation::Promote, Operation::Delete];
    const BODIES: [Result<(), BodyFault>; 11] = [
        Ok(()),
        Err(BodyFault::Empty),
        Err(BodyFault::Html),
        Err(BodyFault::NotJson),
        Err(BodyFault::WrongShape),
        Err(BodyFault::Foreign),
        Err(BodyFault::Truncated),
        Err(BodyFault::TimedOut),
        Err(BodyFault::TooLarge),
        Err(BodyFault::Compressed),
        Err(BodyFault::Token),
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

    #[derive(Debug, Clone, Copy)]
    struct Response {
        status: u16,
        missing: Option<Permission>,
        body: Result<(), BodyFault>,
    }

    impl Response {
        fn verdict(self, operation: Operation) -> Result<(), (Effect, FailureKind)> {
            let Self { status, missing, body } = self;
            judge(operation, status, missing, body)
        }
    }

    fn responses() -> impl Iterator<Item = Response> {
        (100..=599).flat_map(|status| {
            BODIES.into_iter().flat_map(move |body| {
                let missing = [None, Some(Permission::Read), Some(Permission::Write)];
                missing.into_iter().map(move |missing| Response { status, missing, body })
            })
        })
    }

    /// Decodes a body as the client does for an operation.
    fn decoded(operation: Operation, body: &str) -> Result<(), BodyFault> {
        let sent = KeyBlob::of_line(KEY).unwrap();
        let decoded = match operation {
            Operation::List => wire::page(body.as_bytes()).map(drop),
            Operation::Upload => wire::uploaded(body.as_bytes(), &sent).map(drop),
            Operation::Promote | Operation::Delete => wire::acknowledged(body.as_bytes()),
        };
        decoded.map_err(|error| error.fault)
    }

    /// Runs of statuses with the same verdicts for every operation and kind of answer; where these differ, one line
    /// for each operation.
    #[test]
    fn every_status_has_its_verdict() {
        let row = format!(r#""id":"k","userId":"u","name":"a","publicKey":"{KEY}","isPrimary":true,"isUserKey":true"#);
        let json = format!(r#"{{{row},"data":[]}}"#);
        let verdicts = |status| {
            OPERATIONS.map(|operation| {
                [json.as_str(), "", "<html>"].map(|body| {
                    let body = decoded(operation, body);
                    Response { status, missing: None, body }.verdict(operation)
                })
            })
        };
        let statuses: Vec<u16> = (100..=599).collect();
        let mut table = String::from("JSON | empty | HTML\n");
        for run in statuses.chunk_by(|&a, &b| verdicts(a) == verdicts(b)) {
            let (from, to) = (run[0], run[run.len() - 1]);
            let rows = verdicts(from).map(|row| row.map(message));
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

    fn message(verdict: Result<(), (Effect, FailureKind)>) -> String {
        match verdict {
            Ok(()) => "done".to_owned(),
            Err((effect, kind)) => format!("{effect:?} {kind:?}"),
        }
    }

    #[test]
    fn every_fault_and_every_body_has_its_verdict() {
        let mut table = String::new();
        for fault in FAULTS {
            let _ = writeln!(table, "no answer: {}", message(Err((fault.effect(), FailureKind::Transport(fault)))));
        }
        for body in BODIES {
            let response = Response { status: 200, missing: None, body };
            let verdicts = OPERATIONS.map(|operation| message(response.verdict(operation)));
            let _ = writeln!(table, "200 {body:?}: {}", verdicts.join(" | "));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn an_upload_is_done_only_if_the_account_shows_the_key() {
        for response in responses() {
            let done = response.verdict(Operation::Upload).is_ok();
            assert_eq!(done, (200..300).contains(&response.status) && response.body.is_ok(), "{response:?}");
        }
    }

    #[test]
    fn a_request_that_may_have_worked_is_never_called_unsent_or_refused() {
        for response in responses() {
            for operation in OPERATIONS {
                if response.status >= 500 || response.status == 408 {
                    let verdict = response.verdict(operation);
                    assert!(matches!(verdict, Err((Effect::Unknown, _))), "{operation:?} {response:?}");
                }
            }
        }
    }
}
