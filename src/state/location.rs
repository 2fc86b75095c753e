//! Where a state is kept, as `--state` names it: a path, or a URL of a store.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use reqwest::Url;
use thiserror::Error;

use crate::account::endpoint::names_this_machine;
use crate::terminal::escape::{describe, is_unsafe};

/// The longest URL, in bytes.
const MAX_BYTES: usize = 2048;

/// The place of one state. Shows no credentials, because it contains none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateLocation {
    /// A path, or `file://`.
    File(PathBuf),
    /// `s3://`, `gs://` or `az://`.
    Objects(ObjectPrefix),
    /// `https://`, or `http://` on this machine: Terraform's `http` protocol.
    Http(Url),
}

/// A folder in an object store, which contains one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPrefix {
    pub service: ObjectService,
    /// Azure calls it a container.
    pub bucket: String,
    /// One or more segments, without a slash at either end.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectService {
    S3,
    Google,
    Azure,
}

/// Why a text names no place for a state. Shows nothing of a text that may contain credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LocationError {
    #[error("the location of the state is empty")]
    Empty,
    #[error("the location of the state is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// White space, a backslash or an invisible character: URL parsers disagree about these.
    #[error("the location of the state contains {}", describe(*.0))]
    Character(char),
    #[error("the location of the state contains `@`, and possibly a user name or password")]
    Credentials,
    #[error("the location of the state contains a query or a fragment")]
    Query,
    #[error("the location of the state has the unsupported scheme `{0}`")]
    Scheme(String),
    #[error("the location `{0}` uses plain HTTP, which would expose the state and its credentials")]
    PlainHttp(String),
    #[error("the location `{0}` is on another machine")]
    RemoteFile(String),
    /// No bucket, or a name that is none.
    #[error("`{0}` does not name a bucket")]
    Bucket(String),
    /// No path in the bucket.
    #[error("`{0}` does not name a folder in the bucket")]
    NoFolder(String),
    #[error(
        "`{0}` has a folder that is empty, `.` or `..`, or not made of letters, digits, `-`, `_`, `.`, `=` and `+`"
    )]
    Folder(String),
    #[error("the location of the state is not a valid URL: {0}")]
    Invalid(String),
}

impl StateLocation {
    /// Parses a path or a URL. What does not begin with a scheme and `://` is a path.
    pub fn parse(text: &OsStr) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        match text.to_str().and_then(|text| text.split_once("://").map(|parts| (text, parts))) {
            Some((text, (scheme, rest))) if is_scheme(scheme) => Self::of_url(text, scheme, rest),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }

    /// Whether a lock stays after the process that has it was killed, until somebody breaks it.
    pub fn keeps_locks(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    fn of_url(text: &str, scheme: &str, rest: &str) -> Result<Self, LocationError> {
        check_characters(text, rest)?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "file" => of_file(text),
            "s3" => ObjectPrefix::parse(text, ObjectService::S3, rest).map(Self::Objects),
            "gs" => ObjectPrefix::parse(text, ObjectService::Google, rest).map(Self::Objects),
            "az" => ObjectPrefix::parse(text, ObjectService::Azure, rest).map(Self::Objects),
            "https" | "http" => of_http(text),
            _ => Err(LocationError::Scheme(scheme)),
        }
    }
}

impl ObjectPrefix {
    fn parse(text: &str, service: ObjectService, rest: &str) -> Result<Self, LocationError> {
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        let is_plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| is_name_byte(byte) && byte != b'=');
        if !is_plain(bucket) || bucket.starts_with(['.', '-']) {
            return Err(LocationError::Bucket(text.to_owned()));
        }
        if path.is_empty() {
            return Err(LocationError::NoFolder(text.to_owned()));
        }
        // A `.` or `..` is resolved by some stores and not by others.
        let is_folder = |name: &str| !matches!(name, "" | "." | "..") && name.bytes().all(is_name_byte);
        if !path.split('/').all(is_folder) {
            return Err(LocationError::Folder(text.to_owned()));
        }
        Ok(Self { service, bucket: bucket.to_owned(), path: path.to_owned() })
    }
}

impl ObjectService {
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

impl LocationError {
    pub fn help(&self) -> String {
        match self {
            Self::Credentials => {
                "remove it, and pass the credentials in the environment; `keyform help apply` lists the variables"
            }
            Self::Query => "remove everything after the path, and pass credentials in the environment",
            Self::PlainHttp(_) => "use https; plain HTTP is allowed for this machine only (127.0.0.1, ::1, localhost)",
            Self::RemoteFile(_) => "use a path, or three slashes as in file:///srv/keyform.state.json",
            Self::Bucket(_) | Self::NoFolder(_) => {
                "name a bucket and a folder in it, such as s3://my-bucket/keyform/team-a"
            }
            Self::Folder(_) => "choose another name for the folder",
            Self::Empty | Self::TooLong | Self::Character(_) | Self::Scheme(_) | Self::Invalid(_) => {
                "use a path, or a URL that begins with file://, s3://, gs://, az:// or https://"
            }
        }
        .to_owned()
    }
}

impl fmt::Display for StateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Objects(prefix) => prefix.fmt(f),
            Self::Http(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for ObjectPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, bucket, path } = self;
        write!(f, "{}://{bucket}/{path}", service.scheme())
    }
}

/// Whether a text is the scheme of a URL. A single letter is the drive of a path.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'+')
}

fn check_characters(text: &str, rest: &str) -> Result<(), LocationError> {
    if text.len() > MAX_BYTES {
        return Err(LocationError::TooLong);
    }
    if let Some(c) = text.chars().find(|&c| c.is_whitespace() || c == '\\' || is_unsafe(c)) {
        return Err(LocationError::Character(c));
    }
    if rest.contains('@') {
        return Err(LocationError::Credentials);
    }
    if rest.contains(['?', '#']) {
        return Err(LocationError::Query);
    }
    Ok(())
}

fn of_file(text: &str) -> Result<StateLocation, LocationError> {
    let url = parse_url(text)?;
    let is_here = url.host_str().is_none_or(|host| host == "localhost");
    let path = if is_here { url.to_file_path().ok() } else { None };
    path.map(StateLocation::File).ok_or_else(|| LocationError::RemoteFile(text.to_owned()))
}

fn of_http(text: &str) -> Result<StateLocation, LocationError> {
    let mut url = parse_url(text)?;
    // Forges have no state at an address with a slash at its end.
    if url.path().contains("/terraform/state/") {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
    }
    match url.host_str() {
        None => Err(LocationError::Invalid("no host".to_owned())),
        Some(host) if url.scheme() == "http" && !names_this_machine(host) => {
            Err(LocationError::PlainHttp(text.to_owned()))
        }
        Some(_) => Ok(StateLocation::Http(url)),
    }
}

fn parse_url(text: &str) -> Result<Url, LocationError> {
    Url::parse(text).map_err(|error| LocationError::Invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match StateLocation::parse(OsStr::new(text)) {
            Ok(StateLocation::File(path)) => format!("file {}", path.display()),
            Ok(StateLocation::Objects(prefix)) => format!("{:?} {}, {}", prefix.service, prefix.bucket, prefix.path),
            Ok(StateLocation::Http(url)) => format!("http {url}"),
            Err(error) => format!("error: {error}\n  help: {}", error.help()),
        }
    }

    #[test]
    fn a_location_is_a_path_or_a_url_of_a_store() {
        for (text, expected) in [
            ("keyform.state.json", "file keyform.state.json"),
            ("../a b/é.json", "file ../a b/é.json"),
            ("a:b", "file a:b"),
            ("c://x", "file c://x"),
            ("./s3://x", "file ./s3://x"),
            ("file:///srv/a%20b.json", "file /srv/a b.json"),
            ("file://localhost/srv/a.json", "file /srv/a.json"),
            ("s3://bucket/team", "S3 bucket, team"),
            ("S3://bucket/team/keyform/", "S3 bucket, team/keyform"),
            ("gs://my.bucket_1/a/b", "Google my.bucket_1, a/b"),
            ("az://container/a=b/c+d", "Azure container, a=b/c+d"),
            (
                "https://gitlab.com/api/v4/projects/1/terraform/state/keyform",
                "http https://gitlab.com/api/v4/projects/1/terraform/state/keyform",
            ),
            (
                "https://gitlab.com/api/v4/projects/1/terraform/state/keyform//",
                "http https://gitlab.com/api/v4/projects/1/terraform/state/keyform",
            ),
            ("http://127.0.0.1:8080/state/", "http http://127.0.0.1:8080/state/"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_location_that_is_refused_says_why_and_what_to_do() {
        let refused = [
            "",
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "s3:///folder",
            "s3://-bucket/folder",
            "s3://bu%63ket/folder",
            "s3://bucket//folder",
            "s3://bucket/../other",
            "s3://bucket/a%2Fb",
            "s3://bucket/a b",
            "s3://bucket/équipe",
            "s3://bucket/a%20b",
            "s3://key:secret@bucket/folder",
            "az://container/folder?sig=secret",
            "https://gitlab-ci-token:secret@gitlab.com/state",
            "https://gitlab-ci-token@gitlab.com/state",
            "https://gitlab.com/state?private_token=secret",
            "https://gitlab.com/state#secret",
            "http://gitlab.com/state",
            "https://",
            "file://server/share/state.json",
            "gcs://bucket/folder",
            "sftp://host/state.json",
            "https://gitlab.com/sta\u{202e}te",
        ];
        let text: Vec<_> = refused.iter().map(|text| format!("{}\n{}", text.escape_debug(), shown(text))).collect();
        assert!(!text.iter().any(|line| line.contains("file ")), "{text:?}");
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn no_refusal_shows_credentials() {
        for text in ["s3://key:hush@bucket/a", "az://c/a?sig=hush", "https://u:hush@h/s", "https://h/s?t=hush#hush"] {
            let error = StateLocation::parse(OsStr::new(text)).unwrap_err();
            assert!(!format!("{error} {error:?} {}", error.help()).contains("hush"), "{text}: {error}");
        }
    }
}
