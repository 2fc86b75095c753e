//! An emulator that listens on a port, in its own thread.

use std::future::Future;
use std::io;
use std::net::{self, Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::api::Api;
use super::config::{AcceptedToken, EmulatorConfig};
use super::error::EmulatorError;

/// A running emulator, which listens on 127.0.0.1 only and stops when dropped. It has its own runtime, so that
/// synchronous code can use it.
#[derive(Debug)]
pub struct Emulator {
    api: Api,
    token: AcceptedToken,
    address: SocketAddr,
    running: Option<ServerThread>,
}

#[derive(Debug)]
struct ServerThread {
    stop: oneshot::Sender<()>,
    /// Closed when the thread ends.
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Emulator {
    /// Opens the account and listens. Requests can be made as soon as this returns.
    pub fn start(config: EmulatorConfig) -> Result<Self, EmulatorError> {
        let (port, token) = (config.port, config.token.clone());
        let api = Api::open(config)?;
        // Before the runtime is built: dropping a runtime inside another one panics.
        let (listener, address) = bind(port).map_err(|source| EmulatorError::Bind { port, source })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(EmulatorError::Thread)?;
        let listener = match listen(&runtime, listener) {
            Ok(listener) => listener,
            Err(source) => {
                runtime.shutdown_background();
                return Err(EmulatorError::Bind { port, source });
            }
        };
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let served = api.clone();
        let run = move || {
            let _end: oneshot::Sender<()> = end;
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, served) => {}
                }
            });
        };
        let thread = thread::Builder::new().name("emulator".to_owned()).spawn(run).map_err(EmulatorError::Thread)?;
        Ok(Self { api, token, address, running: Some(ServerThread { stop, ended, thread }) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn token(&self) -> &str {
        self.token.as_str()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Runs until `stop` is ready, or until the server's thread panics.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), EmulatorError> {
        if let Some(running) = &mut self.running {
            tokio::select! {
                () = stop => {}
                _ = &mut running.ended => {}
            }
        }
        self.stop()
    }

    /// Closes the port and all connections, and waits for the thread. Answered changes are stored.
    pub fn stop(mut self) -> Result<(), EmulatorError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), EmulatorError> {
        let Some(ServerThread { stop, ended: _, thread }) = self.running.take() else {
            return Ok(());
        };
        // Fails if the thread has ended already; joining it returns why.
        let _ = stop.send(());
        thread.join().map_err(|_| EmulatorError::Panicked)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.shut_down();
    }
}

fn bind(port: u16) -> io::Result<(net::TcpListener, SocketAddr)> {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn listen(runtime: &Runtime, listener: net::TcpListener) -> io::Result<TcpListener> {
    let _context = runtime.enter();
    TcpListener::from_std(listener)
}

async fn accept(listener: TcpListener, api: Api) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let api = api.clone();
                tokio::spawn(async move { api.serve_stream(stream).await });
            }
            // Most likely out of file descriptors: connections that end free them.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
