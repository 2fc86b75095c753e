//! The environment, and the configuration files of the vendor's command line, which are read within a bound.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files::read_stream;

use super::error::{MAX_FILE_BYTES, SettingSource, SettingsError};

const CONTEXT: &str = "PRIME_CONTEXT";

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The configuration file of the prime CLI that is used. Read only if a value from it is needed: an invalid file does not
/// matter if all values come from elsewhere.
pub(super) struct VendorConfig {
    path: Option<PathBuf>,
    /// The name of the context, if one was chosen: then the file must exist.
    context: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct VendorFile {
    pub(super) api_key: Option<String>,
    pub(super) base_url: Option<String>,
}

impl VendorConfig {
    /// Finds the file of the context that the flag or the environment chooses, or else the common one. Does not read it.
    pub(super) fn find(context: Option<&str>, environment: Environment<'_>) -> Result<Self, SettingsError> {
        let home = environment("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let chosen = match context {
            Some(name) => Some((name.to_owned(), SettingSource::Flag("--context"))),
            None => first_of(environment, &[CONTEXT])?,
        };
        let Some((name, source)) = chosen else {
            return Ok(Self { path: home.map(|home| home.join(".prime").join("config.json")), context: None });
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(SettingsError::ContextName(source));
        }
        let home = home.ok_or_else(|| SettingsError::NoHome(name.clone()))?;
        let path = home.join(".prime").join("environments").join(format!("{name}.json"));
        Ok(Self { path: Some(path), context: Some(name) })
    }

    /// Reads the file, if it exists. Empty values count as missing.
    pub(super) fn read(&self) -> Result<Option<(VendorFile, PathBuf)>, SettingsError> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let bytes = match (read_file(path), &self.context) {
            (Ok(bytes), _) => bytes,
            (Err(SettingsError::Unreadable { error, .. }), context) if error.kind() == io::ErrorKind::NotFound => {
                return match context {
                    Some(name) => Err(SettingsError::NoContext { name: name.clone(), path: path.clone() }),
                    None => Ok(None),
                };
            }
            (Err(error), _) => return Err(error),
        };
        // The text of the error may quote the file, and so the token.
        let mut file: VendorFile = serde_json::from_slice(&bytes).map_err(|error| SettingsError::BadConfig {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        file.api_key = file.api_key.filter(|text| !text.is_empty());
        file.base_url = file.base_url.filter(|text| !text.is_empty());
        Ok(Some((file, path.clone())))
    }

    /// Says where the file has a token, for the error about a missing token.
    pub(super) fn token_place(&self) -> String {
        match &self.path {
            Some(path) => format!("`api_key` in {}", path.display()),
            None => "`api_key` in ~/.prime/config.json (but HOME is not set)".to_owned(),
        }
    }
}

/// Returns the first of some variables that is set. An empty one counts as unset, as it does for the vendor.
pub(super) fn first_of(
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

/// Reads a file, or a pipe, of up to [`MAX_FILE_BYTES`].
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, SettingsError> {
    let bytes = File::open(path).and_then(read_within_bound);
    bytes.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => SettingsError::TooLarge(path.to_owned()),
        _ => SettingsError::Unreadable { path: path.to_owned(), error },
    })
}

/// Reads up to [`MAX_FILE_BYTES`]; more is an error of the kind `FileTooLarge`.
pub(super) fn read_within_bound(input: impl Read) -> io::Result<Vec<u8>> {
    read_stream(input, MAX_FILE_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than a token"),
        _ => error,
    })
}
