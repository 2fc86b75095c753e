//! Serves the rules over HTTP, in a thread.

use std::net::{self, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::rules::{Answer, Rules};
use super::{StateFault, StateRequest};

pub(super) struct Listener {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The connection is closed without a response.
#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

impl Listener {
    pub(super) fn start(rules: Arc<Mutex<Rules>>) -> Self {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        tokio::spawn(serve_stream(stream, Arc::clone(&rules)));
                    }
                };
                tokio::select! {
                    _ = stopped => {}
                    () = serve => {}
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve_stream(stream: TcpStream, rules: Arc<Mutex<Rules>>) {
    let service = service_fn(|request| serve(request, &rules));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn serve(request: Request<Incoming>, rules: &Mutex<Rules>) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(|body| body.to_bytes().to_vec()) else { return Err(Closed) };
    let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let request = StateRequest {
        method: parts.method.to_string(),
        target,
        authorization,
        headers: format!("{:?}", parts.headers),
        body,
    };
    let mut rules = rules.lock().unwrap();
    let number = rules.requests.len();
    rules.requests.push(request.clone());
    match (rules.inject)(number, &request) {
        None => Ok(response(rules.answer(&request))),
        Some(StateFault::Drop) => Err(Closed),
        Some(StateFault::Lose) => {
            rules.answer(&request);
            Err(Closed)
        }
        Some(StateFault::Refuse) => Ok(page(503)),
        Some(StateFault::Mask) => {
            rules.answer(&request);
            Ok(page(502))
        }
        Some(StateFault::Repeat) => {
            rules.answer(&request);
            Ok(response(rules.answer(&request)))
        }
    }
}

fn page(status: u16) -> Response<Full<Bytes>> {
    let body = b"<html><title>Gateway</title></html>".to_vec();
    response(Answer { status, kind: "text/html", body })
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let builder = Response::builder().status(answer.status).header(CONTENT_TYPE, answer.kind);
    builder.body(Full::new(Bytes::from(answer.body))).unwrap()
}
