//! What those that read and replace files have in common: folders, links, and that pipes and devices are no files.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// How many links are followed, one to the next. Linux follows as many.
const MAX_LINKS: usize = 40;

/// A path names a pipe, a device or the like.
#[derive(Debug, Error)]
#[error("it is no regular file")]
struct Special;

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The file that is meant where a path names a link: what that leads to, whether it is there yet or not.
pub(crate) fn target_of(path: &Path) -> PathBuf {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = folder_of(&target).join(next);
    }
    target
}

/// Refuses a pipe, a device and the like, also at the end of a link: reading one may never end, and `/dev/null` replaced by
/// a file is missed by the whole machine. What is not there, or a folder, shows when it is used.
pub(crate) fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => Err(io::Error::new(io::ErrorKind::InvalidInput, Special)),
        _ => Ok(()),
    }
}

/// Tells the error of [`refuse_special`] from those of the system.
pub(crate) fn is_special(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Special>)
}

/// Reads up to one byte more than `max`; nothing if the path is no regular file. Never blocks on a pipe or a device.
pub(crate) fn read_regular(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let before = fs::symlink_metadata(path)?;
    if !before.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    if !is_same(&before, &file.metadata()?) {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len().min(max)).unwrap_or_default().saturating_add(1));
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Tells whether what was opened is what was looked at: another process may swap a file for a link in between.
#[cfg(unix)]
fn is_same(before: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    opened.is_file() && before.dev() == opened.dev() && before.ino() == opened.ino()
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}
