//! The file that `apply --events` adds to, line by line: a run that is killed leaves what had happened by then.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::context::Context;
use super::error::{CliError, Exit};
use crate::report::events::Events;

/// The open file.
#[derive(Debug)]
pub(super) struct EventLog {
    path: PathBuf,
    file: File,
    /// Why a line could not be written. Nothing is written after that: a log with a gap would be believed.
    trouble: RefCell<Option<io::Error>>,
}

/// The lines of a run, and where they go, if anywhere.
pub(super) struct Told<'p> {
    pub(super) lines: Events<'p>,
    pub(super) log: Option<&'p EventLog>,
}

impl EventLog {
    /// Opens the file, or makes it. What is in it stays.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        match open(path) {
            Ok(file) => Ok(Self { path: path.to_path_buf(), file, trouble: RefCell::default() }),
            Err(error) => Err(CliError::new(format!("cannot write events to {}: {error}", path.display()))
                .hint("name a file that can be written, or a pipe that is read; nothing was changed")),
        }
    }

    fn write(&self, line: &str) {
        if self.trouble.borrow().is_none()
            && let Err(error) = (&self.file).write_all(line.as_bytes())
        {
            self.trouble.replace(Some(error));
        }
    }
}

/// Opens a file to add to it, or makes it. A pipe that nobody reads is an error: waiting for a reader would have no end,
/// and hear no signal.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    let _somebody_reads = {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.clone().custom_flags(libc::O_NONBLOCK).open(path)?
    };
    options.open(path)
}

impl Told<'_> {
    /// Writes what is rendered, if anyone wants it.
    pub(super) fn write(&self, render: impl FnOnce(&Events<'_>, Timestamp) -> String) {
        if let Some(log) = self.log {
            log.write(&render(&self.lines, Timestamp::now()));
        }
    }

    /// Says if lines are missing, and how to exit then: who wanted them must hear of it.
    pub(super) fn exit(&self, context: &Context, exit: Exit) -> Exit {
        let Some(log) = self.log else { return exit };
        let Some(error) = log.trouble.take() else { return exit };
        context.ui.warn(&format!("the events in {} are not complete: {error}", log.path.display()));
        if exit == Exit::Done { Exit::Failed } else { exit }
    }
}
