//! The files that settings come from, read within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{CONTEXT, Environment, Flags, MAX_FILE_BYTES, SettingSource, SettingsError, first_of};

/// The one file of the vendor's command line that counts. Read when it is needed, so that a broken one disturbs nobody
/// who says everything otherwise.
pub(super) struct Config {
    path: Option<PathBuf>,
    /// The name, if a context was asked for: then the file must be there.
    context: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct ConfigFile {
    pub(super) api_key: Option<String>,
    pub(super) base_url: Option<String>,
}

impl Config {
    pub(super) fn of(flags: &Flags, environment: Environment<'_>) -> Result<Self, SettingsError> {
        let home = environment("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let chosen = match &flags.context {
            Some(name) => Some((name.clone(), SettingSource::Flag("--context"))),
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

    pub(super) fn read(&self) -> Result<Option<(ConfigFile, PathBuf)>, SettingsError> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let bytes = match (read_file(path), &self.context) {
            (Ok((bytes, _)), _) => bytes,
            (Err(SettingsError::Unreadable { error, .. }), context) if error.kind() == io::ErrorKind::NotFound => {
                return match context {
                    Some(name) => Err(SettingsError::NoContext { name: name.clone(), path: path.clone() }),
                    None => Ok(None),
                };
            }
            (Err(error), _) => return Err(error),
        };
        // The error's own text may quote the file, and so the token.
        let mut file: ConfigFile = serde_json::from_slice(&bytes).map_err(|error| SettingsError::BadConfig {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        file.api_key = file.api_key.filter(|text| !text.is_empty());
        file.base_url = file.base_url.filter(|text| !text.is_empty());
        Ok(Some((file, path.clone())))
    }

    pub(super) fn told(&self) -> String {
        match &self.path {
            Some(path) => format!("`api_key` in {}", path.display()),
            None => "`api_key` in ~/.prime/config.json (but HOME is not set)".to_owned(),
        }
    }
}

/// Reads a file within the bound, and tells whether others may read it too.
pub(super) fn read_file(path: &Path) -> Result<(Vec<u8>, bool), SettingsError> {
    let unreadable = |error| SettingsError::Unreadable { path: path.to_owned(), error };
    let file = File::open(path).map_err(unreadable)?;
    let readable = is_readable_by_others(&file);
    let bytes = bounded(&mut &file).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => SettingsError::TooLarge(path.to_owned()),
        _ => unreadable(error),
    })?;
    Ok((bytes, readable))
}

pub(super) fn bounded(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than a token"));
    }
    Ok(bytes)
}

/// Asked of regular files alone: the mode of a pipe (`<(…)`) says nothing.
#[cfg(unix)]
fn is_readable_by_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &File) -> bool {
    false
}
