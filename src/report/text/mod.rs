//! Text for a terminal.

mod outcome;
mod plan;
mod records;
mod table;

use std::fmt::Write as _;

use anstyle::Style;

pub use outcome::outcome;
pub use plan::plan;
pub use records::{record, records};

use crate::plan::ActionKind;
use crate::plan::guard::Refusal;
use crate::public_key::KeyBlob;
use crate::report::View;
use crate::terminal::escape::escape;
use crate::terminal::style::{BAD, CALM, DIM, GOOD, WARN, paint};

/// Renders the refusals of a plan with what to do about each, for stderr. The plan itself only names them.
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
        ActionKind::Adopt | ActionKind::Update | ActionKind::Promote => CALM,
        ActionKind::Replace => WARN,
        ActionKind::Delete => BAD,
        ActionKind::Forget => DIM,
    }
}

/// Formats the type and length as `ssh-keygen -l` does: `ED25519 256`.
fn type_of(blob: &KeyBlob) -> String {
    blob.kind().map_or_else(|| escape(blob.algorithm()).into_owned(), |kind| kind.to_string())
}

/// Writes a text in lines that fit the view, unless a word is longer. The first line begins with `first`, the others with
/// `rest` blanks.
fn wrapped(out: &mut String, view: View, first: &str, rest: usize, text: &str) {
    let blanks = " ".repeat(rest);
    let options = textwrap::Options::new(view.width())
        .initial_indent(first)
        .subsequent_indent(&blanks)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    let _ = writeln!(out, "{}", textwrap::fill(text, options));
}
