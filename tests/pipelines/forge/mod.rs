//! The part of a forge that jobs use, over real HTTP on loopback.

pub mod github;
pub mod gitlab;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;

/// A request of a job.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// The path, split at its slashes, without the query.
    pub path: Vec<String>,
    pub query: String,
    /// The header with the token.
    pub token: String,
    pub body: String,
}

fn number(text: &str) -> usize {
    text.parse().unwrap()
}

/// A status and a body.
pub type Answer = (u16, Value);

/// Answers requests. Tests inspect it.
pub trait Api: Send + 'static {
    fn answer(&mut self, request: &Request) -> Answer;

    /// Answers a request with exactly these bytes, if it does not concern the forge's own API.
    fn exactly(&mut self, _: &Request) -> Option<(u16, String)> {
        None
    }
}

/// A server on a port that the system picked. It stops when dropped.
pub struct Forge<A> {
    address: String,
    api: Arc<Mutex<A>>,
    ending: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl<A: Api> Forge<A> {
    pub fn start(api: A) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (api, ending) = (Arc::new(Mutex::new(api)), Arc::new(Mutex::new(false)));
        let (served, end) = (Arc::clone(&api), Arc::clone(&ending));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if *end.lock().unwrap() {
                    break;
                }
                serve(stream.unwrap(), &served);
            }
        });
        Self { address, api, ending, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Inspects or changes the forge.
    pub fn with<T>(&self, look: impl FnOnce(&mut A) -> T) -> T {
        look(&mut self.api.lock().unwrap())
    }
}

impl<A> Drop for Forge<A> {
    fn drop(&mut self) {
        *self.ending.lock().unwrap() = true;
        // Wakes the thread.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, api: &Mutex<impl Api>) {
    let request = read(&mut BufReader::new(&stream));
    let mut api = api.lock().unwrap();
    let (status, body) = api.exactly(&request).unwrap_or_else(|| {
        let (status, body) = api.answer(&request);
        (status, body.to_string())
    });
    drop(api);
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Answer\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let _ = stream.write_all((head + &body).as_bytes());
}

fn read(reader: &mut BufReader<&TcpStream>) -> Request {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.split('/').skip(1).map(str::to_owned).collect();
    let (mut length, mut token) = (0, String::new());
    loop {
        let header = line();
        let Some((name, value)) = header.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => value.strip_prefix("Bearer ").unwrap_or(value).clone_into(&mut token),
            "private-token" => value.clone_into(&mut token),
            _ => {}
        }
    }
    let query = query.to_owned();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Request { method, path, query, token, body: String::from_utf8(body).unwrap() }
}
