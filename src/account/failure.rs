//! How a request can fail, and what is known about its effect.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::names::KeyId;

/// What a failed request did to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Certainly none, and the same request may work later: it was not sent, or turned away unread (429).
    NotSent,
    /// None, as the response says, and the same request would fail again: the account declined it. Before an upload with
    /// such a response is sent by another run, a listing must agree.
    Refused,
    /// The response was lost, broken or not the account's.
    Unknown,
}

/// A failed request: what is known about its effect, and a message for people. Serialized as `status` and `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    #[serde(skip)]
    pub effect: Effect,
    #[serde(skip)]
    pub kind: FailureKind,
    /// The HTTP status, if a response came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long the server asked to wait, at most 60 s.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// The id in a 2xx response to an upload that does not show the key that was sent. The row is probably ours.
    #[serde(skip)]
    pub id: Option<KeyId>,
    /// What happened. Quotes the server escaped and bounded, and never contains the token.
    pub message: String,
    #[serde(skip)]
    pub help: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No response came.
    Transport(Fault),
    /// 3xx. Not followed: the token is sent to the endpoint alone.
    Redirect,
    /// 401: the token is wrong, expired or revoked.
    BadToken,
    /// 401 or 403: the token is valid, but does not permit the request.
    MissingPermission(Permission),
    /// 403 for any other reason.
    Forbidden,
    /// 404: no such row, or no such API at the endpoint.
    NotFound,
    /// 409: it conflicts with what the account holds.
    Conflict,
    /// 400 or 422: the account understood the request and declined it.
    Invalid,
    /// Any other 4xx.
    Rejected,
    /// 429.
    RateLimited,
    /// 503.
    Unavailable,
    /// Any other 5xx.
    ServerError,
    /// A status that is not final: 1xx, or outside of 100 to 599.
    UnexpectedStatus,
    /// A 2xx with another body than the operation expects.
    Body(BodyFault),
}

/// Why no response came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request could not be built. Not sent.
    Unbuildable,
    /// The host name has no address. Not sent.
    Dns,
    /// Not sent.
    ConnectionRefused,
    /// Not sent.
    ConnectTimeout,
    /// The handshake failed. Not sent.
    Tls,
    /// The proxy opened no connection. Not sent.
    Proxy,
    /// No connection for another reason. Not sent.
    Unreachable,
    /// Perhaps sent, and no response in time.
    Timeout,
    /// Perhaps sent, and the connection was reset.
    Reset,
    /// Perhaps sent, and the connection ended without a response.
    Closed,
    /// The response is not HTTP.
    Protocol,
}

/// What is wrong with the body of a 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFault {
    Empty,
    /// A page as a proxy or a login portal sends it.
    Html,
    NotJson,
    /// JSON with other fields or types.
    WrongShape,
    /// It shows another key than the one that was sent.
    Foreign,
    /// The connection ended before it was complete.
    Truncated,
    TimedOut,
    /// Larger than 8 MiB.
    TooLarge,
    /// A row contains the token.
    Token,
    /// Compressed, although the request says that it must not be.
    Compressed,
}

/// A permission of a token over SSH keys; each is granted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// To list them.
    Read,
    /// To upload, promote and delete them.
    Write,
}

impl Failure {
    /// Whether the server wants all requests to slow down, not this one alone.
    pub fn holds_back_all(&self) -> bool {
        self.kind == FailureKind::RateLimited || self.retry_after.is_some()
    }

    /// Whether the server turned this request away unread because it gets too many, or can take none now.
    pub fn is_push_back(&self) -> bool {
        self.effect == Effect::NotSent && self.holds_back_all()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}
