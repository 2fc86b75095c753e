//! Results go to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::args::When;
use super::error::CliError;
use crate::cli::progress::ProgressTarget;
use crate::terminal::escape::escape;
use crate::terminal::style::{WARN, paint};
use crate::terminal::workflow::disarm;

#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Ui {
    color: When,
    quiet: bool,
}

impl Ui {
    pub(in crate::cli) fn new(color: When, quiet: bool) -> Self {
        Self { color, quiet }
    }

    /// Writes a result to stdout. A closed pipe is not an error.
    pub(in crate::cli) fn result(self, text: &str) -> Result<(), CliError> {
        self.commands(&disarm(text))
    }

    /// Writes a result without disarming workflow commands, which a CI runner obeys.
    pub(in crate::cli) fn commands(self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        let written = match self.choice(&stdout) {
            // One write. `AutoStream` writes each piece between two styles: 60,000 writes for a plan of 10,000 keys.
            ColorChoice::Never => stdout.write_all(strip_str(text).to_string().as_bytes()),
            choice => AutoStream::new(&mut stdout, choice).write_all(text.as_bytes()),
        };
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::new(format!("cannot write to stdout: {error}")))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes to stderr, and ignores errors: there is nowhere else to report them.
    pub(in crate::cli) fn tell(self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(&io::stderr()));
        let _ = stream.write_all(disarm(text).as_bytes());
    }

    /// Writes a line to stderr, unless `--quiet` is set.
    pub(in crate::cli) fn status(self, text: &str) {
        if !self.quiet {
            self.tell(&format!("{text}\n"));
        }
    }

    pub(in crate::cli) fn warn(self, text: &str) {
        self.tell(&format!("{} {}\n", paint(WARN, "warning:"), escape(text)));
    }

    pub(in crate::cli) fn progress(self) -> ProgressTarget {
        match (self.quiet, io::stderr().is_terminal()) {
            (true, _) => ProgressTarget::Silent,
            (false, true) => ProgressTarget::Bar,
            (false, false) => ProgressTarget::Lines,
        }
    }

    /// Returns the width of the terminal that shows results. `None` if stdout is not a terminal.
    pub(in crate::cli) fn columns() -> Option<usize> {
        io::stdout().is_terminal().then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0))
    }

    /// Whether stdin and stderr are terminals.
    pub(in crate::cli) fn can_ask() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn choice(self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self.color {
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
            When::Auto => AutoStream::choice(stream),
        }
    }
}
