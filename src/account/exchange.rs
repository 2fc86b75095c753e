//! One request and its answer: sent, read within bounds, judged.

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, Response, Url};

use super::client::{OpenError, Options};
use super::endpoint::Endpoint;
use super::failure::{BodyFault, Effect, Failure, FailureKind, Fault};
use super::message::{self, Circumstances, Evidence};
use super::outcome::{self, Answer, Operation, Reply, Verdict};
use super::retry::RETRY_AFTER_CAP;
use super::token::Token;
use super::transport;
use super::wire::{self, Undecodable};
use super::words::{self, Words};

/// The largest answer that is read, in bytes. A page of 100 of the largest keys has a tenth of it.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;

/// How much of the body of an error is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    /// What it asks for.
    pub(super) operation: Operation,
    /// Where, below the endpoint, with its query.
    pub(super) path: String,
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
}

/// An answer, its body read as far as it may be.
struct Received {
    status: u16,
    retry_after: Option<Duration>,
    redirect_to: Option<String>,
    body: Result<Vec<u8>, BodyFault>,
}

impl Exchange {
    pub(super) fn new(endpoint: Endpoint, token: Token, options: Options) -> Result<Self, OpenError> {
        let client = build(&endpoint, &options)?;
        let authorization = token.header().ok_or(OpenError::Token)?;
        Ok(Self { client, endpoint, token, authorization, options })
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
        let bytes = body.as_deref().unwrap_or_default();
        let words = Words::read(bytes, &self.token);
        let (value, fault) = match (&body, (200..=299).contains(&status)) {
            (Err(fault), _) => (None, Err((*fault, String::new()))),
            (Ok(bytes), true) => match decode(bytes) {
                Ok(value) => (Some(value), Ok(())),
                Err(undecodable) => (None, Err(undecodable)),
            },
            (Ok(bytes), false) => (None, wire::acknowledged(bytes)),
        };
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
        let Request { operation, path, body } = request;
        let method = method_of(operation);
        let start = Instant::now();
        let mut builder = self
            .client
            .request(method.clone(), format!("{}{path}", self.endpoint))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json");
        if let Some(body) = body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body);
        }
        let elapsed_ms = |start: Instant| u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        match builder.send().await {
            Ok(response) => {
                let received = self.receive(response).await;
                let (status, elapsed_ms) = (received.status, elapsed_ms(start));
                tracing::debug!(%method, path, status, elapsed_ms, "request");
                Ok(received)
            }
            Err(error) => {
                let error = error.without_url();
                let fault = transport::fault_of(&error);
                let detail = words::one_line(&transport::innermost(&error), &self.token);
                tracing::debug!(%method, path, ?fault, elapsed_ms = elapsed_ms(start), "request without an answer");
                Err((fault, detail))
            }
        }
    }

    async fn receive(&self, response: Response) -> Received {
        let status = response.status();
        let now = (self.options.wall_clock)();
        let retry_after = header(response.headers(), &RETRY_AFTER).and_then(|value| retry_after(value, now));
        let redirect_to = status
            .is_redirection()
            .then(|| header(response.headers(), &LOCATION))
            .flatten()
            .map(|location| self.place(response.url(), location));
        let body = if status.is_success() { read_all(response).await } else { Ok(read_some(response).await) };
        Received { status: status.as_u16(), retry_after, redirect_to, body }
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

    /// Tells where a redirect points: scheme and host alone, as path and query may hold anything.
    fn place(&self, from: &Url, location: &str) -> String {
        let place = from.join(location).map(|url| url.origin().ascii_serialization());
        words::one_line(&place.unwrap_or_else(|_| "an address that is none".to_owned()), &self.token)
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

fn header<'a>(headers: &'a HeaderMap, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads `Retry-After` in either form, seconds or a date, and bounds it by [`RETRY_AFTER_CAP`].
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(RETRY_AFTER_CAP, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_CAP))
}

/// Reads a body to its end, or until it is too large.
async fn read_all(mut response: Response) -> Result<Vec<u8>, BodyFault> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                return Err(BodyFault::TooLarge);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err(BodyFault::TimedOut),
            Err(_) => return Err(BodyFault::Truncated),
        }
    }
}

/// Reads the beginning of a body, as much as comes. The status has said what matters.
async fn read_some(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(MAX_ERROR_BYTES);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("61", Some(60)),
            ("99999999999999999999999999", Some(60)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", Some(20)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(60)),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
