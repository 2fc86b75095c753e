//! Locks between processes: a file that exists while it is locked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::write::remove_left_over;
use super::{direct, folder_of, is_at, refuse_special, regular};

/// How much of a lock file's text is read, in bytes.
const MAX_HOLDER_BYTES: u64 = 4096;

/// How often the file may be deleted between opening and locking it.
const MAX_ATTEMPTS: usize = 100;

/// A lock. Its file is deleted when this is dropped. A killed process leaves the file, which the next one takes over.
#[derive(Debug)]
pub struct HeldLock {
    file: File,
    path: PathBuf,
}

/// Locks a file until the result is dropped or the process ends, and writes `holder` into it. Creates it if it is
/// missing; does not follow a link. Never waits: if another process has the lock, returns the `holder` that it wrote.
///
/// With the lock, deletes the temporary files that killed processes left in the folder.
///
/// # Errors
/// [`is_special`](super::is_special) for a link, pipe, device or socket.
pub(crate) fn try_lock(path: &Path, holder: &str) -> io::Result<Result<HeldLock, String>> {
    for _ in 0..MAX_ATTEMPTS {
        refuse_special(path)?;
        let options = &mut OpenOptions::new();
        let file = direct(options.read(true).write(true).create(true).truncate(false)).open(path)?;
        let mut file = regular(file)?;
        match file.try_lock() {
            // The last holder may have deleted it before this process had the lock.
            Ok(()) if !is_at(&file, path)? => {}
            Ok(()) => {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(holder.as_bytes())?;
                remove_left_over(folder_of(path));
                return Ok(Ok(HeldLock { file, path: path.to_path_buf() }));
            }
            Err(TryLockError::WouldBlock) => {
                let mut other = String::new();
                // The holder may be writing its text just now, so a partial one is not an error.
                let _ = file.take(MAX_HOLDER_BYTES).read_to_string(&mut other);
                return Ok(Err(other));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("other processes keep deleting it"))
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // Before the lock ends. If the file cannot be deleted, the next process uses it again.
        if is_at(&self.file, &self.path).is_ok_and(|is_at| is_at) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::files::{is_special, sibling};

    #[test]
    fn a_lock_names_its_holder_and_its_file_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = sibling(&folder.path().join("file"), ".lock");
        let lock = try_lock(&path, "the first").unwrap().unwrap();
        assert_eq!(try_lock(&path, "me").unwrap().unwrap_err(), "the first");
        assert!(path.exists());
        drop(lock);
        assert!(!path.exists());
        // As a killed process leaves it.
        fs::write(&path, "a killed process with a longer name").unwrap();
        let lock = try_lock(&path, "the second").unwrap().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "the second");
        // Somebody else's file now.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        drop(lock);
        assert!(path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_locked_and_its_target_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("file.lock"), folder.path().join("CODEOWNERS"));
        fs::write(&other, "* @owners").unwrap();
        for target in [&*other, Path::new("missing"), Path::new("/dev/null")] {
            std::os::unix::fs::symlink(target, &path).unwrap();
            assert!(is_special(&try_lock(&path, "me").unwrap_err()), "{}", target.display());
            fs::remove_file(&path).unwrap();
        }
        assert_eq!(fs::read(&other).unwrap(), b"* @owners");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn temporary_files_of_killed_processes_are_deleted_by_the_next_holder() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".keyform-killed.tmp");
        fs::write(&left, "").unwrap();
        try_lock(&folder.path().join("lock"), "me").unwrap().unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn one_at_a_time_although_the_file_is_deleted_and_created_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (held, locked) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while locked.load(Ordering::SeqCst) < 2_000 {
                        if let Ok(lock) = try_lock(&path, "me").unwrap() {
                            assert!(!held.swap(true, Ordering::SeqCst), "two holders");
                            locked.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            held.store(false, Ordering::SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
        assert!(!path.exists());
    }
}
