//! The endpoint and the token: from flags, from the environment, from the files of the vendor's own command line.
//!
//! They depend on nothing else, and never on a manifest: a pull request must not be able to redirect the pipeline's
//! credentials.
//!
//! A flag wins over the environment, and that over a file; a context that a flag chose wins over the environment as the
//! flag does. With a context, only its file is read. So a token from a file is sent to the endpoint of the same file, to
//! one from a flag or the environment, or to the default; never to the endpoint of another file.

mod connection;
mod error;
mod vendor;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use connection::resolve_connection;
pub use error::{MAX_FILE_BYTES, SettingSource, SettingsError, Sourced};
pub use vendor::{Environment, contexts};

use error::API_KEY;
use vendor::{VendorConfig, first_of};

use super::endpoint::Endpoint;
use super::token::{Token, TokenError};
use crate::files::read_stream;

/// The folder of the checkout, in a job of GitLab.
const GITLAB_CHECKOUT: &str = "CI_PROJECT_DIR";

const BASE_URLS: [&str; 2] = ["PRIME_API_BASE_URL", "PRIME_BASE_URL"];

/// The flags, or the `KEYFORM_*` variables for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--endpoint`.
    pub endpoint: Option<Sourced<String>>,
    /// `--token-file`; `-` is standard input.
    pub token_file: Option<Sourced<PathBuf>>,
    /// `--context`.
    pub context: Option<Sourced<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub endpoint: Sourced<Endpoint>,
    pub token: Sourced<Token>,
}

/// Resolves the endpoint alone: neither a token file nor standard input is read.
pub fn resolve_endpoint(flags: &Flags, environment: Environment<'_>) -> Result<Sourced<Endpoint>, SettingsError> {
    endpoint(flags, environment, &VendorConfig::find(flags.context.as_ref(), environment)?)
}

/// Resolves endpoint and token. Reads `stdin` only for `--token-file -`.
pub fn resolve(flags: &Flags, environment: Environment<'_>, stdin: &mut dyn Read) -> Result<Settings, SettingsError> {
    let config = VendorConfig::find(flags.context.as_ref(), environment)?;
    let endpoint = endpoint(flags, environment, &config)?;
    let token = token(flags, environment, &config, stdin)?;
    Ok(Settings { endpoint, token })
}

impl Settings {
    /// Warns of a token file that other users of this machine may read, and that the user can change: not of one that the
    /// runner or Kubernetes mounts.
    pub fn warning(&self, environment: Environment<'_>) -> Option<String> {
        match &self.token.source {
            SettingSource::TokenFile { path, .. } if is_of_gitlab(path, environment) => None,
            SettingSource::TokenFile { path, .. } if is_readable_by_others(path) => Some(format!(
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
    let of_file = || Ok(config.read()?.and_then(|(file, source)| Some((file.base_url?, source))));
    let given = flags.endpoint.as_ref().filter(|given| given.is_from_flag() || !config.is_from_flag());
    let found = if let Some(Sourced { value, source }) = given {
        Some((value.clone(), source.clone()))
    } else if config.is_from_flag() {
        of_file()?
    } else {
        match first_of(environment, &BASE_URLS)? {
            Some(found) => Some(found),
            None => of_file()?,
        }
    };
    let Some((text, source)) = found else {
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
    let of_file =
        || Ok::<_, SettingsError>(config.read()?.and_then(|(file, source)| Some((file.api_key?.into_bytes(), source))));
    let (given, read) = (flags.token_file.as_ref(), config.is_from_flag());
    let mut found = match given {
        Some(given) if given.is_from_flag() => Some(read_token(given, stdin)?),
        _ if read => of_file()?,
        _ => None,
    };
    if found.is_none() {
        found = given.map(|given| read_token(given, stdin)).transpose()?;
    }
    if found.is_none() {
        found = first_of(environment, &[API_KEY])?.map(|(text, source)| (text.into_bytes(), source));
    }
    if found.is_none() && !read {
        found = of_file()?;
    }
    let Some((bytes, source)) = found else { return Err(SettingsError::NoToken(config.token_place())) };
    let parsed = String::from_utf8(bytes).map_err(|_| TokenError::NonAscii).and_then(|text| Token::parse(&text));
    match parsed {
        Ok(value) => Ok(Sourced { value, source }),
        Err(error) => Err(SettingsError::Token { origin: source, error }),
    }
}

/// Reads the file of a token, which may be a pipe (`<(…)`), or standard input.
fn read_token(file: &Sourced<PathBuf>, stdin: &mut dyn Read) -> Result<(Vec<u8>, SettingSource), SettingsError> {
    let named_by = file.source.named_by().unwrap_or("--token-file");
    let path = file.value.clone();
    if path.as_os_str() == "-" {
        let bytes = read_stream(stdin, MAX_FILE_BYTES).map_err(|error| SettingsError::Stdin { named_by, error })?;
        return Ok((bytes, SettingSource::Stdin { named_by }));
    }
    match File::open(&path).and_then(|file| read_stream(file, MAX_FILE_BYTES)) {
        Ok(bytes) => Ok((bytes, SettingSource::TokenFile { path, named_by })),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(SettingsError::TooLarge(path)),
        Err(error) => Err(SettingsError::TokenUnreadable { path, named_by, error }),
    }
}

/// Whether GitLab wrote the file for this job, from a variable of the type "File". The runner chooses its mode, 0666, and
/// its folder, next to the checkout.
fn is_of_gitlab(path: &Path, environment: Environment<'_>) -> bool {
    let Some(mut folder) = environment(GITLAB_CHECKOUT) else { return false };
    folder.push(".tmp");
    path.parent() == Some(Path::new(&folder))
}

/// Checks regular files of this user alone, and only where they can be changed: the mode of a pipe (`<(…)`) says nothing.
#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let is_read_only =
        rustix::fs::statvfs(path).is_ok_and(|mount| mount.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    std::fs::metadata(path).is_ok_and(|found| {
        let is_own = found.uid() == rustix::process::geteuid().as_raw();
        // Without permission to write, the owner chose the mode, or a tool that mounts secrets did.
        let is_writable = found.mode() & 0o200 != 0;
        found.is_file() && found.mode() & 0o077 != 0 && is_own && is_writable && !is_read_only
    })
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
