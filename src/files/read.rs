//! Reading within a bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;

use super::{Unusable, direct, refuse_special, regular, unusable};

/// How many bytes are asked for beyond the length of a file. Some files of `/proc` refuse to be read byte by byte.
const BEYOND: u64 = 4096;

#[derive(Debug, Error)]
#[error("larger than {0} bytes")]
struct TooLarge(u64);

/// Reads a regular file of up to `max` bytes. Does not follow a link at `path` itself, and never blocks.
///
/// # Errors
/// [`is_special`](super::is_special) for links, pipes, devices, sockets, and files of `/proc` that have no length;
/// `FileTooLarge` for more than `max` bytes; `IsADirectory`.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    read_all(&open_to_read(path)?, max)
}

/// Reads as [`read`] does, but follows links. For files that the user names and that are not written.
pub(crate) fn read_followed(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    read(&path.canonicalize()?, max)
}

/// Opens a regular file or a folder. Does not follow a link at `path` itself, and never blocks.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    // Opening a device can have an effect.
    refuse_special(path)?;
    regular(direct(OpenOptions::new().read(true)).open(path)?)
}

/// Reads all of a stream that may be a pipe, up to `max` bytes.
///
/// # Errors
/// `FileTooLarge` for more than `max` bytes.
pub(crate) fn read_stream(stream: impl Read, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if length(&bytes) <= max { Ok(bytes) } else { Err(too_large(max)) }
}

/// Reads an opened file, which may grow meanwhile.
///
/// Never more than its length: `/proc/self/pagemap` claims to be a regular file of no length, and does not end.
fn read_all(file: &File, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut known = file.metadata()?.len();
    loop {
        if known > max {
            return Err(too_large(max));
        }
        let beyond = known.saturating_sub(length(&bytes)).saturating_add(BEYOND);
        file.take(beyond).read_to_end(&mut bytes)?;
        if length(&bytes) <= known {
            return Ok(bytes);
        }
        known = file.metadata()?.len();
        if length(&bytes) > known {
            return Err(unusable(Unusable::Special));
        }
    }
}

/// Returns whether an error says that a file is longer than the reader allows. A full disk can have the same kind.
pub(crate) fn is_too_large(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooLarge>)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn too_large(max: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, TooLarge(max))
}

#[cfg(test)]
mod tests {
    use std::fs;
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::is_special;

    #[test]
    fn a_read_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_stream(&b"12345"[..], 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(folder.path(), 4096).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(read(&folder.path().join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, "").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_only_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "text").unwrap();
        symlink(&path, &link).unwrap();
        assert!(is_special(&read(&link, 5).unwrap_err()));
        assert_eq!(read_followed(&link, 5).unwrap(), b"text");
        // Also a link that appears after the path was examined.
        let swapped = direct(OpenOptions::new().read(true)).open(&link);
        assert_eq!(swapped.unwrap_err().raw_os_error(), Some(libc::ELOOP));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_not_a_file_on_a_disk_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let socket = folder.path().join("socket");
        for special in
            ["/dev/zero", "/proc/self/pagemap", "/proc/self/maps", pipe.to_str().unwrap(), socket.to_str().unwrap()]
        {
            let link = folder.path().join("link");
            symlink(special, &link).unwrap();
            for error in [read(Path::new(special), 1 << 30), read(&link, 1 << 30), read_followed(&link, 1 << 30)] {
                assert!(is_special(&error.unwrap_err()), "{special}");
            }
            fs::remove_file(&link).unwrap();
        }
        // Also a pipe that appears after the path was examined: it is opened without waiting for a writer.
        let opened = direct(OpenOptions::new().read(true)).open(&pipe).unwrap();
        assert!(is_special(&regular(opened).unwrap_err()));
    }
}
