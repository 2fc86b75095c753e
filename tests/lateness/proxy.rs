//! A server between client and account that decides what becomes of each upload.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What becomes of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Proper,
    /// The connection closes, and nothing is done.
    Lost,
    /// It is carried out, and the connection closes.
    LostAfterDone,
    /// The connection closes, and it is carried out this many milliseconds later.
    Late(u64),
    /// This is the status of the response. It is carried out, unless the status says that it was declined.
    Status(u16),
    /// It is carried out, and the response has another body.
    Body(Oddity),
}

/// What is wrong with the body of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    NoKey,
    MaskedKey,
    WrappedKey,
    OtherComment,
    Empty,
    Html,
    Half,
}

/// The account behind the proxy, and the fates of the next uploads.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    account: SocketAddr,
    address: SocketAddr,
    fates: Arc<Mutex<VecDeque<Fate>>>,
}

impl Proxy {
    /// Starts on a port that the system picks. Its threads end with the test.
    pub(crate) fn start(account: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { account, address: listener.local_addr().unwrap(), fates: Arc::default() };
        let server = proxy.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, stream) = (server.clone(), stream.unwrap());
                thread::spawn(move || server.serve(stream));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the fates of the next uploads. All further ones are proper.
    pub(crate) fn script(&self, fates: impl IntoIterator<Item = Fate>) {
        *self.fates.lock().unwrap() = fates.into_iter().collect();
    }

    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let request = Message::read(&mut client)?;
        let next = || self.fates.lock().unwrap().pop_front();
        let fate = if request.head.starts_with("POST") { next() } else { None };
        let response = match fate.unwrap_or(Fate::Proper) {
            Fate::Proper => self.forward(&request)?,
            Fate::Lost => return Ok(()),
            Fate::LostAfterDone => return self.forward(&request).map(drop),
            Fate::Late(millis) => {
                drop(client);
                thread::sleep(Duration::from_millis(millis));
                return self.forward(&request).map(drop);
            }
            Fate::Status(status) => {
                self.forward(&request)?;
                let body = if matches!(status, 204 | 304) { "" } else { r#"{"message":"odd"}"# };
                Message::new(status, body.to_owned())
            }
            Fate::Body(oddity) => {
                let response = self.forward(&request)?;
                Message::new(200, oddity.of(&response.body))
            }
        };
        client.write_all(response.to_string().as_bytes())
    }

    fn forward(&self, request: &Message) -> io::Result<Message> {
        let mut account = TcpStream::connect(self.account)?;
        account.write_all(request.to_string().as_bytes())?;
        Message::read(&mut account)
    }
}

impl Oddity {
    pub(crate) const ALL: [Self; 7] =
        [Self::NoKey, Self::MaskedKey, Self::WrappedKey, Self::OtherComment, Self::Empty, Self::Html, Self::Half];

    /// Whether the response shows the key and the id, so that the upload is known to have worked.
    pub(crate) fn shows_key(self) -> bool {
        self == Self::OtherComment
    }

    fn of(self, body: &str) -> String {
        let mut row: Value = serde_json::from_str(body).unwrap();
        let key = row["publicKey"].as_str().unwrap().to_owned();
        match self {
            Self::NoKey => drop(row.as_object_mut().unwrap().remove("publicKey")),
            Self::MaskedKey => row["publicKey"] = Value::from(format!("{}…", &key[..20])),
            Self::WrappedKey => row["publicKey"] = Value::from(format!("{}\n{}", &key[..40], &key[40..])),
            Self::OtherComment => {
                let words: Vec<_> = key.split(' ').take(2).collect();
                row["publicKey"] = Value::from(format!("{} someone@else", words.join(" ")));
            }
            Self::Empty => return String::new(),
            Self::Html => return "<html><body>Sign in</body></html>".to_owned(),
            Self::Half => return body[..body.len() / 2].to_owned(),
        }
        row.to_string()
    }
}

/// A request or a response, without the headers that only concern a connection.
struct Message {
    head: String,
    body: String,
}

impl Message {
    fn new(status: u16, body: String) -> Self {
        Self { head: format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\n"), body }
    }

    fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            } else if line == "\r\n" {
                break;
            } else if !lower.starts_with("connection:") {
                head.push_str(&line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Self { head, body: String::from_utf8(body).unwrap() })
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, body } = self;
        write!(f, "{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }
}
