//! The endpoint and the token: from flags, from the environment, from the files of the vendor's own command line.
//!
//! They depend on nothing else, and never on a manifest: a pull request must not be able to redirect the pipeline's
//! credentials.
//!
//! The order is the vendor's: the environment wins over a file, even over the file of a context that a flag chose. With
//! a context, only its file is read. So a token from a file is sent to the endpoint of the same file, to one from a flag
//! or the environment, or to the default; never to the endpoint of another file.

mod error;
mod vendor;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use error::{MAX_FILE_BYTES, SettingSource, SettingsError};
pub use vendor::Environment;

use error::API_KEY;
use vendor::{VendorConfig, first_of, read_file, read_within_bound};

use super::endpoint::Endpoint;
use super::token::{Token, TokenError};

const BASE_URLS: [&str; 2] = ["PRIME_API_BASE_URL", "PRIME_BASE_URL"];

/// The flags, or the `KEYFORM_*` variables for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--endpoint`.
    pub endpoint: Option<String>,
    /// `--token-file`; `-` is standard input.
    pub token_file: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub endpoint: Sourced<Endpoint>,
    pub token: Sourced<Token>,
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub source: SettingSource,
}

/// Resolves the endpoint alone: neither a token file nor standard input is read.
pub fn resolve_endpoint(flags: &Flags, environment: Environment<'_>) -> Result<Sourced<Endpoint>, SettingsError> {
    endpoint(flags, environment, &VendorConfig::find(flags.context.as_deref(), environment)?)
}

/// Resolves endpoint and token. Reads `stdin` only for `--token-file -`.
pub fn resolve(flags: &Flags, environment: Environment<'_>, stdin: &mut dyn Read) -> Result<Settings, SettingsError> {
    let config = VendorConfig::find(flags.context.as_deref(), environment)?;
    let endpoint = endpoint(flags, environment, &config)?;
    let token = token(flags, environment, &config, stdin)?;
    Ok(Settings { endpoint, token })
}

impl Settings {
    /// Warns of a token file that other users of this machine may read.
    pub fn warning(&self) -> Option<String> {
        match &self.token.source {
            SettingSource::TokenFile(path) if is_readable_by_others(path) => Some(format!(
                "other users of this machine can read the token in {}; run `chmod 600` on it",
                path.display()
            )),
            _ => None,
        }
    }
}

fn endpoint(
    flags: &Flags,
    environment: Environment<'_>,
    config: &VendorConfig,
) -> Result<Sourced<Endpoint>, SettingsError> {
    let (text, source) = if let Some(text) = &flags.endpoint {
        (text.clone(), SettingSource::Flag("--endpoint"))
    } else if let Some(found) = first_of(environment, &BASE_URLS)? {
        found
    } else if let Some((text, path)) = config.read()?.and_then(|(file, path)| Some((file.base_url?, path))) {
        (text, SettingSource::VendorConfig(path))
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
    config: &VendorConfig,
    stdin: &mut dyn Read,
) -> Result<Sourced<Token>, SettingsError> {
    let (text, source) = if let Some(path) = &flags.token_file {
        let (bytes, source) = if path.as_os_str() == "-" {
            (read_within_bound(stdin).map_err(SettingsError::Stdin)?, SettingSource::Stdin)
        } else {
            (read_file(path)?, SettingSource::TokenFile(path.clone()))
        };
        match String::from_utf8(bytes) {
            Ok(text) => (text, source),
            Err(_) => return Err(SettingsError::Token { origin: source, error: TokenError::NonAscii }),
        }
    } else if let Some(found) = first_of(environment, &[API_KEY])? {
        found
    } else if let Some((text, path)) = config.read()?.and_then(|(file, path)| Some((file.api_key?, path))) {
        (text, SettingSource::VendorConfig(path))
    } else {
        return Err(SettingsError::NoToken(config.token_place()));
    };
    match Token::parse(&text) {
        Ok(value) => Ok(Sourced { value, source }),
        Err(error) => Err(SettingsError::Token { origin: source, error }),
    }
}

/// Checks regular files alone: the mode of a pipe (`<(…)`) says nothing.
#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
