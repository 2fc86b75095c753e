//! Where text goes: results to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::args::When;
use crate::terminal::progress::Target;
use crate::terminal::sanitize::{defuse, escape};
use crate::terminal::style::{WARN, paint};

/// The two streams of a process, and how to write to them.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Ui {
    color: When,
    quiet: bool,
}

impl Ui {
    /// Decides how to write.
    pub(in crate::cli) fn new(color: When, quiet: bool) -> Self {
        Self { color, quiet }
    }

    /// Writes a result to stdout. That nobody reads it any more is no error.
    pub(in crate::cli) fn result(self, text: &str) -> io::Result<()> {
        self.commands(&defuse(text))
    }

    /// The same for what is meant as commands to a runner of pipelines.
    pub(in crate::cli) fn commands(self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = match self.choice(&stdout) {
            // At once: a stream that strips writes each piece between two styles, a plan of 10,000 keys has 60,000.
            ColorChoice::Never => stdout.write_all(strip_str(text).to_string().as_bytes()),
            choice => AutoStream::new(&mut stdout, choice).write_all(text.as_bytes()),
        };
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes to stderr. What cannot be written there cannot be told anyone.
    pub(in crate::cli) fn tell(self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(&io::stderr()));
        let _ = stream.write_all(defuse(text).as_bytes());
    }

    /// Tells what is going on, unless only results and errors are wanted.
    pub(in crate::cli) fn status(self, text: &str) {
        if !self.quiet {
            self.tell(&format!("{text}\n"));
        }
    }

    /// Warns.
    pub(in crate::cli) fn warn(self, text: &str) {
        self.tell(&format!("{} {}\n", paint(WARN, "warning:"), escape(text)));
    }

    /// Where progress is shown.
    pub(in crate::cli) fn progress(self) -> Target {
        match (self.quiet, io::stderr().is_terminal()) {
            (true, _) => Target::Silent,
            (false, true) => Target::Bar,
            (false, false) => Target::Lines,
        }
    }

    /// Whether a person can be asked: both what they read and what they type is a terminal.
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
