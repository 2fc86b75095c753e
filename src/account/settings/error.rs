//! Where settings come from, and what can be wrong with them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::account::endpoint::EndpointError;
use crate::account::token::TokenError;

/// The largest file with a token or a configuration, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

pub(super) const API_KEY: &str = "PRIME_API_KEY";

/// Where a value comes from. Shown as in "token from `PRIME_API_KEY`".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    Flag(&'static str),
    Variable(&'static str),
    /// A file that contains the token.
    TokenFile {
        path: PathBuf,
        /// The flag or the variable that names it.
        named_by: &'static str,
    },
    /// Standard input.
    Stdin {
        /// The flag or the variable that is `-`.
        named_by: &'static str,
    },
    /// A configuration file of the vendor's command line.
    VendorConfig {
        path: PathBuf,
        /// The name of the context that chose it, and the flag or the variable with this name.
        context: Option<(String, &'static str)>,
    },
    Default,
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub source: SettingSource,
}

/// Why endpoint or token cannot be resolved. Shows no content of any file.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error("{error} (from {origin})")]
    Endpoint { origin: SettingSource, error: EndpointError },
    #[error("invalid token from {origin}: {error}")]
    Token { origin: SettingSource, error: TokenError },
    /// Holds the last place that was searched, after those that are always the same.
    #[error("no token found in --token-file, {API_KEY} or {0}")]
    NoToken(String),
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    /// The file of a token. A path that does not exist is not shown: it can be the token itself.
    #[error("cannot read the token from {}: {error}", shown(path, named_by))]
    TokenUnreadable { path: PathBuf, named_by: &'static str, error: io::Error },
    #[error("cannot read the token from standard input ({named_by}): {error}")]
    Stdin { named_by: &'static str, error: io::Error },
    #[error("the proxy in {origin} cannot be used: {why}")]
    Proxy { origin: SettingSource, why: &'static str },
    /// An entry that names the endpoint, with more than its host.
    #[error("the entry `{entry}` of {origin} has no effect: it must be a host name, an address or a network")]
    NoProxy { origin: SettingSource, entry: String },
    #[error("the certificates in {} from {variable} cannot be used: {why}", .path.display())]
    Certificates { variable: &'static str, path: PathBuf, why: String },
    /// Larger than [`MAX_FILE_BYTES`].
    #[error("{} is larger than the limit of {} KiB", .0.display(), MAX_FILE_BYTES >> 10)]
    TooLarge(PathBuf),
    /// Not the expected JSON. Line and column count from 1.
    #[error("{} is not a valid configuration of the prime CLI (line {line}, column {column})", .path.display())]
    BadConfig { path: PathBuf, line: usize, column: usize },
    /// Contains characters other than letters, digits, `_` and `-`.
    #[error("invalid context name from {0}: it must contain only letters, digits, `_` and `-`")]
    ContextName(SettingSource),
    #[error("the context `{name}` does not exist: cannot find {}", .path.display())]
    NoContext { name: String, path: PathBuf },
    /// Contexts are kept in the home directory.
    #[error("cannot find the context `{0}`: HOME is not set")]
    NoHome(String),
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
}

impl SettingsError {
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Endpoint { error, .. } => Some(error.help()),
            Self::Token { error, .. } => Some(error.help().to_owned()),
            Self::NoToken(_) => {
                Some(format!("set {API_KEY}, pass --token-file, or plan without the account: `plan --offline`"))
            }
            Self::BadConfig { .. } | Self::TooLarge(_) => {
                Some("fix the file, or set the token and endpoint with flags or the environment".to_owned())
            }
            Self::NoContext { .. } => {
                Some("use the name of a file in ~/.prime/environments, or `production`".to_owned())
            }
            Self::TokenUnreadable { named_by, .. } => {
                Some(format!("set {named_by} to the path of a file that contains the token"))
            }
            Self::Proxy { origin, .. } => Some(format!("correct or unset {origin}; nothing was sent")),
            Self::NoProxy { origin, .. } => {
                Some(format!("leave out `*`, the scheme, the port and the path in {origin}"))
            }
            Self::Certificates { variable, .. } => Some(format!("correct or unset {variable}; nothing was sent")),
            Self::Unreadable { .. }
            | Self::Stdin { .. }
            | Self::ContextName(_)
            | Self::NoHome(_)
            | Self::NotText(_) => None,
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::TokenFile { path, named_by } => write!(f, "{} ({named_by})", path.display()),
            Self::Stdin { named_by } => write!(f, "standard input ({named_by})"),
            Self::VendorConfig { path, context: None } => write!(f, "{}", path.display()),
            Self::VendorConfig { path, context: Some((name, named_by)) } => {
                write!(f, "{} (context {name} from {named_by})", path.display())
            }
            Self::Default => f.write_str("the default"),
        }
    }
}

impl SettingSource {
    /// The flag or the variable that a value comes from. `None` for a file that nobody named.
    pub(super) fn named_by(&self) -> Option<&'static str> {
        match self {
            Self::Flag(name) | Self::Variable(name) => Some(name),
            Self::TokenFile { named_by, .. } | Self::Stdin { named_by } => Some(named_by),
            Self::VendorConfig { .. } | Self::Default => None,
        }
    }
}

impl<T> Sourced<T> {
    pub(super) fn is_from_flag(&self) -> bool {
        matches!(self.source, SettingSource::Flag(_))
    }
}

fn shown(path: &Path, named_by: &str) -> String {
    if path.symlink_metadata().is_ok() {
        format!("{} ({named_by})", path.display())
    } else {
        format!("the file that {named_by} names")
    }
}
