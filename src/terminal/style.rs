//! The colours of keyform. Everything printed can be understood without them.
//!
//! Renderers write them always; the stream takes them out where they are not wanted.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// Errors, and what takes access away.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Warnings, and what replaces.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What gives access, and what went well.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is there already.
pub const CALM: Style = AnsiColor::Cyan.on_default();
/// Names.
pub const NAME: Style = Style::new().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// What changed within a line.
pub const MARK: Style = Style::new().bold().underline();

/// Shows something in a style.
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
