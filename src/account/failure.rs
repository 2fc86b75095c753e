//! How a request can fail, and what is known of its effect.

use std::time::Duration;

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

/// A failed request: what is known of its effect, and what to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it did to the account.
    pub effect: Effect,
    /// What went wrong.
    pub kind: FailureKind,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// How long the server asked to wait, at most 60 s.
    pub retry_after: Option<Duration>,
    /// What happened, for people, with the server's own words escaped and bounded. Never holds the token.
    pub message: String,
    /// What to do about it, if something can be done.
    pub help: Option<String>,
}

/// What went wrong with a request. To be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Placeholder.
    Other,
}
