//! Why a server with a state does not do what it is asked.

use thiserror::Error;

/// A failed operation, with what to do about it. Contains no credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct HttpFailure {
    pub message: String,
    pub help: String,
}

impl HttpFailure {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}
