//! The address of the account's API: one that the token may be sent to.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::terminal::escape::{describe, is_unsafe};

/// The vendor's own endpoint.
pub const DEFAULT_ENDPOINT: &str = "https://api.primeintellect.ai";

/// The longest endpoint, in bytes.
const MAX_BYTES: usize = 2048;

/// The base URL of the API: `https://host[:port][/prefix]`, or plain http to a loopback address.
///
/// Never contains credentials, a query or a fragment. The text is canonical: two endpoints are equal if their texts are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    text: String,
    loopback: bool,
}

/// Why a text is not an endpoint. Shows nothing of a text that may contain credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    #[error("the endpoint is empty")]
    Empty,
    #[error("the endpoint is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// White space, a backslash or an invisible character: URL parsers disagree about these.
    #[error("the endpoint contains {}", describe(*.0))]
    Character(char),
    /// An `@`, so that there may be a password.
    #[error("the endpoint contains `@`, and possibly a user name or password")]
    Credentials,
    #[error("the endpoint does not start with `https://`")]
    NoScheme,
    /// Neither https nor http.
    #[error("the endpoint has the unsupported scheme `{0}`")]
    Scheme(String),
    /// Plain http to another machine.
    #[error("the endpoint `{0}` uses plain HTTP, which would expose the token")]
    PlainHttp(String),
    #[error("the endpoint contains a query")]
    Query,
    #[error("the endpoint contains a fragment")]
    Fragment,
    #[error("the endpoint is not a valid URL: {0}")]
    Invalid(String),
}

impl Endpoint {
    /// Parses an endpoint. Drops a trailing `/` and `/api/v1`; keeps any other path as a prefix.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        check_characters(text)?;
        let url = Url::parse(text).map_err(|error| reason(text, error.to_string()))?;
        match url.scheme() {
            "https" | "http" => {}
            // `localhost:8080` reads as the scheme `localhost`.
            _ if !text.contains("://") => return Err(EndpointError::NoScheme),
            other => return Err(EndpointError::Scheme(other.to_owned())),
        }
        if url.query().is_some() {
            return Err(EndpointError::Query);
        }
        if url.fragment().is_some() {
            return Err(EndpointError::Fragment);
        }
        let host = url.host_str().ok_or_else(|| EndpointError::Invalid("no host".to_owned()))?;
        let loopback = names_this_machine(host);
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = url.path().trim_end_matches('/');
        let prefix = path.strip_suffix("/api/v1").unwrap_or(path).trim_end_matches('/');
        let text = format!("{}://{host}{port}{prefix}", url.scheme());
        if url.scheme() == "http" && !loopback {
            return Err(EndpointError::PlainHttp(text));
        }
        Ok(Self { text, loopback })
    }

    /// The URL, without a `/` at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the host is 127.0.0.0/8, `::1` or `localhost`.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }
}

impl Default for Endpoint {
    /// Returns the vendor's own endpoint.
    fn default() -> Self {
        Self { text: DEFAULT_ENDPOINT.to_owned(), loopback: false }
    }
}

impl EndpointError {
    pub fn help(&self) -> String {
        match self {
            Self::Credentials => "remove it, and pass the token in PRIME_API_KEY or with --token-file".to_owned(),
            Self::PlainHttp(text) => {
                let secure = text.replacen("http:", "https:", 1);
                format!("use `{secure}`; plain HTTP is allowed for this machine only (127.0.0.1, ::1, localhost)")
            }
            Self::Query | Self::Fragment => "remove everything after the path".to_owned(),
            Self::Empty | Self::TooLong | Self::Character(_) | Self::NoScheme | Self::Scheme(_) | Self::Invalid(_) => {
                format!("use a URL such as `{DEFAULT_ENDPOINT}`")
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        Self::parse(&text)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.text
    }
}

fn check_characters(text: &str) -> Result<(), EndpointError> {
    if text.is_empty() {
        return Err(EndpointError::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(EndpointError::TooLong);
    }
    // Before any error that quotes the text.
    if text.contains('@') {
        return Err(EndpointError::Credentials);
    }
    match text.chars().find(|&c| c.is_whitespace() || c == '\\' || is_unsafe(c)) {
        Some(bad) => Err(EndpointError::Character(bad)),
        None => Ok(()),
    }
}

fn reason(text: &str, error: String) -> EndpointError {
    if text.contains("://") { EndpointError::Invalid(error) } else { EndpointError::NoScheme }
}

pub fn names_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, EndpointError> {
        Endpoint::parse(text).map(String::from)
    }

    #[test]
    fn an_endpoint_is_canonical() {
        for (text, canonical) in [
            ("https://api.primeintellect.ai", DEFAULT_ENDPOINT),
            ("https://api.primeintellect.ai/", DEFAULT_ENDPOINT),
            ("https://api.primeintellect.ai/api/v1", DEFAULT_ENDPOINT),
            ("https://api.primeintellect.ai/api/v1//", DEFAULT_ENDPOINT),
            ("HTTPS://API.PrimeIntellect.AI:443/api/v1/", DEFAULT_ENDPOINT),
            ("https://gw.example.com:8443/prime/api/v1", "https://gw.example.com:8443/prime"),
            ("https://gw.example.com/a/../prime/", "https://gw.example.com/prime"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.0.0.1:80/", "http://127.0.0.1"),
            ("http://127.255.0.9:1", "http://127.255.0.9:1"),
            ("http://[::1]:9", "http://[::1]:9"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(canonical), "{text}");
            assert_eq!(parse(canonical).as_deref(), Ok(canonical), "{canonical}");
        }
        assert_eq!(Endpoint::default(), Endpoint::parse(DEFAULT_ENDPOINT).unwrap());
    }

    #[test]
    fn plain_http_reaches_this_machine_alone() {
        for text in ["http://127.0.0.1:1", "http://localhost", "http://[::1]"] {
            assert!(Endpoint::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "http://api.primeintellect.ai",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(matches!(parse(text), Err(EndpointError::PlainHttp(_))), "{text}");
        }
    }

    #[test]
    fn a_refused_endpoint_says_why_and_what_to_do() {
        let cases = [
            "",
            "api.primeintellect.ai",
            "localhost:8080",
            "ftp://api.primeintellect.ai",
            "http://api.primeintellect.ai/api/v1",
            "https://user:hunter2@api.primeintellect.ai",
            "user:hunter2@api.primeintellect.ai",
            "https://api.primeintellect.ai?key=hunter2",
            "https://api.primeintellect.ai#hunter2",
            "https://api.primeintellect.ai\\.example.com",
            " https://api.primeintellect.ai",
            "https://",
            "https://host:99999",
        ];
        let message: Vec<String> = cases
            .iter()
            .map(|text| {
                let error = Endpoint::parse(text).expect_err(text);
                format!("{text:?}\n  {error}\n  {}", error.help())
            })
            .collect();
        insta::assert_snapshot!(message.join("\n"));
    }

    #[test]
    fn a_password_is_in_no_error() {
        for text in ["https://u:hunter2@h", "hunter2@h", "https://h?t=hunter2", "https://h#hunter2", "https://@hunter2"]
        {
            let error = Endpoint::parse(text).expect_err(text);
            assert!(!format!("{error} {error:?} {}", error.help()).contains("hunter2"), "{text}");
        }
    }
}
