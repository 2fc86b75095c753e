//! How a request can fail, and what is known of its effect.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What a failed request did to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing, for certain, and the same request may work later: it was not sent, or turned away unread (429, 503
    /// with `Retry-After`).
    NotSent,
    /// Nothing, for certain, and the same request would fail again: the account said no.
    Refused,
    /// Nobody knows: the answer was lost, broken or not the account's.
    Unknown,
}

/// A failed request: what is known of its effect, and what to tell people. Serialized as `status` and `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What it did to the account.
    #[serde(skip)]
    pub effect: Effect,
    /// What went wrong.
    #[serde(skip)]
    pub kind: FailureKind,
    /// The HTTP status, if an answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long the server asked to wait, at most 60 s.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// What happened, for people, with the server's own words escaped and bounded. Never holds the token.
    pub message: String,
    /// What to do about it, if something can be done.
    #[serde(skip)]
    pub help: Option<String>,
}

/// What went wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No answer came.
    Transport(Fault),
    /// 3xx: it points elsewhere, and the token goes nowhere but to the endpoint.
    Redirect,
    /// 401: the token is wrong, expired or revoked.
    BadToken,
    /// 401 or 403: the token is good, but may not do this.
    MissingPermission(Permission),
    /// 403 for any other reason.
    Forbidden,
    /// 404: no such row, or no such API there.
    NotFound,
    /// 409: it clashes with what is there.
    Conflict,
    /// 400 or 422: the account understood and declined.
    Invalid,
    /// Any other 4xx.
    Rejected,
    /// 429.
    RateLimited,
    /// 503.
    Unavailable,
    /// Any other 5xx.
    ServerError,
    /// A status that is no final answer: 1xx, or outside of 100 to 599.
    UnexpectedStatus,
    /// A 2xx whose body is not what the request should bring.
    Body(BodyFault),
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request could not be put together. Not sent.
    Unbuildable,
    /// The host's name has no address. Not sent.
    Dns,
    /// Nothing listens there. Not sent.
    ConnectionRefused,
    /// No connection within its time. Not sent.
    ConnectTimeout,
    /// The TLS handshake failed. Not sent.
    Tls,
    /// The proxy did not open the way. Not sent.
    Proxy,
    /// No connection for another reason. Not sent.
    Unreachable,
    /// Sent, perhaps, and no answer in time.
    Timeout,
    /// Sent, perhaps, and the connection was torn down.
    Reset,
    /// Sent, perhaps, and the connection ended without an answer.
    Closed,
    /// An answer came that is no HTTP.
    Protocol,
}

/// What is wrong with the body of a 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFault {
    /// Nothing is in it.
    Empty,
    /// A page for people, as a proxy or a portal sends it.
    Html,
    /// Not JSON either.
    NotJson,
    /// JSON of another shape.
    WrongShape,
    /// It speaks of another key than the one that was sent.
    Foreign,
    /// It ended before its end.
    Truncated,
    /// It did not arrive in time.
    TimedOut,
    /// It is larger than an answer may be.
    TooLarge,
}

/// What a token may do with SSH keys; each is granted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// List them.
    Read,
    /// Upload, promote and delete them.
    Write,
}

impl Failure {
    /// Whether the server wants everyone to slow down, not this request alone.
    pub fn holds_back_all(&self) -> bool {
        self.kind == FailureKind::RateLimited || self.retry_after.is_some()
    }

    /// Whether the server turned this request away unread because it has too many, or no time for any.
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
