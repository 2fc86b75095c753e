//! Reading, replacing and locking files: bounded, atomic, and regular files only.
//!
//! A repository can contain symbolic links, and a pull request can add one. A file that is written is therefore never
//! reached through a link at its own name; links among the folders above it are followed.

mod lock;
mod read;
mod write;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) use lock::{HeldLock, try_lock};
pub(crate) use read::{is_too_large, open_to_read, read, read_followed, read_stream};
pub(crate) use write::{create, open_to_append, replace, sync_folder, write_temporary};

/// The largest file of a kind that keyform writes itself, in bytes: several times that of 200,000 keys.
pub(crate) const MAX_OWN_BYTES: u64 = 2 << 30;

/// Why a file is not read or written, although the system would allow it.
#[derive(Debug, Error)]
enum Unusable {
    #[error("it is a symbolic link, which is not followed")]
    Link,
    #[error("not a regular file")]
    Special,
}

/// Returns the folder that contains a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Appends `suffix` to the file name.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses links, pipes, devices and sockets: reading one may never end, and replacing `/dev/null` breaks the machine.
/// Accepts folders and missing files, whose use then fails.
///
/// # Errors
/// See [`is_special`].
pub(crate) fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(unusable(Unusable::Link)),
        Ok(found) if !is_file_or_folder(&found) => Err(unusable(Unusable::Special)),
        _ => Ok(()),
    }
}

/// Returns whether an error says that a file is not a regular one.
pub(crate) fn is_special(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Unusable>)
}

fn unusable(why: Unusable) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Lets folders pass: the system's own error, that they cannot be read or written, says more.
fn is_file_or_folder(found: &fs::Metadata) -> bool {
    found.is_file() || found.is_dir()
}

/// Refuses an opened file that is not a regular one. Its path can have led to another file before.
fn regular(file: File) -> io::Result<File> {
    if is_file_or_folder(&file.metadata()?) { Ok(file) } else { Err(unusable(Unusable::Special)) }
}

/// Adds flags to options: do not follow a link at the path itself, and do not wait for the other end of a pipe.
fn direct(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    options
}

/// Returns whether a path still leads to an opened file: it may have been deleted or replaced.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let opened = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(found.dev() == opened.dev() && found.ino() == opened.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}
