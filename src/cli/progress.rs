//! Progress on stderr: a bar on a terminal, otherwise a plain line every few seconds.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::account::{Failure, FailureKind};
use crate::terminal::escape::escape_to;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Minimum time between two plain lines.
pub(super) const LINE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProgressTarget {
    Bar,
    Lines,
    Silent,
}

#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    target: ProgressTarget,
    last_line: Cell<Instant>,
}

impl Progress {
    /// Shows nothing until [`Progress::begin`].
    pub(super) fn new(target: ProgressTarget) -> Self {
        let draw = match target {
            ProgressTarget::Bar => ProgressDrawTarget::stderr_with_hz(10),
            ProgressTarget::Lines | ProgressTarget::Silent => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(0), draw);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self { bar, target, last_line: Cell::new(Instant::now()) }
    }

    pub(super) fn begin(&self, total: usize, doing: &'static str) {
        self.bar.set_length(total as u64);
        self.doing(doing);
    }

    /// Changes the message of the bar.
    pub(super) fn doing(&self, doing: &'static str) {
        self.bar.set_message(doing);
    }

    /// Changes the message of the bar, and prints a plain line if one is due.
    pub(super) fn note(&self, doing: &str) {
        let doing = escape_to(doing, 120);
        self.bar.set_message(doing.clone().into_owned());
        self.line(&doing);
    }

    /// Changes the message of the bar, or prints a plain line at once.
    pub(super) fn announce(&self, doing: &str) {
        let doing = escape_to(doing, 120);
        self.bar.set_message(doing.clone().into_owned());
        if self.target == ProgressTarget::Lines {
            self.print(&doing);
        }
    }

    pub(super) fn step(&self) {
        self.bar.inc(1);
        self.line("");
    }

    fn line(&self, doing: &str) {
        if self.target == ProgressTarget::Lines && self.last_line.get().elapsed() >= LINE_EVERY {
            let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
            let doing = if doing.is_empty() { String::new() } else { format!(". {doing}") };
            self.print(&format!("{done} of {total} done{doing}"));
        }
    }

    fn print(&self, line: &str) {
        self.last_line.set(Instant::now());
        // The work goes on even if progress cannot be written.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Removes the bar from the terminal.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Says that a request is repeated, for the key `name` if there is one.
pub(super) fn retrying(name: Option<&str>, failure: &Failure) -> String {
    match (failure.kind == FailureKind::RateLimited, failure.retry_after, name) {
        (true, Some(pause), _) if pause.as_secs() > 0 => format!("Rate limited, retrying in {} s", pause.as_secs()),
        (true, _, _) => "Rate limited, retrying".to_owned(),
        (false, _, Some(name)) => format!("Retrying {name}: {failure}"),
        (false, _, None) => format!("Retrying: {failure}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::{Effect, FailureKind};

    #[test]
    fn progress_says_how_long_a_rate_limit_lasts() {
        let failure = |kind, seconds: Option<u64>| Failure {
            effect: Effect::NotSent,
            kind,
            status: None,
            retry_after: seconds.map(Duration::from_secs),
            message: "the server is unavailable".to_owned(),
            help: None,
            id: None,
        };
        for (kind, seconds, expected) in [
            (FailureKind::RateLimited, Some(8), "Rate limited, retrying in 8 s"),
            (FailureKind::RateLimited, None, "Rate limited, retrying"),
            (FailureKind::Unavailable, Some(8), "Retrying alice: the server is unavailable"),
        ] {
            assert_eq!(retrying(Some("alice"), &failure(kind, seconds)), expected);
        }
    }
}
