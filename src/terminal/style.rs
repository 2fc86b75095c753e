//! Colors. All output can be understood without them.
//!
//! Renderers always write them; the output stream strips them where they are not wanted.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// Errors, and changes that remove access.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Warnings, and replacements.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Success, and changes that give access.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Keys that already exist.
pub const CALM: Style = AnsiColor::Cyan.on_default();
pub const NAME: Style = Style::new().bold();
/// Secondary information.
pub const DIM: Style = Style::new().dimmed();
/// The changed part of a line.
pub const MARK: Style = Style::new().bold().underline();

pub fn paint<T: Display>(style: Style, what: T) -> impl Display {
    Painted { style, what }
}

struct Painted<T> {
    style: Style,
    what: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { style, what } = self;
        write!(f, "{style}{what}{style:#}")
    }
}
