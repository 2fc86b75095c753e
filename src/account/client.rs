//! The account over HTTP.
//!
//! One request each, sent at most once: the client below may not repeat anything by itself, as only the caller knows what
//! may be repeated. (A pooled connection that turns out closed before the request was begun is replaced silently; that
//! request was not sent.) No redirect is followed, so that the token goes to the endpoint alone.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, Method, Url};
use thiserror::Error;

use super::endpoint::Endpoint;
use super::failure::{BodyFault, Effect, Failure, FailureKind, Fault};
use super::message::{self, Circumstances, Evidence};
use super::received::{Received, receive};
use super::token::Token;
use super::transport;
use super::verdict::{self, Answer, Operation, Reply, Verdict};
use super::wire::{self, Undecodable};
use super::words::{self, Words};
use super::{Page, ReadAccount, Row, WriteAccount};
use crate::names::{KeyId, KeyName};
use crate::public_key::PublicKey;

/// Where the keys are below the endpoint. The collection wants the `/` at its end, its rows want none.
const COLLECTION: &str = "/api/v1/ssh_keys/";

/// How to speak to the account.
#[derive(Debug, Clone)]
pub struct ClientOptions {
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

impl Default for ClientOptions {
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
    pub fn open(endpoint: Endpoint, token: Token, options: ClientOptions) -> Result<Self, OpenError> {
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

/// The type of all that is sent and wanted.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One request.
#[derive(Debug)]
struct Request {
    /// What it asks for.
    operation: Operation,
    /// Where, below the endpoint, with its query.
    path: Cow<'static, str>,
    /// What it says, in JSON.
    body: Option<Vec<u8>>,
}

/// The client, and what goes with each request.
#[derive(Debug)]
struct Exchange {
    client: Client,
    endpoint: Endpoint,
    token: Token,
    authorization: HeaderValue,
    options: ClientOptions,
    /// Where uploads go, once one was sent. They are many, and all go to one address.
    uploads: OnceCell<Url>,
}

impl Exchange {
    fn new(endpoint: Endpoint, token: Token, options: ClientOptions) -> Result<Self, OpenError> {
        let client = build(&endpoint, &options)?;
        let authorization = token.header().ok_or(OpenError::Token)?;
        Ok(Self { client, endpoint, token, authorization, options, uploads: OnceCell::new() })
    }

    /// Sends a request once and makes of its answer what `decode` does. `silent` stands for an answer that is good
    /// though it brings nothing.
    async fn ask<T>(
        &self,
        request: Request,
        decode: impl FnOnce(&[u8]) -> Result<T, Undecodable>,
        silent: Option<T>,
    ) -> Result<T, Failure> {
        let operation = request.operation;
        let received = match self.send(request).await {
            Ok(received) => received,
            Err((fault, detail)) => return Err(self.no_answer(operation, fault, detail)),
        };
        let Received { status, retry_after, redirect_to, body } = received;
        let redirect_to = redirect_to.map(|place| words::one_line(&place, &self.token));
        let (value, fault) = match (&body, (200..=299).contains(&status)) {
            (Err(fault), _) => (None, Err((*fault, String::new()))),
            (Ok(bytes), true) => match decode(bytes) {
                Ok(value) => (Some(value), Ok(())),
                Err(undecodable) => (None, Err(undecodable)),
            },
            (Ok(bytes), false) => (None, wire::acknowledged(bytes)),
        };
        // A body that was understood has nothing to complain of.
        let complaint = if value.is_some() { &[] } else { body.as_deref().unwrap_or_default() };
        let words = Words::read(complaint, &self.token);
        let (body, detail) = match fault {
            Ok(()) => (Ok(()), String::new()),
            Err((fault, detail)) => (Err(fault), words::one_line(&detail, &self.token)),
        };
        let missing_permission = words.missing_permission(operation.permission());
        let answer = Answer { status, retry_after: retry_after.is_some(), missing_permission, body };
        let (effect, kind) = match (verdict::judge(operation, Reply::Answer(answer)), value.or(silent)) {
            (Verdict::Done, Some(value)) => return Ok(value),
            // Cannot be: only a decoded body makes such a request done.
            (Verdict::Done, None) => (Effect::Unknown, FailureKind::Body(BodyFault::WrongShape)),
            (Verdict::Failed(effect, kind), _) => (effect, kind),
        };
        let evidence = Evidence { status: Some(status), retry_after, words, detail, redirect_to };
        Err(message::failure(self.circumstances(operation), effect, kind, &evidence))
    }

    async fn send(&self, request: Request) -> Result<Received, (Fault, String)> {
        let url = self.address(&request)?;
        let Request { operation, path, body } = request;
        let method = method_of(operation);
        let start = Instant::now();
        let mut request = reqwest::Request::new(method.clone(), url);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request.headers_mut().insert(ACCEPT, JSON);
        if let Some(body) = body {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
            *request.body_mut() = Some(body.into());
        }
        let elapsed_ms = |start: Instant| u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        match self.client.execute(request).await {
            Ok(response) => {
                let received = receive(response, self.options.wall_clock).await;
                let (status, elapsed_ms) = (received.status, elapsed_ms(start));
                tracing::debug!(%method, path = &*path, status, elapsed_ms, "request");
                Ok(received)
            }
            Err(error) => {
                let error = error.without_url();
                let fault = transport::fault_of(&error);
                let detail = words::one_line(&transport::innermost(&error), &self.token);
                tracing::debug!(%method, path = &*path, ?fault, elapsed_ms = elapsed_ms(start), "request without an answer");
                Err((fault, detail))
            }
        }
    }

    fn address(&self, request: &Request) -> Result<Url, (Fault, String)> {
        let is_upload = request.operation == Operation::Upload;
        if let Some(url) = self.uploads.get().filter(|_| is_upload) {
            return Ok(url.clone());
        }
        let url = Url::parse(&format!("{}{}", self.endpoint, request.path));
        let url = url.map_err(|error| (Fault::Unbuildable, error.to_string()))?;
        if is_upload {
            // The first stays.
            let _ = self.uploads.set(url.clone());
        }
        Ok(url)
    }

    fn no_answer(&self, operation: Operation, fault: Fault, detail: String) -> Failure {
        let (effect, kind) = match verdict::judge(operation, Reply::Nothing(fault)) {
            Verdict::Failed(effect, kind) => (effect, kind),
            Verdict::Done => (Effect::Unknown, FailureKind::Transport(fault)),
        };
        let evidence = Evidence { status: None, retry_after: None, words: Words::Nothing, detail, redirect_to: None };
        message::failure(self.circumstances(operation), effect, kind, &evidence)
    }

    fn circumstances(&self, operation: Operation) -> Circumstances<'_> {
        let ClientOptions { timeout, connect_timeout, .. } = self.options;
        Circumstances { endpoint: &self.endpoint, operation, timeout, connect_timeout }
    }
}

fn method_of(operation: Operation) -> Method {
    match operation {
        Operation::List => Method::GET,
        Operation::Upload => Method::POST,
        Operation::Promote => Method::PATCH,
        Operation::Delete => Method::DELETE,
    }
}

fn build(endpoint: &Endpoint, options: &ClientOptions) -> Result<Client, OpenError> {
    let mut builder = Client::builder()
        .user_agent(concat!("keyform/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // Its default sends again what an HTTP/2 server refused or said good-bye to: not ours to decide here.
        .retry(reqwest::retry::never())
        .referer(false)
        .https_only(endpoint.is_https())
        .tcp_nodelay(true)
        .connect_timeout(options.connect_timeout)
        .timeout(options.timeout);
    if endpoint.is_loopback() || !options.system_proxy {
        builder = builder.no_proxy();
    }
    if let Some(pem) = &options.roots {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(OpenError::Roots)?);
    } else if !endpoint.is_https() {
        // Spares the reading of the system's certificates, and works where there are none.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|source| OpenError::Client { why: transport::innermost(&source), source })
}
