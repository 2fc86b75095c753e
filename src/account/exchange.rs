//! One request and its answer: sent, read within bounds, judged.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Instant;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, Method, Url};

use super::client::{OpenError, Options};
use super::endpoint::Endpoint;
use super::failure::{BodyFault, Effect, Failure, FailureKind, Fault};
use super::message::{self, Circumstances, Evidence};
use super::outcome::{self, Answer, Operation, Reply, Verdict};
use super::received::{Received, receive};
use super::token::Token;
use super::transport;
use super::wire::{self, Undecodable};
use super::words::{self, Words};

/// The type of all that is sent and wanted.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    /// What it asks for.
    pub(super) operation: Operation,
    /// Where, below the endpoint, with its query.
    pub(super) path: Cow<'static, str>,
    /// What it says, in JSON.
    pub(super) body: Option<Vec<u8>>,
}

/// The client, and what goes with each request.
#[derive(Debug)]
pub(super) struct Exchange {
    client: Client,
    endpoint: Endpoint,
    token: Token,
    authorization: HeaderValue,
    options: Options,
    /// Where uploads go, once one was sent. They are many, and all go to one address.
    uploads: OnceCell<Url>,
}

impl Exchange {
    pub(super) fn new(endpoint: Endpoint, token: Token, options: Options) -> Result<Self, OpenError> {
        let client = build(&endpoint, &options)?;
        let authorization = token.header().ok_or(OpenError::Token)?;
        Ok(Self { client, endpoint, token, authorization, options, uploads: OnceCell::new() })
    }

    /// Sends a request once and makes of its answer what `decode` does. `silent` stands for an answer that is good
    /// though it brings nothing.
    pub(super) async fn ask<T>(
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
        let missing_scope = words.missing_scope(operation.scope());
        let answer = Answer { status, retry_after: retry_after.is_some(), missing_scope, body };
        let (effect, kind) = match (outcome::judge(operation, Reply::Answer(answer)), value.or(silent)) {
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
        let (effect, kind) = match outcome::judge(operation, Reply::Nothing(fault)) {
            Verdict::Failed(effect, kind) => (effect, kind),
            Verdict::Done => (Effect::Unknown, FailureKind::Transport(fault)),
        };
        let evidence = Evidence { status: None, retry_after: None, words: Words::Nothing, detail, redirect_to: None };
        message::failure(self.circumstances(operation), effect, kind, &evidence)
    }

    fn circumstances(&self, operation: Operation) -> Circumstances<'_> {
        let Options { timeout, connect_timeout, .. } = self.options;
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

fn build(endpoint: &Endpoint, options: &Options) -> Result<Client, OpenError> {
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
