//! The file of `apply --events`. Each line is appended at once, so a killed run leaves its events.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::{CliError, Exit};
use super::ui::Ui;
use crate::apply::Event;
use crate::files;
use crate::plan::Plan;
use crate::report::events::Events;

/// Writes the events of one run to the file of `--events`, if it is given.
#[derive(Debug)]
pub(super) struct RunLog<'p> {
    pub(super) plan: &'p Plan,
    events: Events<'p>,
    file: Option<LogFile>,
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    /// Why a line could not be written. Nothing is written after it: a log with a gap would be misleading.
    error: RefCell<Option<io::Error>>,
}

impl<'p> RunLog<'p> {
    /// Opens or creates the file. Existing lines are kept.
    pub(super) fn open(path: Option<&Path>, plan: &'p Plan) -> Result<Self, CliError> {
        let file = path.map(LogFile::open).transpose()?;
        Ok(Self { plan, events: Events::of(plan, uuid::Uuid::new_v4()), file })
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        if let Some(file) = &self.file {
            file.append(&self.events.event(event, Timestamp::now()));
        }
    }

    pub(super) fn refused(&self) {
        if let Some(file) = &self.file {
            file.append(&self.events.refused(Timestamp::now()));
        }
    }

    /// Warns if lines are missing, and returns the exit code, which is then not success.
    pub(super) fn finish(self, ui: Ui, exit: Exit) -> Exit {
        let Some(LogFile { path, error, .. }) = self.file else { return exit };
        let Some(error) = error.into_inner() else { return exit };
        ui.warn(&format!("the events in {} are incomplete: {error}", path.display()));
        if exit == Exit::Done { Exit::Failed } else { exit }
    }
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, CliError> {
        match open(path) {
            Ok(file) => Ok(Self { path: path.to_path_buf(), file, error: RefCell::default() }),
            Err(error) => Err(CliError::new(format!("cannot write events to {}: {error}", path.display()))
                .hint("name a writable file, or a pipe with a reader; nothing was changed")),
        }
    }

    fn append(&self, line: &str) {
        if self.error.borrow().is_none()
            && let Err(error) = (&self.file).write_all(line.as_bytes())
        {
            self.error.replace(Some(error));
        }
    }
}

/// Opens a file or a pipe for appending.
///
/// A link is followed to a pipe or a terminal, such as `/dev/fd/63` of a shell, and not to a file: a pull request could
/// have added it.
fn open(path: &Path) -> io::Result<File> {
    let is_stream = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if is_stream { open_stream(path) } else { files::open_to_append(path) }
}

/// Opens a pipe. One without a reader is an error: waiting for one could block forever.
fn open_stream(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    let _reader_exists = {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.clone().custom_flags(libc::O_NONBLOCK).open(path)?
    };
    options.open(path)
}
