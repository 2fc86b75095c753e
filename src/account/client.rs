//! The account over HTTP.
//!
//! Each request is sent at most once: only the caller knows what may be repeated. (A pooled connection that turns out to
//! be closed before the request was begun is replaced silently; that request was not sent.) Redirects are not followed, so
//! that the token goes to the endpoint alone.

use std::time::{Duration, Instant, SystemTime};

use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use thiserror::Error;

use super::endpoint::Endpoint;
use super::failure::{BodyFault, Failure, FailureKind, Fault};
use super::http_client::{Connection, http_client};
use super::message::FailedRequest;
use super::received::{Received, receive};
use super::server_text::{ServerText, one_line};
use super::token::Token;
use super::transport;
use super::verdict::{Operation, judge};
use super::wire::{self, BodyError};
use super::{Dated, Page, ReadAccount, Row, WriteAccount};
use crate::names::KeyId;
use crate::public_key::PublicKey;

/// The path of the collection below the endpoint. The API wants the `/` at its end, and none at the end of a row's path.
const COLLECTION: &str = "/api/v1/ssh_keys/";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// The default of [`ClientOptions::timeout`].
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The longest time for one request, its connection and its response included.
    pub timeout: Duration,
    /// The longest time for a connection.
    pub connect_timeout: Duration,
    pub connection: Connection,
    /// Where the token comes from, for errors about it.
    pub token_source: Option<String>,
    /// Tells the time of day, for a `Retry-After` with a date.
    pub wall_clock: fn() -> SystemTime,
}

/// Reads and changes one account.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    token: Token,
    authorization: HeaderValue,
    options: ClientOptions,
}

/// Why no client can be built.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The token fits in no header.
    #[error("the token cannot be sent in a header")]
    Token,
    /// Most often there are no certificates.
    #[error("cannot set up a secure connection: {why}")]
    Http {
        /// The innermost cause.
        why: String,
        source: reqwest::Error,
    },
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            connect_timeout: Duration::from_secs(10),
            connection: Connection::default(),
            token_source: None,
            wall_clock: SystemTime::now,
        }
    }
}

impl Client {
    /// Builds a client without connecting; the first request does that.
    pub fn new(endpoint: Endpoint, token: Token, options: ClientOptions) -> Result<Self, OpenError> {
        let http = build(&endpoint, &options)?;
        let authorization = token.header().ok_or(OpenError::Token)?;
        Ok(Self { http, endpoint, token, authorization, options })
    }

    /// Sends a request once, and decodes and judges its response.
    async fn send<T>(
        &self,
        operation: Operation,
        path: &str,
        body: Option<Vec<u8>>,
        decode: impl FnOnce(&[u8]) -> Result<T, BodyError>,
    ) -> Result<Dated<T>, Failure> {
        let Received { status, date, retry_after, redirect_to, body } = match self.exchange(operation, path, body).await
        {
            Ok(received) => received,
            Err((fault, error)) => return Err(self.no_response(operation, fault, &error)),
        };
        let decoded = match &body {
            Ok(bytes) => decode(bytes),
            Err(fault) => Err(BodyError::from(*fault)),
        };
        let server_text = match &body {
            Ok(bytes) if decoded.is_err() || !(200..=299).contains(&status) => ServerText::read(bytes, &self.token),
            _ => ServerText::Nothing,
        };
        let (decoded, detail, id) = match decoded {
            Ok(value) => (Ok(value), String::new(), None),
            Err(BodyError { fault, detail, id }) => (Err(fault), one_line(&detail, &self.token), id),
        };
        let missing = server_text.missing_permission(operation.permission());
        let judged = judge(operation, status, missing, decoded);
        judged.map(|value| Dated { value, date }).map_err(|(effect, kind)| {
            let id = id.filter(|id| matches!(kind, FailureKind::Body(_)) && !self.token.is_in(id.as_str()));
            let redirect_to = redirect_to.map(|place| one_line(&place, &self.token));
            let status = Some(status);
            FailedRequest { status, retry_after, server_text, detail, id, redirect_to, ..self.failed(operation) }
                .into_failure(effect, kind)
        })
    }

    async fn exchange(
        &self,
        operation: Operation,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Received, (Fault, reqwest::Error)> {
        let start = Instant::now();
        let elapsed_ms = || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let method = method_of(operation);
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.endpoint));
        request = request.header(AUTHORIZATION, self.authorization.clone()).header(ACCEPT, JSON);
        request = request.header(ACCEPT_ENCODING, IDENTITY);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, JSON).body(body);
        }
        match request.send().await {
            Ok(response) => {
                let received = receive(response, self.options.wall_clock).await;
                tracing::debug!(%method, path, status = received.status, elapsed_ms = elapsed_ms(), "request");
                Ok(received)
            }
            Err(error) => {
                let fault = transport::fault_of(&error);
                tracing::debug!(%method, path, ?fault, elapsed_ms = elapsed_ms(), "request without an answer");
                Err((fault, error.without_url()))
            }
        }
    }

    fn no_response(&self, operation: Operation, fault: Fault, error: &reqwest::Error) -> Failure {
        let detail = one_line(&transport::innermost(error), &self.token);
        let request = FailedRequest { detail, ..self.failed(operation) };
        request.into_failure(fault.effect(), FailureKind::Transport(fault))
    }

    /// Refuses a row with the token in it: its id, name and user are shown and saved.
    fn refuse_token(&self, row: &Row) -> Result<(), BodyError> {
        let Row { id, user_id, name, .. } = row;
        let has_token = [id.as_str(), user_id.as_str(), name].into_iter().any(|text| self.token.is_in(text));
        if has_token { Err(BodyError::from(BodyFault::Token)) } else { Ok(()) }
    }

    fn failed(&self, operation: Operation) -> FailedRequest<'_> {
        FailedRequest {
            endpoint: &self.endpoint,
            token_source: self.options.token_source.as_deref(),
            operation,
            timeout: self.options.timeout,
            connect_timeout: self.options.connect_timeout,
            status: None,
            retry_after: None,
            server_text: ServerText::Nothing,
            detail: String::new(),
            id: None,
            redirect_to: None,
        }
    }
}

impl ReadAccount for Client {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        let path = format!("{COLLECTION}?offset={offset}&limit={limit}");
        let decode = |body: &[u8]| {
            let page = wire::page(body)?;
            page.rows.iter().try_for_each(|row| self.refuse_token(row))?;
            Ok(page)
        };
        let page = self.send(Operation::List, &path, None, decode).await?;
        Ok(Page { date: page.date, ..page.value })
    }
}

impl WriteAccount for Client {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        let decode = |body: &[u8]| {
            let row = wire::uploaded(body, key.blob())?;
            let refused = self.refuse_token(&row);
            refused.map(|()| row.clone()).map_err(|error| BodyError { id: Some(row.id), ..error })
        };
        self.send(Operation::Upload, COLLECTION, Some(wire::upload(name, key)), decode).await
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.send(Operation::Promote, &path_of(id), Some(wire::promotion()), wire::acknowledged).await
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.send(Operation::Delete, &path_of(id), None, wire::acknowledged).await
    }
}

impl OpenError {
    pub fn help(&self) -> &'static str {
        match self {
            Self::Token => "copy the token again from the account's settings",
            Self::Http { .. } => "install the system's CA certificates, or name a file with them in SSL_CERT_FILE",
        }
    }
}

fn path_of(id: &KeyId) -> String {
    format!("{COLLECTION}{id}")
}

fn method_of(operation: Operation) -> Method {
    match operation {
        Operation::List => Method::GET,
        Operation::Upload => Method::POST,
        Operation::Promote => Method::PATCH,
        Operation::Delete => Method::DELETE,
    }
}

fn build(endpoint: &Endpoint, options: &ClientOptions) -> Result<reqwest::Client, OpenError> {
    let local = Connection::local();
    http_client(if endpoint.is_https() { &options.connection } else { &local })
        // By default it repeats what an HTTP/2 server refused or did not get to: not decided here.
        .retry(reqwest::retry::never())
        .referer(false)
        .https_only(endpoint.is_https())
        .tcp_nodelay(true)
        .connect_timeout(options.connect_timeout)
        .timeout(options.timeout)
        .build()
        .map_err(|source| OpenError::Http { why: transport::innermost(&source), source })
}
