//! A server on loopback that follows a script: answers byte by byte, or fails in one of the known ways.

use std::io;
use std::sync::{Arc, Mutex};

use keyform::account::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What to do with a request.
pub(crate) enum Act {
    /// Write this; keep the connection.
    Say(String),
    /// Write this, then close the connection.
    SayAndClose(String),
    /// Reset the connection.
    Reset,
    /// Write this, then nothing more, ever.
    SayAndHang(String),
    /// Write this, then a body of so many bytes.
    Flood(String, u64),
}

/// A running server.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    connections: usize,
    requests: Vec<String>,
    flooded: u64,
}

impl Server {
    /// Starts a server; each request, head and body, is given to `script`.
    pub(crate) async fn start(script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (log, script) = (Arc::new(Mutex::new(Log::default())), Arc::new(script));
        let shared = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (script, log) = (Arc::clone(&script), Arc::clone(&shared));
                tokio::spawn(async move { serve(stream, &*script, &log).await });
            }
        });
        Self { endpoint: Endpoint::parse(&format!("http://{address}")).unwrap(), log }
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().requests.clone()
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// How many bytes of floods were taken off its hands.
    pub(crate) fn flooded(&self) -> u64 {
        self.log.lock().unwrap().flooded
    }
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn serve(mut stream: TcpStream, script: &impl Fn(&str) -> Act, log: &Mutex<Log>) -> io::Result<()> {
    while let Some(request) = read_request(&mut stream).await? {
        log.lock().unwrap().requests.push(request.clone());
        match script(&request) {
            Act::Say(text) => stream.write_all(text.as_bytes()).await?,
            Act::SayAndClose(text) => {
                stream.write_all(text.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Act::Reset => return stream.set_zero_linger(),
            Act::SayAndHang(text) => {
                stream.write_all(text.as_bytes()).await?;
                std::future::pending::<()>().await;
            }
            Act::Flood(head, size) => {
                stream.write_all(head.as_bytes()).await?;
                let chunk = vec![b' '; 64 << 10];
                for _ in 0..size / (64 << 10) {
                    stream.write_all(&chunk).await?;
                    log.lock().unwrap().flooded += 64 << 10;
                }
            }
        }
    }
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(Some(text.into_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}
