//! Replacing and creating files whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use super::{direct, folder_of, is_at, open_to_read, refuse_special, regular};

/// Temporary files are named `.keyform-XXXXXX.tmp`.
const PREFIX: &str = ".keyform-";
const SUFFIX: &str = ".tmp";

/// How often a new temporary file may be taken for one that a killed process left.
const MAX_ATTEMPTS: usize = 10;

/// Replaces a file atomically, or creates it. Durable on return. Returns the new file, positioned at its end.
///
/// # Errors
/// [`is_special`](super::is_special) for a link, pipe, device or socket at `path`.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    refuse_special(path)?;
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

/// Writes a temporary file next to `path`, with the permissions of `path`, or of any new file. Not synced. Locked until it
/// is closed, so that another process does not delete it.
///
/// Deletes the temporary files in the folder that killed processes left.
pub(crate) fn write_temporary(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    remove_left_over(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::symlink_metadata(path).map_or(0o666, |metadata| metadata.permissions().mode() & 0o777);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    for _ in 0..MAX_ATTEMPTS {
        let mut file = builder.tempfile_in(folder)?;
        // Between the two, another process may have taken it for a leftover.
        if file.as_file().try_lock().is_ok() && is_at(file.as_file(), file.path())? {
            file.write_all(bytes)?;
            return Ok(file);
        }
    }
    Err(io::Error::other("another process deletes the temporary file"))
}

/// Opens a regular file to append to it, or creates it. Does not follow a link at `path` itself.
///
/// # Errors
/// [`is_special`](super::is_special) for a link, pipe, device or socket.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    refuse_special(path)?;
    regular(direct(OpenOptions::new().create(true).append(true)).open(path)?)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder, and makes renames durable itself.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Deletes the temporary files that killed processes left in a folder: those that nobody has locked. Errors are ignored,
/// because a file that stays is harmless.
pub(super) fn remove_left_over(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_temporary = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        let path = entry.path();
        if is_temporary
            && let Ok(file) = open_to_read(&path)
            && file.try_lock().is_ok()
            && is_at(&file, &path).is_ok_and(|is_at| is_at)
        {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::is_special;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
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
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link_or_in_place_of_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        fs::write(&other, "before").unwrap();
        for target in [other.as_path(), Path::new("missing"), Path::new("/dev/null")] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert!(is_special(&replace(&link, b"x").unwrap_err()));
            assert!(is_special(&open_to_append(&link).unwrap_err()));
            assert!(create(&link, b"x").is_err());
            // Also one that appears after the path was examined.
            let swapped = direct(OpenOptions::new().create(true).append(true)).open(&link);
            assert_eq!(swapped.unwrap_err().raw_os_error(), Some(libc::ELOOP));
            fs::remove_file(&link).unwrap();
        }
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(is_special(&open_to_append(&pipe).unwrap_err()));
        assert_eq!(fs::read(&other).unwrap(), b"before");
        assert_eq!(names(folder.path()), ["other", "pipe"]);
    }

    #[test]
    fn temporary_files_of_killed_processes_are_deleted_and_those_in_use_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let in_use = write_temporary(&path, b"in use").unwrap();
        for name in [".keyform-killed.tmp", ".keyform-other", "keyform-1.tmp"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        replace(&path, b"text").unwrap();
        let mut expected =
            [".keyform-other", "file", "keyform-1.tmp", in_use.path().file_name().unwrap().to_str().unwrap()];
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }
}
