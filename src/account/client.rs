//! The account over HTTP.
//!
//! One request each, sent at most once: the client below may not repeat anything by itself, as only the caller knows what
//! may be repeated. (A pooled connection that turns out closed before the request was begun is replaced silently; that
//! request was not sent.) No redirect is followed, so that the token goes to the endpoint alone.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::endpoint::Endpoint;
use super::exchange::{Exchange, Request};
use super::failure::Failure;
use super::outcome::Operation;
use super::token::Token;
use super::wire;
use super::{Page, ReadAccount, Row, WriteAccount};
use crate::names::{KeyId, KeyName};
use crate::public_key::PublicKey;

/// Where the keys are below the endpoint. The collection wants the `/` at its end, its rows want none.
const COLLECTION: &str = "/api/v1/ssh_keys/";

/// How to speak to the account.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one request may take in all.
    pub timeout: Duration,
    /// How long its connection may take.
    pub connect_timeout: Duration,
    /// Whether `HTTPS_PROXY` and the like are obeyed. They never are for this machine itself.
    pub system_proxy: bool,
    /// The certificates to trust instead of the system's, in PEM.
    pub roots: Option<Vec<u8>>,
    /// Tells the time of day, for a `Retry-After` with a date.
    pub wall_clock: fn() -> SystemTime,
}

/// Connections to one account. Hands out the power to read it and the power to change it, apart from each other.
#[derive(Debug, Clone)]
pub struct Connection(Rc<Exchange>);

/// Reads the account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpReader(Rc<Exchange>);

/// Changes the account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpWriter(Rc<Exchange>);

/// Why no connection can be prepared.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The token fits in no header.
    #[error("the token cannot be sent")]
    Token,
    /// Certificates could not be read.
    #[error("the certificates to trust cannot be read")]
    Roots(#[source] reqwest::Error),
    /// No HTTP client, most often for want of certificates.
    #[error("no secure connection can be prepared: {why}")]
    Client {
        /// The innermost cause.
        why: String,
        /// The error.
        source: reqwest::Error,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            system_proxy: true,
            roots: None,
            wall_clock: SystemTime::now,
        }
    }
}

impl Connection {
    /// Prepares connections; the first request opens one.
    pub fn open(endpoint: Endpoint, token: Token, options: Options) -> Result<Self, OpenError> {
        Ok(Self(Rc::new(Exchange::new(endpoint, token, options)?)))
    }

    /// Hands out the power to read.
    pub fn reader(&self) -> HttpReader {
        HttpReader(Rc::clone(&self.0))
    }

    /// Hands out the power to change.
    pub fn writer(&self) -> HttpWriter {
        HttpWriter(Rc::clone(&self.0))
    }
}

impl ReadAccount for HttpReader {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        let path = format!("{COLLECTION}?offset={offset}&limit={limit}");
        let request = Request { operation: Operation::List, path: path.into(), body: None };
        self.0.ask(request, wire::page, None).await
    }
}

impl WriteAccount for HttpWriter {
    async fn upload(&self, name: &KeyName, key: &PublicKey) -> Result<Row, Failure> {
        let body = Some(wire::upload(name, key));
        let request = Request { operation: Operation::Upload, path: COLLECTION.into(), body };
        self.0.ask(request, |answer| wire::uploaded(answer, key.blob()), None).await
    }

    async fn promote(&self, id: &KeyId) -> Result<(), Failure> {
        let body = Some(wire::promotion());
        let request = Request { operation: Operation::Promote, path: row(id), body };
        self.0.ask(request, wire::acknowledged, Some(())).await
    }

    async fn delete(&self, id: &KeyId) -> Result<(), Failure> {
        let request = Request { operation: Operation::Delete, path: row(id), body: None };
        self.0.ask(request, wire::acknowledged, Some(())).await
    }
}

fn row(id: &KeyId) -> Cow<'static, str> {
    format!("{COLLECTION}{id}").into()
}

impl OpenError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Token => "copy the token again from the account's settings",
            Self::Roots(_) | Self::Client { .. } => {
                "install the system's CA certificates, or name a file with them in SSL_CERT_FILE"
            }
        }
    }
}
