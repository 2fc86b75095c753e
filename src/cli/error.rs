//! Errors at the edge: what to say, what to do about it, which code to exit with.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use crate::account::settings::SettingsError;
use crate::account::{ListError, client};
use crate::state::StateError;
use crate::terminal::sanitize::escape;
use crate::terminal::style::{BAD, CALM, paint};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something went wrong; it has been said what.
    Failed,
    /// There are changes, and the exit code was to tell.
    Pending,
    /// A guard or a policy refused.
    Refused,
    /// Someone asked to stop.
    Interrupted,
}

/// An error that ends a command.
#[derive(Debug)]
pub(in crate::cli) struct CliError {
    message: String,
    details: Vec<String>,
    hints: Vec<String>,
}

/// Why a command goes no further.
#[derive(Debug)]
pub(in crate::cli) enum Stop {
    /// It has been said why.
    Told(Exit),
    /// It is to be said why.
    Error(CliError),
}

impl<E: Into<CliError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Pending => 2,
            Exit::Refused => 3,
            Exit::Interrupted => 130,
        })
    }
}

impl CliError {
    /// Says what went wrong.
    pub(in crate::cli) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), details: Vec::new(), hints: Vec::new() }
    }

    /// Says what an error says, and what caused it.
    pub(in crate::cli) fn from_error(error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries repeat the cause in their own words.
            if !message.contains(&text) {
                let _ = write!(message, ": {text}");
            }
            source = cause.source();
        }
        Self::new(message)
    }

    /// Says before it what came of it.
    pub(in crate::cli) fn under(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// Adds what it consists of, a line each.
    pub(in crate::cli) fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Adds what to do about it.
    pub(in crate::cli) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn hints(self, hints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        hints.into_iter().fold(self, Self::hint)
    }

    /// Renders it, with line feeds at the ends of lines only.
    pub(in crate::cli) fn render(&self) -> String {
        let mut out = format!("{} {}\n", paint(BAD, "error:"), escape(&self.message));
        for detail in &self.details {
            let _ = writeln!(out, "  - {}", escape(detail));
        }
        for hint in &self.hints {
            let _ = writeln!(out, "  {} {}", paint(CALM, "help:"), escape(hint));
        }
        out
    }
}

impl From<StateError> for CliError {
    fn from(error: StateError) -> Self {
        Self::from(&error)
    }
}

impl From<&StateError> for CliError {
    fn from(error: &StateError) -> Self {
        Self::from_error(error).hint(error.help())
    }
}

impl From<ListError> for CliError {
    fn from(error: ListError) -> Self {
        Self::new(error.to_string()).hints(error.help())
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        Self::from_error(&error).hints(error.help())
    }
}

impl From<client::OpenError> for CliError {
    fn from(error: client::OpenError) -> Self {
        Self::from_error(&error).hints([error.help()])
    }
}
