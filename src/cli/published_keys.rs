//! Public keys that people publish: `https://github.com/USER.keys` and the like.
//!
//! The request has no token and no cookie, follows no redirect, and reads a bounded response.

use std::str::FromStr;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use thiserror::Error;

use super::error::{CliError, Hints};
use crate::account::settings::{self, Environment};
use crate::account::{Endpoint, http_client};
use crate::public_key::{PublicKey, PublicKeyError};

/// The largest response, in bytes: some hundred keys.
const MAX_BYTES: usize = 256 * 1024;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Where somebody publishes keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeySource {
    GitHub(String),
    GitLab(String),
    /// An address that responds with one key on each line.
    Address(Endpoint),
}

/// A line of a response.
#[derive(Debug)]
pub(super) struct PublishedKey {
    pub(super) key: Result<PublicKey, PublicKeyError>,
}

#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("cannot fetch {address}: {why}")]
    Failed { address: String, why: String },
    #[error("{address} responded with status {status}")]
    Status { address: String, status: u16 },
    #[error("{address} redirects to another address")]
    Redirect { address: String },
    #[error("{address} did not respond with public keys, but with a web page")]
    Page { address: String },
    #[error("the response of {address} is longer than {MAX_BYTES} bytes")]
    TooLong { address: String },
    #[error("{address} has no public keys")]
    Empty { address: String },
    #[error("the response of {address} contains no public key")]
    NoKey { address: String },
}

impl Hints for FetchError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Failed { .. } => "check the network and HTTPS_PROXY; nothing was changed",
            Self::Status { status: 404, .. } => "check the name of the user; nothing was changed",
            Self::Redirect { .. } => "redirects are not followed: pass the address that it leads to",
            Self::Status { .. }
            | Self::Page { .. }
            | Self::TooLong { .. }
            | Self::Empty { .. }
            | Self::NoKey { .. } => "nothing was changed",
        };
        vec![hint.to_owned()]
    }
}

impl FromStr for KeySource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_user = |user: &str| {
            let is_first = user.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            is_first && user.len() <= 255 && user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        match text.split_once(':') {
            Some(("github", user)) if is_user(user) => Ok(Self::GitHub(user.to_owned())),
            Some(("gitlab", user)) if is_user(user) => Ok(Self::GitLab(user.to_owned())),
            Some(("http" | "https", _)) => Endpoint::parse(text).map(Self::Address).map_err(|error| error.to_string()),
            _ => Err("must be github:USER, gitlab:USER or an https URL".to_owned()),
        }
    }
}

impl KeySource {
    /// Returns the name for keys that have no other name, and the owner that the source implies.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::GitHub(user) | Self::GitLab(user) => Some(user),
            Self::Address(_) => None,
        }
    }

    /// Returns the owner that the source implies: `github:USER`.
    pub(super) fn owner(&self) -> Option<String> {
        match self {
            Self::GitHub(user) => Some(format!("github:{user}")),
            Self::GitLab(user) => Some(format!("gitlab:{user}")),
            Self::Address(_) => None,
        }
    }

    fn address(&self) -> Result<Endpoint, CliError> {
        Ok(match self {
            Self::GitHub(user) => Endpoint::parse(&format!("https://github.com/{user}.keys"))?,
            Self::GitLab(user) => Endpoint::parse(&format!("https://gitlab.com/{user}.keys"))?,
            Self::Address(address) => address.clone(),
        })
    }

    /// Fetches the keys: at least one line, and at least one key that can be used.
    pub(super) async fn fetch(&self, environment: Environment<'_>) -> Result<Vec<PublishedKey>, CliError> {
        let endpoint = self.address()?;
        let connection = settings::resolve_connection(&endpoint, environment)?;
        let builder = http_client(&connection).referer(false).https_only(endpoint.is_https()).timeout(TIMEOUT);
        let address = endpoint.to_string();
        let failed = |error: &reqwest::Error| FetchError::Failed { address: address.clone(), why: innermost(error) };
        let client = builder.build().map_err(|error| failed(&error))?;
        let mut response =
            client.get(&address).header(ACCEPT, "text/plain").send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(FetchError::Redirect { address }.into());
        }
        if status.as_u16() != 200 {
            return Err(FetchError::Status { address, status: status.as_u16() }.into());
        }
        let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
        let is_html = kind.is_some_and(|kind| kind.windows(4).any(|word| word == b"html"));
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BYTES {
                return Err(FetchError::TooLong { address }.into());
            }
        }
        Ok(keys(&body, is_html, address)?)
    }
}

fn keys(body: &[u8], is_html: bool, address: String) -> Result<Vec<PublishedKey>, FetchError> {
    let text = String::from_utf8_lossy(body);
    if is_html || text.trim_start().starts_with('<') {
        return Err(FetchError::Page { address });
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Vec<_> = lines.map(|line| PublishedKey { key: PublicKey::parse(line) }).collect();
    if keys.is_empty() {
        return Err(FetchError::Empty { address });
    }
    if keys.iter().all(|published| published.key.is_err()) {
        return Err(FetchError::NoKey { address });
    }
    Ok(keys)
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_user_or_an_address() {
        let address = |text: &str| text.parse::<KeySource>().unwrap().address().unwrap().to_string();
        assert_eq!(address("github:alice-b"), "https://github.com/alice-b.keys");
        assert_eq!(address("gitlab:al.ice_b"), "https://gitlab.com/al.ice_b.keys");
        assert_eq!(address("https://git.example.com/alice.keys"), "https://git.example.com/alice.keys");
        for bad in [
            "alice",
            "github:",
            "github:a/b",
            "github:..",
            "github:a?b",
            "gitlab:-a",
            "bitbucket:alice",
            "http://git.example.com/alice.keys",
            "https://user:password@git.example.com/alice.keys",
            "file:///etc/passwd",
        ] {
            assert!(bad.parse::<KeySource>().is_err(), "{bad}");
        }
    }
}
