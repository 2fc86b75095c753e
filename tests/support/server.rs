//! Servers on loopback that are not an account. Each handles all connections in the same way.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

/// A server on a port that the system picked. It stops when dropped.
pub struct Server {
    address: String,
    written: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A port that is taken, but on which no server listens.
pub struct DeadPort {
    stream: TcpStream,
    _listener: TcpListener,
}

impl Server {
    /// Handles connections one after the other. The handler returns the number of bytes written.
    fn start(mut treat: impl FnMut(TcpStream) -> u64 + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (written, ending) = <(Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let (counter, end) = (Arc::clone(&written), Arc::clone(&ending));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                counter.fetch_add(treat(stream.unwrap()), Ordering::SeqCst);
            }
        });
        Self { address, written, ending, thread: Some(thread) }
    }

    /// Sends the same response to every request, and closes.
    pub fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::start(move |mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(answer.as_bytes());
            answer.len() as u64
        })
    }

    /// Responds with a body of 1 GiB, until the client closes.
    pub fn endless() -> Self {
        Self::start(|mut stream| {
            read_request(&mut stream);
            let size: u64 = 1 << 30;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n");
            let part = vec![b' '; 1 << 16];
            let mut written = 0;
            let mut result = stream.write_all(head.as_bytes());
            while result.is_ok() && written < size {
                result = stream.write_all(&part);
                written += part.len() as u64;
            }
            written
        })
    }

    /// Offers TLS with an untrusted certificate.
    pub fn self_signed() -> Self {
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key.into())
            .unwrap();
        let config = Arc::new(config);
        Self::start(move |mut stream| {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // The client ends the handshake when it has seen the certificate.
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
            0
        })
    }

    /// `http://127.0.0.1:PORT`
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `https://127.0.0.1:PORT`
    pub fn https(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Stops. Returns the number of bytes written.
    pub fn ended(mut self) -> u64 {
        self.end();
        self.written.load(Ordering::SeqCst)
    }

    fn end(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the thread.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl DeadPort {
    /// Takes the local port of an open connection.
    pub fn take() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Self { stream, _listener: listener }
    }

    /// `http://127.0.0.1:PORT`
    pub fn http(&self) -> String {
        format!("http://{}", self.stream.local_addr().unwrap())
    }
}

/// Reads to the end of a request's head. Reads data other than HTTP once.
fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    let is_http = |request: &[u8]| request.first().is_none_or(u8::is_ascii_uppercase);
    while is_http(&request) && !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
}
