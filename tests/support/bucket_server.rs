//! A server with the part of the XML APIs of Google Cloud Storage and Amazon S3 that keyform uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The access token that the server expects.
pub const STORE_TOKEN: &str = "store-token-never-to-be-shown";

/// The access keys for S3 that the server expects: one may read, the other may write too.
pub const S3_READER: &str = "AKIAREADER";
pub const S3_WRITER: &str = "AKIAWRITER";

/// The name of its bucket.
pub const BUCKET: &str = "keys";

/// How the server behaves. Can be changed while it runs.
#[derive(Debug, Clone, Default)]
pub struct ServerMode {
    /// Overwrites objects that a request must only create.
    pub ignores_conditions: bool,
    /// Closes all connections without a response.
    pub is_away: bool,
    /// The method that is forbidden.
    pub denies: Option<&'static str>,
    pub latency: Duration,
    /// Carries out every n-th write and loses the response.
    pub loses_every: Option<usize>,
}

/// Requests and objects of a [`BucketServer`].
#[derive(Debug, Default)]
pub struct Served {
    pub mode: ServerMode,
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Method and object of each request.
    pub requests: Vec<String>,
    /// Everything that was received, except the expected token.
    pub received: String,
    pub written_bytes: usize,
}

/// Runs until the process ends.
#[derive(Debug, Clone)]
pub struct BucketServer {
    address: String,
    pub served: Arc<Mutex<Served>>,
}

struct Request {
    method: String,
    /// Path and query.
    target: String,
    is_conditional: bool,
    has_token: bool,
    body: Vec<u8>,
    head: String,
}

impl BucketServer {
    pub fn start(mode: ServerMode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = Arc::new(Mutex::new(Served { mode, ..Served::default() }));
        let shared = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &served));
            }
        });
        Self { address, served }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, change: impl FnOnce(&mut ServerMode)) {
        change(&mut self.served.lock().unwrap().mode);
    }

    pub fn requests(&self) -> usize {
        self.served.lock().unwrap().requests.len()
    }
}

fn serve(stream: TcpStream, served: &Mutex<Served>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let mode = served.lock().unwrap().mode.clone();
        thread::sleep(mode.latency);
        if mode.is_away {
            return;
        }
        let (response, is_lost) = answer(&request, &mut served.lock().unwrap());
        if is_lost || reader.get_mut().write_all(&response).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length = field("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    let method = words.next()?.to_owned();
    let authorization = field("authorization").unwrap_or_default();
    let signed_by = |key: &str| authorization.starts_with(&format!("AWS4-HMAC-SHA256 Credential={key}/"));
    Some(Request {
        target: words.next()?.to_owned(),
        is_conditional: field("x-goog-if-generation-match").as_deref() == Some("0")
            || field("if-none-match").as_deref() == Some("*"),
        has_token: authorization == format!("Bearer {STORE_TOKEN}")
            || signed_by(S3_WRITER)
            || signed_by(S3_READER) && method == "GET",
        method,
        body,
        head: head.replace(STORE_TOKEN, ""),
    })
}

/// Returns a response, and whether it gets lost.
fn answer(request: &Request, served: &mut Served) -> (Vec<u8>, bool) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let path = decoded(path.trim_start_matches('/'));
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    served.requests.push(format!("{} {key}", request.method));
    served.received += &request.head;
    served.received += &String::from_utf8_lossy(&request.body);
    let mode = served.mode.clone();
    let method = if key.is_empty() { "LIST" } else { request.method.as_str() };
    if !request.has_token {
        return (response(401, &error("AuthenticationRequired")), false);
    }
    if bucket != BUCKET {
        return (response(404, &error("NoSuchBucket")), false);
    }
    if mode.denies == Some(method) {
        return (response(403, &error("AccessDenied")), false);
    }
    let writes = served.requests.iter().filter(|request| request.starts_with("PUT")).count();
    let is_lost = method == "PUT" && mode.loses_every.is_some_and(|every| writes % every == 0);
    let response = match method {
        "LIST" => response(200, &list(query, served)),
        "GET" => served.objects.get(key).map_or_else(
            || response(404, &error("NoSuchKey")),
            |object| response(200, &String::from_utf8(object.clone()).unwrap()),
        ),
        "PUT" => {
            let exists = served.objects.contains_key(key);
            if exists && request.is_conditional && !mode.ignores_conditions {
                response(412, &error("PreconditionFailed"))
            } else {
                served.written_bytes += request.body.len();
                served.objects.insert(key.to_owned(), request.body.clone());
                response(200, "")
            }
        }
        "DELETE" => {
            served.objects.remove(key);
            response(204, "")
        }
        _ => response(405, &error("MethodNotAllowed")),
    };
    (response, is_lost)
}

/// Replaces `%2F` and the like.
fn decoded(text: &str) -> String {
    let (first, rest) = text.split_once('%').unwrap_or((text, ""));
    let parts = rest.split('%').filter(|part| !part.is_empty());
    let parts = parts.map(|part| format!("{}{}", char::from(u8::from_str_radix(&part[..2], 16).unwrap()), &part[2..]));
    format!("{first}{}", parts.collect::<String>())
}

fn list(query: &str, served: &Served) -> String {
    let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
    let prefix = decoded(prefix);
    let mut xml = "<ListBucketResult>".to_owned();
    for (key, object) in served.objects.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        let _ = write!(
            xml,
            "<Contents><Key>{key}</Key><LastModified>2026-11-27T10:00:00Z</LastModified><Size>{}</Size>\
             <ETag>\"1\"</ETag></Contents>",
            object.len()
        );
    }
    xml + "</ListBucketResult>"
}

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code></Error>")
}

fn response(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\netag: \"1\"\r\n\
         last-modified: Fri, 27 Nov 2026 10:00:00 GMT\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
