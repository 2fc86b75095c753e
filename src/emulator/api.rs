//! The emulated API: answers requests over any stream, and shows a test what it holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

use super::EmulatorError;
use super::answer::Answer;
use super::body::{AnswerBody, Cut};
use super::calls::Calls;
use super::config::{Clock, Config};
use super::faults::{Decision, FaultKind, Injector, Scripted};
use super::rows::{Event, NewRow, Row};
use super::stats::{Served, Stats};

/// The longest body of a request, in bytes.
const MAX_BODY: usize = 1 << 20;

/// An emulated account with its API, not bound to a port. Clones share it; the file of keys is free when the last one
/// is gone.
#[derive(Debug, Clone)]
pub struct Api(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    calls: Mutex<Calls>,
    injector: Mutex<Injector>,
    stats: Mutex<Stats>,
}

/// Counts a request as being handled for as long as it lives: also a client that goes away ends it.
struct InFlight<'a>(&'a Mutex<Stats>);

/// What a request that arrived is told.
enum Told {
    Answer(Answer),
    /// An answer that breaks off.
    Truncated(Answer),
    /// Nothing, and the connection closes.
    Nothing,
}

impl Api {
    /// Opens the account. `Config::port` plays no part.
    pub fn open(config: Config) -> Result<Self, EmulatorError> {
        let clock = config.clock.clone();
        let injector = Mutex::new(Injector::new(config.faults.clone()));
        let calls = Mutex::new(Calls::open(config)?);
        Ok(Self(Arc::new(Shared { clock, calls, injector, stats: Mutex::default() })))
    }

    /// Serves one accepted stream, HTTP/1.1 or HTTP/2, until either side closes it.
    ///
    /// Needs a tokio runtime with time. Where a fault closes the connection, HTTP/2 only resets the stream.
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
        // An error here is a connection that was cut: on purpose, or by the client.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    /// Appends to the script of faults.
    pub fn script(&self, entry: Scripted) {
        lock(&self.0.injector).script(entry);
    }

    /// Lists all rows in order of upload.
    pub fn rows(&self) -> Vec<Row> {
        lock(&self.0.calls).storage().rows().iter().cloned().collect()
    }

    /// Puts a row on the account past the API and returns it.
    pub fn insert(&self, row: NewRow) -> Result<Row, EmulatorError> {
        let mut calls = lock(&self.0.calls);
        let row = calls.storage().rows().draw(row, self.0.clock.now());
        calls.storage().add(row)
    }

    /// Makes a row the primary past the API. Returns whether it was there.
    pub fn promote(&self, id: &str) -> Result<bool, EmulatorError> {
        let at = self.0.clock.now();
        self.change(id, Event::Promote { id: id.to_owned(), at })
    }

    /// Takes a row off the account past the API. Returns whether it was there.
    pub fn remove(&self, id: &str) -> Result<bool, EmulatorError> {
        let at = self.0.clock.now();
        self.change(id, Event::Delete { id: id.to_owned(), heir: None, at })
    }

    /// Lists the keys (`type base64`) that are stored more than once, sorted.
    pub fn duplicates(&self) -> Vec<String> {
        lock(&self.0.calls).storage().rows().duplicates()
    }

    /// Tells what was asked so far.
    pub fn stats(&self) -> Stats {
        lock(&self.0.stats).clone()
    }

    fn change(&self, id: &str, event: Event) -> Result<bool, EmulatorError> {
        let mut calls = lock(&self.0.calls);
        let present = calls.storage().rows().get(id).is_some();
        if present {
            calls.storage().commit(event)?;
        }
        Ok(present)
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Cut> {
        let _in_flight = InFlight::begin(&self.0.stats);
        let Decision { delay, fault } = lock(&self.0.injector).decide(request.method());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let (request, body) = request.into_parts();
        // Read in any case, so that the connection can go on.
        let body = Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes).ok();
        let told = match fault {
            Some(fault) => self.meet(fault, &request, body.as_ref()).await,
            None => Told::Answer(self.answer(&request, body.as_ref())),
        };
        let status = match &told {
            Told::Answer(answer) | Told::Truncated(answer) => Some(answer.status.as_u16()),
            Told::Nothing => None,
        };
        let Parts { method, uri, .. } = request;
        lock(&self.0.stats).record(Served { method, path: uri.path().to_owned(), status, fault });
        match told {
            Told::Answer(answer) => Ok(answer.into_response(false)),
            Told::Truncated(answer) => Ok(answer.into_response(true)),
            Told::Nothing => Err(Cut),
        }
    }

    async fn meet(&self, fault: FaultKind, request: &Parts, body: Option<&Bytes>) -> Told {
        let own = if fault.comes_after() { Some(self.answer(request, body)) } else { None };
        let (retry_after, stall) = {
            let injector = lock(&self.0.injector);
            (injector.faults().retry_after, injector.faults().stall)
        };
        match (fault, own) {
            (FaultKind::StallBefore | FaultKind::StallAfter, _) => {
                tokio::time::sleep(stall).await;
                Told::Nothing
            }
            (FaultKind::Truncated, Some(answer)) => Told::Truncated(answer),
            (FaultKind::BrokenJson, Some(answer)) => Told::Answer(answer.halved()),
            _ => Answer::of_fault(fault, retry_after, self.0.clock.now()).map_or(Told::Nothing, Told::Answer),
        }
    }

    fn answer(&self, request: &Parts, body: Option<&Bytes>) -> Answer {
        match body {
            Some(body) => lock(&self.0.calls).answer(request, body, self.0.clock.now()),
            None => Answer::detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large"),
        }
    }
}

impl<'a> InFlight<'a> {
    fn begin(stats: &'a Mutex<Stats>) -> Self {
        lock(stats).begin();
        Self(stats)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        lock(self.0).end();
    }
}

/// Locks; a panic elsewhere leaves the value whole, as no step between two changes can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
