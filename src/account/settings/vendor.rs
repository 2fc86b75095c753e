//! The environment, and the configuration files of the vendor's command line, which are read within a bound.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files;

use super::error::{MAX_FILE_BYTES, SettingSource, SettingsError, Sourced};

const CONTEXT: &str = "PRIME_CONTEXT";

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The configuration file of the prime CLI that is used. Read only if a value from it is needed: an invalid file does not
/// matter if all values come from elsewhere.
pub(super) struct VendorConfig {
    path: Option<PathBuf>,
    /// The context that was chosen, if any.
    context: Option<Sourced<String>>,
}

#[derive(Deserialize, Default)]
pub(super) struct VendorFile {
    pub(super) api_key: Option<String>,
    pub(super) base_url: Option<String>,
}

impl VendorConfig {
    /// Finds the file of the context that the flag or the environment chooses, or else the common one. Does not read it.
    pub(super) fn find(context: Option<&Sourced<String>>, environment: Environment<'_>) -> Result<Self, SettingsError> {
        let folder = environment("HOME").filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join(".prime"));
        let common = folder.as_ref().map(|folder| folder.join("config.json"));
        let chosen = match context {
            Some(context) => Some(context.clone()),
            None => first_of(environment, &[CONTEXT])?.map(|(value, source)| Sourced { value, source }),
        };
        let Some(context) = chosen else { return Ok(Self { path: common, context: None }) };
        let name = &context.value;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(SettingsError::ContextName(context.source));
        }
        let path = if is_production(name) {
            common
        } else {
            let folder = folder.ok_or_else(|| SettingsError::NoHome(name.clone()))?;
            Some(folder.join("environments").join(format!("{name}.json")))
        };
        Ok(Self { path, context: Some(context) })
    }

    /// Whether a flag chose the context: then its values win over the environment.
    pub(super) fn is_from_flag(&self) -> bool {
        self.context.as_ref().is_some_and(Sourced::is_from_flag)
    }

    /// Reads the file, if it exists. Empty values count as missing.
    ///
    /// The context `production` has no file: prime 0.18.0 takes its token from the common file, and the default endpoint.
    pub(super) fn read(&self) -> Result<Option<(VendorFile, SettingSource)>, SettingsError> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let name = self.context.as_ref().map(|context| &context.value);
        let is_production = name.is_some_and(|name| is_production(name));
        let bytes = match read_file(path) {
            Ok(bytes) => bytes,
            Err(SettingsError::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                return match name.filter(|_| !is_production) {
                    Some(name) => Err(SettingsError::NoContext { name: name.clone(), path: path.clone() }),
                    None => Ok(None),
                };
            }
            Err(error) => return Err(error),
        };
        // The text of the error may quote the file, and so the token.
        let mut file: VendorFile = serde_json::from_slice(&bytes).map_err(|error| SettingsError::BadConfig {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        file.api_key = file.api_key.filter(|text| !text.is_empty());
        file.base_url = file.base_url.filter(|text| !text.is_empty() && !is_production);
        let context = self
            .context
            .as_ref()
            .map(|Sourced { value, source }| (value.clone(), source.named_by().unwrap_or(CONTEXT)));
        Ok(Some((file, SettingSource::VendorConfig { path: path.clone(), context })))
    }

    /// Says where the file has a token, for the error about a missing token.
    pub(super) fn token_place(&self) -> String {
        match &self.path {
            Some(path) => format!("`api_key` in {}", path.display()),
            None => "`api_key` in ~/.prime/config.json (but HOME is not set)".to_owned(),
        }
    }
}

/// Returns the names of the contexts that have a file, and `production`, which needs none.
pub fn contexts(environment: Environment<'_>) -> Vec<String> {
    let folder = environment("HOME").map(|home| PathBuf::from(home).join(".prime").join("environments"));
    let files = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let with_file = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let mut names: Vec<_> = with_file.chain(["production".to_owned()]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn is_production(context: &str) -> bool {
    context.eq_ignore_ascii_case("production")
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

/// Reads a file of up to [`MAX_FILE_BYTES`], not a pipe.
fn read_file(path: &Path) -> Result<Vec<u8>, SettingsError> {
    files::read_followed(path, MAX_FILE_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => SettingsError::TooLarge(path.to_owned()),
        _ => SettingsError::Unreadable { path: path.to_owned(), error },
    })
}
