//! Where settings come from, and what can be wrong with them.

use std::fmt;
use std::io;
use std::path::PathBuf;

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
    /// The file that `--token-file` names.
    TokenFile(PathBuf),
    /// Standard input, for `--token-file -`.
    Stdin,
    Variable(&'static str),
    /// A configuration file of the vendor's command line.
    VendorConfig(PathBuf),
    Default,
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
    #[error("cannot read the token from standard input: {0}")]
    Stdin(io::Error),
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
            Self::NoContext { .. } => Some("use the name of a file in ~/.prime/environments".to_owned()),
            Self::Unreadable { .. } | Self::Stdin(_) | Self::ContextName(_) | Self::NoHome(_) | Self::NotText(_) => {
                None
            }
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::TokenFile(path) | Self::VendorConfig(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("standard input"),
            Self::Default => f.write_str("the default"),
        }
    }
}
