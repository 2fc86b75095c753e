//! What people read at a terminal, 80 columns wide.

mod outcome;
mod plan;
mod records;

use std::fmt::Write as _;

use anstyle::Style;

pub use outcome::outcome;
pub use plan::plan;
pub use records::{record, records};

use crate::plan::ActionKind;
use crate::plan::guard::Refusal;
use crate::public_key::KeyBlob;
use crate::terminal::sanitize::escape;
use crate::terminal::style::{BAD, CALM, DIM, GOOD, WARN, paint};

/// How wide a terminal is taken to be, in columns.
const WIDTH: usize = 80;

/// Renders what trips a guard, for stderr.
pub fn refusals(refusals: &[Refusal]) -> String {
    let mut out = String::new();
    for refusal in refusals {
        let _ = writeln!(out, "{} {}", paint(BAD, "refused:"), refusal.message());
        let _ = writeln!(out, "  {} {}", paint(CALM, "help:"), refusal.help());
    }
    out
}

fn style_of(kind: ActionKind) -> Style {
    match kind {
        ActionKind::Upload => GOOD,
        ActionKind::Adopt | ActionKind::Promote => CALM,
        ActionKind::Replace => WARN,
        ActionKind::Delete => BAD,
        ActionKind::Forget => DIM,
    }
}

/// The type and length of a key, as `ssh-keygen -l` words them.
fn sort(blob: &KeyBlob) -> String {
    match blob.describe() {
        Some((kind, bits)) => format!("{kind} {bits}"),
        None => escape(blob.algorithm()).into_owned(),
    }
}

/// Writes a text whose lines are at most [`WIDTH`] wide, words permitting. The first begins with `first`, which has no
/// colours, the others with as many blanks as `rest`.
fn wrapped(out: &mut String, first: &str, rest: usize, text: &str) {
    let blanks = " ".repeat(rest);
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(&blanks)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    let _ = writeln!(out, "{}", textwrap::fill(text, options));
}
