//! The emulated API: it serves requests over any stream, and lets tests inspect and change the account.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{ConnectionCut, ResponseBody};
use super::config::{EmulatorConfig, TimeSource};
use super::error::EmulatorError;
use super::faults::{FaultDecision, FaultInjector, FaultKind, ScriptEntry};
use super::handler::RequestHandler;
use super::response::ApiResponse;
use super::rows::{NewRow, RowEvent, StoredRow};
use super::stats::{ServedRequest, Stats};

/// In bytes; a longer body is answered with 413.
const MAX_REQUEST_BODY: usize = 1 << 20;

/// An emulated account with its API, not bound to a port. Clones share it; the file of keys is unlocked when the last
/// clone is dropped.
#[derive(Debug, Clone)]
pub struct Api(Arc<ApiState>);

#[derive(Debug)]
struct ApiState {
    clock: TimeSource,
    calls: Mutex<RequestHandler>,
    injector: Mutex<FaultInjector>,
    stats: Mutex<Stats>,
}

/// Counts a request as in flight until it is dropped, also when the client disconnects.
struct InFlightGuard<'a>(&'a Mutex<Stats>);

/// How the response to a request is delivered.
enum Delivery {
    Whole(ApiResponse),
    /// Only the first half of the body is sent, then the connection closes.
    Truncated(ApiResponse),
    /// The connection closes without a response.
    Close,
}

impl Api {
    /// Opens the account. Ignores the port of the configuration.
    pub fn open(config: EmulatorConfig) -> Result<Self, EmulatorError> {
        let clock = config.clock.clone();
        let injector = Mutex::new(FaultInjector::new(config.faults.clone()));
        let calls = Mutex::new(RequestHandler::open(config)?);
        Ok(Self(Arc::new(ApiState { clock, calls, injector, stats: Mutex::default() })))
    }

    /// Serves one accepted stream, HTTP/1.1 or HTTP/2, until either side closes it.
    ///
    /// Needs a tokio runtime with timers. Where a fault closes the connection, HTTP/2 only resets the stream.
    pub async fn serve_stream<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        lock(&self.0.stats).connections += 1;
        let service = service_fn(move |request| {
            let api = self.clone();
            async move { api.handle(request).await }
        });
        let server = auto::Builder::new(TokioExecutor::new());
        // An error means that the connection was cut, by a fault or by the client.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    pub fn script(&self, entry: ScriptEntry) {
        lock(&self.0.injector).script(entry);
    }

    /// Lists all rows in order of upload.
    pub fn rows(&self) -> Vec<StoredRow> {
        lock(&self.0.calls).storage().rows().iter().cloned().collect()
    }

    /// Adds a row without a request.
    pub fn insert(&self, row: NewRow) -> Result<StoredRow, EmulatorError> {
        let mut calls = lock(&self.0.calls);
        let now = self.0.clock.now();
        let row = calls.storage().rows().draw(row, now);
        calls.storage().add(row, now)
    }

    /// Makes a row the primary without a request. Returns whether the row exists.
    pub fn promote(&self, id: &str) -> Result<bool, EmulatorError> {
        let at = self.0.clock.now();
        self.change(id, RowEvent::Promote { id: id.to_owned(), at }, at)
    }

    /// Removes a row without a request. Returns whether it existed.
    pub fn remove(&self, id: &str) -> Result<bool, EmulatorError> {
        let at = self.0.clock.now();
        self.change(id, RowEvent::Delete { id: id.to_owned(), heir: None, at }, at)
    }

    /// Lists the keys (`type base64`) that are stored more than once, sorted.
    pub fn duplicates(&self) -> Vec<String> {
        lock(&self.0.calls).storage().rows().duplicates()
    }

    pub fn stats(&self) -> Stats {
        lock(&self.0.stats).clone()
    }

    fn change(&self, id: &str, event: RowEvent, at: Timestamp) -> Result<bool, EmulatorError> {
        let mut calls = lock(&self.0.calls);
        let present = calls.storage().rows().get(id).is_some();
        if present {
            calls.storage().commit(event, at)?;
        }
        Ok(present)
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<ResponseBody>, ConnectionCut> {
        let _in_flight = InFlightGuard::begin(&self.0.stats);
        let FaultDecision { delay, fault } = lock(&self.0.injector).decide(request.method());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let (request, body) = request.into_parts();
        // Read in any case, so that the connection can be reused.
        let body = Limited::new(body, MAX_REQUEST_BODY).collect().await.map(http_body_util::Collected::to_bytes).ok();
        let delivery = match fault {
            Some(fault) if fault.comes_late() => self.fail_then_handle(fault, &request, body.clone()).await,
            Some(fault) => self.fail(fault, &request, body.as_ref()).await,
            None => Delivery::Whole(self.answer(&request, body.as_ref())),
        };
        let status = match &delivery {
            Delivery::Whole(answer) | Delivery::Truncated(answer) => Some(answer.status.as_u16()),
            Delivery::Close => None,
        };
        let Parts { method, uri, .. } = request;
        lock(&self.0.stats).record(ServedRequest { method, path: uri.path().to_owned(), status, fault });
        match delivery {
            Delivery::Whole(answer) => Ok(answer.into_response(false)),
            Delivery::Truncated(answer) => Ok(answer.into_response(true)),
            Delivery::Close => Err(ConnectionCut),
        }
    }

    async fn fail(&self, fault: FaultKind, request: &Parts, body: Option<&Bytes>) -> Delivery {
        let own = if fault.comes_after() { Some(self.answer(request, body)) } else { None };
        let (retry_after, stall) = {
            let injector = lock(&self.0.injector);
            (injector.faults().retry_after, injector.faults().stall)
        };
        match (fault, own) {
            (FaultKind::StallBefore | FaultKind::StallAfter, _) => {
                tokio::time::sleep(stall).await;
                Delivery::Close
            }
            (FaultKind::Truncated, Some(answer)) => Delivery::Truncated(answer),
            (FaultKind::BrokenJson, Some(answer)) => Delivery::Whole(answer.halved()),
            (FaultKind::NoKey, Some(answer)) => Delivery::Whole(answer.with_public_key(|_| None)),
            (FaultKind::MaskedKey, Some(answer)) => Delivery::Whole(answer.with_public_key(|key| Some(masked(key)))),
            (FaultKind::WrappedKey, Some(answer)) => Delivery::Whole(answer.with_public_key(|key| Some(wrapped(key)))),
            (FaultKind::Gzip, Some(answer)) => Delivery::Whole(answer.compressed()),
            _ => ApiResponse::of_fault(fault, retry_after, self.0.clock.now()).map_or(Delivery::Close, Delivery::Whole),
        }
    }

    /// Closes the connection, at once or after a stall, and handles the request in its own task after that.
    async fn fail_then_handle(&self, fault: FaultKind, request: &Parts, body: Option<Bytes>) -> Delivery {
        let (stall, late) = {
            let injector = lock(&self.0.injector);
            (injector.faults().stall, injector.faults().late)
        };
        let stall = if fault == FaultKind::StallLate { stall } else { Duration::ZERO };
        let (api, request) = (self.clone(), request.clone());
        tokio::spawn(async move {
            tokio::time::sleep(stall + late).await;
            drop(api.answer(&request, body.as_ref()));
        });
        tokio::time::sleep(stall).await;
        Delivery::Close
    }

    fn answer(&self, request: &Parts, body: Option<&Bytes>) -> ApiResponse {
        match body {
            Some(body) => lock(&self.0.calls).answer(request, body, self.0.clock.now()),
            None => ApiResponse::detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large"),
        }
    }
}

impl<'a> InFlightGuard<'a> {
    fn begin(stats: &'a Mutex<Stats>) -> Self {
        lock(stats).begin();
        Self(stats)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        lock(self.0).end();
    }
}

/// Keeps the type and the last characters of a key.
fn masked(key: &str) -> String {
    let kind = key.split_whitespace().next().unwrap_or_default();
    let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    format!("{kind} ****{tail}")
}

/// Breaks the base64 of a key into two lines.
fn wrapped(key: &str) -> String {
    let at = key.char_indices().nth(40).map_or(key.len(), |(at, _)| at);
    let (head, tail) = key.split_at(at);
    format!("{head}\n{tail}")
}

/// Ignores poisoning: no step between two changes can panic, so the value is consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
