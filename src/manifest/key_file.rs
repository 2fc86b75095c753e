//! Reads the file that `publicKeyFile` names, inside the folder of the manifest and nowhere else.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use super::code::Code;
use super::encoding::{Encoding, ForeignText, decode};
use super::limits::MAX_KEY_FILE_BYTES;
use crate::files::{self, folder_of, is_special};
use crate::public_key::{PublicKey, PublicKeyError, private};

/// The key files that were read, each once, however many entries name it.
#[derive(Debug, Default)]
pub(crate) struct KeyFiles {
    /// By their paths, links followed.
    read: HashMap<PathBuf, Result<ParsedFile, KeyFileError>>,
}

/// What a file that could be read is.
type ParsedFile = Result<PublicKey, PublicKeyError>;

impl KeyFiles {
    /// Reads the key file that is called `name` in the manifest file `manifest`.
    pub(crate) fn read(&mut self, manifest: &Path, name: &str) -> Result<ParsedFile, KeyFileError> {
        if !stays_inside(Path::new(name)) {
            return Err(KeyFileError::Path);
        }
        let folder = folder_of(manifest).canonicalize()?;
        let path = folder.join(name).canonicalize()?;
        if !path.starts_with(&folder) {
            return Err(KeyFileError::Outside);
        }
        match self.read.entry(path) {
            Entry::Occupied(read) => read.get().clone(),
            Entry::Vacant(new) => {
                let read = read_text(new.key()).map(|text| PublicKey::parse(&text));
                new.insert(read).clone()
            }
        }
    }
}

fn read_text(path: &Path) -> Result<String, KeyFileError> {
    match decode(files::read(path, MAX_KEY_FILE_BYTES)?) {
        Ok(text) => Ok(text),
        // Said first, as the other mistakes in a private key do not matter.
        Err(ForeignText { text, .. }) if !private::find(&text).is_empty() => Ok(text),
        Err(ForeignText { encoding: Some(encoding), .. }) => Err(KeyFileError::Encoding(encoding)),
        Err(ForeignText { encoding: None, .. }) => Err(KeyFileError::NotText),
    }
}

/// Continues a sentence that begins with the file's name. Never repeats the file's content or where a link leads.
#[derive(Debug, Clone, Error)]
pub(crate) enum KeyFileError {
    #[error("is not a path inside the folder of the manifest")]
    Path,
    #[error("leads out of the folder of the manifest through a symbolic link")]
    Outside,
    #[error("does not exist")]
    Missing,
    #[error("is not a regular file")]
    Kind,
    #[error("is larger than {MAX_KEY_FILE_BYTES} bytes")]
    TooLarge,
    #[error("is encoded in {0}, not in UTF-8")]
    Encoding(Encoding),
    #[error("is not UTF-8")]
    NotText,
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
}

impl KeyFileError {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Path => Code::KeyFilePath,
            Self::Outside => Code::KeyFileOutside,
            Self::Missing => Code::KeyFileMissing,
            Self::Kind => Code::KeyFileKind,
            Self::TooLarge => Code::KeyFileTooLarge,
            Self::Encoding(_) | Self::NotText => Code::KeyFileNotText,
            Self::Unreadable(_) => Code::KeyFileUnreadable,
        }
    }

    /// Says what to do about the file that the manifest calls `name`.
    pub(crate) fn help(&self, name: &str) -> String {
        let help = match self {
            Self::Encoding(encoding) => return encoding.conversion(name),
            Self::Path | Self::Outside => {
                "move the file into the folder of the manifest, and use a path relative to the manifest"
            }
            Self::Missing => "check the path, which is relative to the manifest",
            Self::Kind | Self::TooLarge | Self::NotText => "use the path of a `.pub` file",
            Self::Unreadable(_) => "check its permissions",
        };
        help.to_owned()
    }
}

impl From<io::Error> for KeyFileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::IsADirectory => Self::Kind,
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            _ if is_special(&error) => Self::Kind,
            kind => Self::Unreadable(kind),
        }
    }
}

/// Returns whether a path is relative and its `..` never lead above its beginning, links aside.
fn stays_inside(path: &Path) -> bool {
    let mut depth = 0_usize;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_however_it_is_named() {
        const KEYS: [&str; 2] = [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMpuL/PJVHfxRmQdl1zlG/VdCZyQggC0vJiGqUoL8hU4",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEeUKEcbY4DruMvkUhZRyGsf6miIWcTaBIyJcErS/9S",
        ];
        let folder = tempfile::tempdir().unwrap();
        let (path, manifest) = (folder.path().join("a.pub"), folder.path().join("keys.yaml"));
        let mut files = KeyFiles::default();
        for text in KEYS {
            std::fs::write(&path, text).unwrap();
            for name in ["a.pub", "./a.pub"] {
                assert_eq!(files.read(&manifest, name).unwrap().unwrap().to_line(), KEYS[0]);
            }
        }
    }

    #[test]
    fn a_path_that_leaves_is_seen_before_the_disk_is_asked() {
        for good in ["a.pub", "keys/a.pub", "./a.pub", "keys/../a.pub", "a..b", "..a"] {
            assert!(stays_inside(Path::new(good)), "{good}");
        }
        for bad in ["", ".", "..", "../a.pub", "/etc/passwd", "keys/../../a.pub", "a/..", "../m/a.pub"] {
            assert!(!stays_inside(Path::new(bad)), "{bad}");
        }
    }
}
