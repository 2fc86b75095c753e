//! Which endpoint, and which token: from flags, from the environment, from the files of the vendor's own command line.
//!
//! A pure function of what is passed in and of those files. Never of a manifest: a pull request must not be able to aim
//! the pipeline's credentials.
//!
//! The order is the vendor's: the environment wins over a file, also over the file of a context that a flag chose. With
//! a context, its file is the only one that is looked at. So a token from a file goes to the endpoint of the same file,
//! or to one that a flag or the environment asks for, or else to the default; never to the endpoint of another file.

mod files;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use thiserror::Error;

use files::{Config, bounded, read_file};

use super::endpoint::{Endpoint, EndpointError};
use super::token::{Token, TokenError};

/// The most that is read of a file with a token or of a configuration file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

const API_KEY: &str = "PRIME_API_KEY";
const BASE_URLS: [&str; 2] = ["PRIME_API_BASE_URL", "PRIME_BASE_URL"];
const CONTEXT: &str = "PRIME_CONTEXT";

/// What the flags say (or the `KEYFORM_*` variables that stand for them).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--endpoint`.
    pub endpoint: Option<String>,
    /// `--token-file`; `-` is standard input.
    pub token_file: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
}

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What to speak to, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the API is.
    pub endpoint: Sourced<Endpoint>,
    /// The token, if there is one.
    pub token: Option<Sourced<Token>>,
    /// What should be said aloud.
    pub warnings: Vec<Warning>,
    looked_at: Vec<String>,
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: SettingSource,
}

/// Where a value comes from. Shown as in "token from `PRIME_API_KEY`".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// A flag.
    Flag(&'static str),
    /// The file that `--token-file` names.
    TokenFile(PathBuf),
    /// Standard input, for `--token-file -`.
    Stdin,
    /// A variable of the environment.
    Variable(&'static str),
    /// A file of the vendor's command line.
    Config(PathBuf),
    /// Nothing else was said.
    Default,
}

/// Something that works and should not be left so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Other users of this machine may read the file with the token.
    TokenFileReadable(PathBuf),
}

/// Why endpoint or token cannot be told. Shows no content of any file.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The endpoint is none.
    #[error("{error} (from {origin})")]
    Endpoint {
        /// Where it comes from.
        origin: SettingSource,
        /// What is wrong with it.
        error: EndpointError,
    },
    /// The token is none.
    #[error("the token from {origin} cannot be used: {error}")]
    Token {
        /// Where it comes from.
        origin: SettingSource,
        /// What is wrong with it.
        error: TokenError,
    },
    /// There is no token anywhere.
    #[error("no token; looked at {}", .0.join(", "))]
    NoToken(Vec<String>),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Standard input cannot be read.
    #[error("cannot read the token from standard input: {0}")]
    Stdin(io::Error),
    /// A file is larger than [`MAX_FILE_BYTES`].
    #[error("{} is larger than {} KiB, the most that is read", .0.display(), MAX_FILE_BYTES >> 10)]
    TooLarge(PathBuf),
    /// A file is not the JSON that it should be.
    #[error("{} is no configuration of the vendor's command line (line {line}, column {column})", .path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// Where reading ended, from 1.
        line: usize,
        /// Where reading ended, from 1.
        column: usize,
    },
    /// The name of a context has other characters than letters, digits, `_` and `-`.
    #[error("the name of the context from {0} cannot be used: it may hold letters, digits, `_` and `-`")]
    ContextName(SettingSource),
    /// A context without a file.
    #[error("there is no context `{name}`: {} does not exist", .path.display())]
    NoContext {
        /// The name.
        name: String,
        /// Where its file would be.
        path: PathBuf,
    },
    /// Contexts are kept in the home directory, and there is none.
    #[error("cannot look up the context `{0}`: HOME is not set")]
    NoHome(String),
    /// A variable holds bytes that are no text.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
}

/// Tells the endpoint alone: no token is looked for, no standard input read.
pub fn resolve_endpoint(flags: &Flags, environment: Environment<'_>) -> Result<Sourced<Endpoint>, SettingsError> {
    endpoint(flags, environment, &mut Config::of(flags, environment)?)
}

/// Tells endpoint and token. Reads `stdin` only for `--token-file -`.
pub fn resolve(flags: &Flags, environment: Environment<'_>, stdin: &mut dyn Read) -> Result<Settings, SettingsError> {
    let mut config = Config::of(flags, environment)?;
    let endpoint = endpoint(flags, environment, &mut config)?;
    let mut warnings = Vec::new();
    let token = token(flags, environment, &mut config, stdin, &mut warnings)?;
    let looked_at = vec!["--token-file".to_owned(), API_KEY.to_owned(), config.told()];
    Ok(Settings { endpoint, token, warnings, looked_at })
}

impl Settings {
    /// The token; its absence is an error that lists each place looked at.
    pub fn require_token(&self) -> Result<&Sourced<Token>, SettingsError> {
        self.token.as_ref().ok_or_else(|| SettingsError::NoToken(self.looked_at.clone()))
    }
}

impl SettingsError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Endpoint { error, .. } => Some(error.help()),
            Self::Token { error, .. } => Some(error.help().to_owned()),
            Self::NoToken(_) => Some(format!(
                "set {API_KEY}, name a file with --token-file, or plan without the account: `plan --offline`"
            )),
            Self::BadConfig { .. } | Self::TooLarge(_) => {
                Some("repair the file, or set token and endpoint by flags or environment".to_owned())
            }
            Self::NoContext { .. } => Some("the contexts are the files in ~/.prime/environments".to_owned()),
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
            Self::TokenFile(path) | Self::Config(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("standard input"),
            Self::Default => f.write_str("the default"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenFileReadable(path) => {
                write!(f, "other users of this machine may read the token in {}: `chmod 600` it", path.display())
            }
        }
    }
}

fn endpoint(
    flags: &Flags,
    environment: Environment<'_>,
    config: &mut Config,
) -> Result<Sourced<Endpoint>, SettingsError> {
    let (text, source) = if let Some(text) = &flags.endpoint {
        (text.clone(), SettingSource::Flag("--endpoint"))
    } else if let Some(found) = first_of(environment, &BASE_URLS)? {
        found
    } else if let Some((text, path)) = config.read()?.and_then(|(file, path)| Some((file.base_url?, path))) {
        (text, SettingSource::Config(path))
    } else {
        return Ok(Sourced { value: Endpoint::default(), source: SettingSource::Default });
    };
    match Endpoint::parse(&text) {
        Ok(value) => Ok(Sourced { value, source }),
        Err(error) => Err(SettingsError::Endpoint { origin: source, error }),
    }
}

fn token(
    flags: &Flags,
    environment: Environment<'_>,
    config: &mut Config,
    stdin: &mut dyn Read,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Sourced<Token>>, SettingsError> {
    let (text, source) = if let Some(path) = &flags.token_file {
        if path.as_os_str() == "-" {
            let bytes = bounded(stdin).map_err(SettingsError::Stdin)?;
            (text_of(bytes, &SettingSource::Stdin)?, SettingSource::Stdin)
        } else {
            let source = SettingSource::TokenFile(path.clone());
            let (bytes, readable) = read_file(path)?;
            if readable {
                warnings.push(Warning::TokenFileReadable(path.clone()));
            }
            (text_of(bytes, &source)?, source)
        }
    } else if let Some(found) = first_of(environment, &[API_KEY])? {
        found
    } else if let Some((text, path)) = config.read()?.and_then(|(file, path)| Some((file.api_key?, path))) {
        (text, SettingSource::Config(path))
    } else {
        return Ok(None);
    };
    match Token::parse(&text) {
        Ok(value) => Ok(Some(Sourced { value, source })),
        Err(error) => Err(SettingsError::Token { origin: source, error }),
    }
}

fn text_of(bytes: Vec<u8>, origin: &SettingSource) -> Result<String, SettingsError> {
    String::from_utf8(bytes).map_err(|_| SettingsError::Token { origin: origin.clone(), error: TokenError::NonAscii })
}

/// The first of some variables that is set. An empty one counts as unset, as it does for the vendor.
fn first_of(
    environment: Environment<'_>,
    names: &[&'static str],
) -> Result<Option<(String, SettingSource)>, SettingsError> {
    for name in names {
        if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
            let text = value.into_string().map_err(|_| SettingsError::NotText(name))?;
            return Ok(Some((text, SettingSource::Variable(name))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
