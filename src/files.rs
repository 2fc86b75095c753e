//! Reading, replacing and locking files: bounded, atomic, and regular files only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

/// The largest file of a kind that keyform writes itself, in bytes: several times that of 200,000 keys.
pub(crate) const MAX_OWN_BYTES: u64 = 2 << 30;

/// Links in a row that are followed, as many as Linux follows.
const MAX_LINKS: usize = 40;

/// How much of a lock file's text is read, in bytes.
const MAX_HOLDER_BYTES: u64 = 4096;

#[derive(Debug, Error)]
#[error("not a regular file")]
struct Special;

#[derive(Debug, Error)]
#[error("larger than {0} bytes")]
struct TooLarge(u64);

/// Returns the folder that contains a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Follows symbolic links at `path`. The file at the end may be missing.
pub(crate) fn target_of(path: &Path) -> PathBuf {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = folder_of(&target).join(next);
    }
    target
}

/// Appends `suffix` to the file name.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses pipes, devices and sockets, also at the end of a link: reading one may never end, and replacing `/dev/null`
/// breaks the machine. Accepts folders and missing files, whose use then fails.
///
/// # Errors
/// See [`is_special`].
pub(crate) fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !is_file_or_folder(&found) => Err(special()),
        _ => Ok(()),
    }
}

/// Returns whether an error says that a file is not a regular one.
pub(crate) fn is_special(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Special>)
}

/// Returns whether an error says that a file is longer than the reader allows. A full disk can have the same kind.
pub(crate) fn is_too_large(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooLarge>)
}

/// Reads a regular file of up to `max` bytes. Does not follow a link at `path` itself, and never blocks on a pipe.
///
/// # Errors
/// [`is_special`] for links, pipes, devices and sockets; `FileTooLarge` for more than `max` bytes; `IsADirectory`.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let before = fs::symlink_metadata(path)?;
    if !is_file_or_folder(&before) {
        return Err(special());
    }
    let file = File::open(path)?;
    if !is_same(&before, &file.metadata()?) {
        return Err(special());
    }
    read_stream(file, max)
}

/// Reads all of a stream that may be a pipe, up to `max` bytes.
///
/// # Errors
/// `FileTooLarge` for more than `max` bytes.
pub(crate) fn read_stream(stream: impl Read, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max) {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, TooLarge(max)))
    }
}

/// Replaces a file atomically, or creates it. Durable on return. Returns the new file, positioned at its end.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let temporary = write_temporary(path, bytes)?;
    temporary.as_file().sync_all()?;
    let file = temporary.persist(path)?;
    sync_folder(folder_of(path))?;
    Ok(file)
}

/// Creates a file atomically, with all of its bytes. Durable on return.
///
/// # Errors
/// `AlreadyExists` if the path exists, even as a dangling link.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist_noclobber(path)?;
    sync_folder(folder_of(path))
}

/// Writes a temporary file next to `path`, with the permissions of `path`, or of any new file. Not synced.
pub(crate) fn write_temporary(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".keyform-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_or(0o666, |metadata| metadata.permissions().mode() & 0o777);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder, and makes renames durable itself.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Locks a file until the result is dropped or the process ends, and writes `holder` into it. Creates it if it is
/// missing; does not follow a link. Never waits: if another process has the lock, returns the `holder` that it wrote.
pub(crate) fn try_lock(path: &Path, holder: &str) -> io::Result<Result<File, String>> {
    if fs::symlink_metadata(path).is_ok_and(|found| !is_file_or_folder(&found)) {
        return Err(special());
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if !is_same(&fs::symlink_metadata(path)?, &file.metadata()?) {
        return Err(special());
    }
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(holder.as_bytes())?;
            Ok(Ok(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut other = String::new();
            // The holder may be writing its text just now, so a partial one is not an error.
            let _ = file.take(MAX_HOLDER_BYTES).read_to_string(&mut other);
            Ok(Err(other))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn special() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, Special)
}

/// Lets folders pass: the system's own error, that they cannot be read or written, says more.
fn is_file_or_folder(found: &fs::Metadata) -> bool {
    found.is_file() || found.is_dir()
}

/// Returns whether the opened file is the one that was examined: another process may swap a file for a link in between.
#[cfg(unix)]
fn is_same(examined: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    examined.dev() == opened.dev() && examined.ino() == opened.ino()
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    is_file_or_folder(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(folder.path(), 4).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(read(&folder.path().join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_are_not_read_and_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "text").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for special in [link.as_path(), Path::new("/dev/null")] {
            assert!(is_special(&read(special, 5).unwrap_err()), "{}", special.display());
            assert!(is_special(&try_lock(special, "me").unwrap_err()), "{}", special.display());
        }
        assert_eq!(read(&target_of(&link), 5).unwrap(), b"text");
    }

    #[test]
    fn a_file_is_replaced_whole_and_created_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, b"first").unwrap();
        assert_eq!(create(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, b"third").unwrap().write_all(b", and more").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third, and more");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_names_its_holder_and_ends_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = sibling(&folder.path().join("file"), ".lock");
        let lock = try_lock(&path, "the first").unwrap().unwrap();
        assert_eq!(try_lock(&path, "me").unwrap().unwrap_err(), "the first");
        drop(lock);
        try_lock(&path, "the second").unwrap().unwrap();
    }
}
