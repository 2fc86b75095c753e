//! Errors at the edge: message, hints and exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use crate::account::settings::SettingsError;
use crate::account::{EndpointError, ListError, TokenError, client};
use crate::emulator::EmulatorError;
use crate::state::{AccountMismatch, LocationError, StateError};
use crate::terminal::escape::escape;
use crate::terminal::style::{BAD, CALM, paint};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// The error is printed.
    Failed,
    /// `plan --detailed-exitcode` found changes.
    Pending,
    /// A guard or a policy refused.
    Refused,
    Interrupted,
}

/// An error that ends a command.
#[derive(Debug)]
pub(in crate::cli) struct CliError {
    kind: CliErrorKind,
    hints: Vec<String>,
}

/// Decides the exit code, and how the error is printed.
#[derive(Debug)]
enum CliErrorKind {
    Failed {
        message: String,
        /// Printed below the message, one line each.
        details: Vec<String>,
    },
    InvalidManifest {
        /// Every problem, rendered as text.
        problems: String,
    },
}

/// An error that can end a command, with what the user can do about it.
pub(in crate::cli) trait Hints: Error {
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<E: Hints> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

impl Hints for StateError {
    fn hints(&self) -> Vec<String> {
        vec![self.help().to_owned()]
    }
}

impl Hints for LocationError {
    fn hints(&self) -> Vec<String> {
        vec![self.help()]
    }
}

impl Hints for AccountMismatch {
    fn hints(&self) -> Vec<String> {
        vec![self.help().to_owned()]
    }
}

impl Hints for ListError {
    fn hints(&self) -> Vec<String> {
        self.help().into_iter().collect()
    }
}

impl Hints for SettingsError {
    fn hints(&self) -> Vec<String> {
        self.help().into_iter().collect()
    }
}

impl Hints for client::OpenError {
    fn hints(&self) -> Vec<String> {
        vec![self.help().to_owned()]
    }
}

impl Hints for EmulatorError {}
impl Hints for EndpointError {}
impl Hints for TokenError {}
impl Hints for io::Error {}

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
    pub(in crate::cli) fn new(message: impl Into<String>) -> Self {
        Self { kind: CliErrorKind::Failed { message: message.into(), details: Vec::new() }, hints: Vec::new() }
    }

    pub(in crate::cli) fn invalid_manifest(problems: String) -> Self {
        Self { kind: CliErrorKind::InvalidManifest { problems }, hints: Vec::new() }
    }

    /// Takes message, causes and hints from an error.
    pub(in crate::cli) fn of(error: &impl Hints) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries repeat the cause in the message.
            if !message.contains(&text) {
                let _ = write!(message, ": {text}");
            }
            source = cause.source();
        }
        Self { hints: error.hints(), ..Self::new(message) }
    }

    /// Puts `context` and a colon before the message.
    pub(in crate::cli) fn under(mut self, context: &str) -> Self {
        if let CliErrorKind::Failed { message, .. } = &mut self.kind {
            *message = format!("{context}: {message}");
        }
        self
    }

    pub(in crate::cli) fn details(mut self, more: impl IntoIterator<Item = String>) -> Self {
        if let CliErrorKind::Failed { details, .. } = &mut self.kind {
            details.extend(more);
        }
        self
    }

    pub(in crate::cli) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Renders the error for stderr. Line feeds in messages are escaped.
    pub(in crate::cli) fn render(&self) -> String {
        let mut out = match &self.kind {
            CliErrorKind::Failed { message, details } => {
                let mut out = format!("{} {}\n", paint(BAD, "error:"), escape(message));
                for detail in details {
                    let _ = writeln!(out, "  - {}", escape(detail));
                }
                out
            }
            CliErrorKind::InvalidManifest { problems } => problems.clone(),
        };
        for hint in &self.hints {
            let _ = writeln!(out, "  {} {}", paint(CALM, "help:"), escape(hint));
        }
        out
    }
}
