//! How far long work has come: a bar on a terminal, a plain line every few seconds elsewhere. Both on stderr.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::sanitize::escape_to;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A bar that is drawn over and over.
    Bar,
    /// A line every few seconds.
    Lines,
    /// Nowhere.
    Silent,
}

/// How far some work of a known size has come.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    target: Target,
    last_line: Cell<Instant>,
}

impl Progress {
    /// Begins; shows nothing until there is something to show.
    pub fn new(target: Target) -> Self {
        let draw = match target {
            Target::Bar => ProgressDrawTarget::stderr_with_hz(10),
            Target::Lines | Target::Silent => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(0), draw);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self { bar, target, last_line: Cell::new(Instant::now()) }
    }

    /// Says how much there is to do.
    pub fn begin(&self, total: usize, doing: &'static str) {
        self.bar.set_length(total as u64);
        self.doing(doing);
    }

    /// Says what is going on now.
    pub fn doing(&self, doing: &'static str) {
        self.bar.set_message(doing);
    }

    /// Says what is going on now; where there is no bar, in a line, but no more than one every few seconds.
    pub fn note(&self, doing: &str) {
        let doing = escape_to(doing, 120);
        self.bar.set_message(doing.clone().into_owned());
        self.line(&doing);
    }

    /// One more is done.
    pub fn step(&self) {
        self.bar.inc(1);
        self.line("");
    }

    fn line(&self, doing: &str) {
        if self.target == Target::Lines && self.last_line.get().elapsed() >= LINE_EVERY {
            self.last_line.set(Instant::now());
            let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
            let doing = if doing.is_empty() { String::new() } else { format!("; {doing}") };
            // Progress that cannot be written is no reason to stop the work.
            let _ = writeln!(std::io::stderr(), "{done} of {total} done{doing}");
        }
    }

    /// Takes the bar away, so that something can be printed in its place.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints while the bar is out of the way.
    pub fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}
