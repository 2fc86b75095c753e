//! Looks at the characters of a manifest before it is parsed.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::span::{Extent, Position, lines, to_u32};
use crate::terminal::sanitize;

/// The longest line of a manifest, in bytes: several times the longest public key.
pub(crate) const MAX_LINE: usize = 64 * 1024;

/// Reports characters that no one sees and lines that are too long; returns the text fit for the parser, in which each such
/// character is replaced by one that does no harm, and adds their places to the shadows.
pub(crate) fn readable<'t>(
    text: &'t str,
    file: &Arc<Path>,
    shadows: &mut Vec<Extent>,
    problems: &mut Problems,
) -> Option<Cow<'t, str>> {
    let is_bad = |c: char| !matches!(c, '\t' | '\n' | '\r') && sanitize::is_unsafe(c);
    let mut fits = true;
    let mut clean = true;
    for (number, line) in lines(text).enumerate() {
        let start = Position { line: to_u32(number).saturating_add(1), column: 1 };
        if line.len() > MAX_LINE {
            let message = format!("the line has {} bytes, more than {MAX_LINE}", line.len());
            let help = "put each field on a line of its own";
            problems.add(Diagnostic::error("manifest-line-too-long", file, start.one(), message).help(help));
            fits = false;
        } else if !is_plain(line) {
            for (at, run) in runs(line, is_bad) {
                clean = false;
                let extent = Extent { start: start.along(at), end: start.along(at + run.chars().count()) };
                shadows.push(extent);
                problems.add(unsafe_characters(run, file, extent));
            }
        }
    }
    if !fits {
        return None;
    }
    Some(if clean { Cow::Borrowed(text) } else { Cow::Owned(text.replace(is_bad, "\u{fffd}")) })
}

/// Tells quickly of most lines that nothing is wrong with them.
///
/// Looks at every byte, whatever it has found: without a way out the loop takes 16 bytes at a time.
fn is_plain(line: &str) -> bool {
    line.bytes().fold(true, |plain, b| plain & matches!(b, b'\t' | b' '..=b'~'))
}

/// Finds the runs of bad characters in a line, each with the number of characters before it.
fn runs(line: &str, is_bad: impl Fn(char) -> bool) -> Vec<(usize, &str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let ends = line.char_indices().map(|(byte, c)| (byte, is_bad(c))).chain([(line.len(), false)]);
    for (at, (byte, bad)) in ends.enumerate() {
        match (open, bad) {
            (None, true) => open = Some((at, byte)),
            (Some((first, start)), false) => {
                found.push((first, line.get(start..byte).unwrap_or_default()));
                open = None;
            }
            _ => {}
        }
    }
    found
}

fn unsafe_characters(run: &str, file: &Arc<Path>, extent: Extent) -> Diagnostic {
    let first = run.chars().next().map(sanitize::describe).unwrap_or_default();
    let message = match run.chars().count() {
        1 => format!("{first} is not allowed: it is not seen, or changes how others are seen"),
        many => {
            format!("{first} and {} more are not allowed: they are not seen, or change how others are seen", many - 1)
        }
    };
    Diagnostic::error("unsafe-character", file, extent, message).help("delete it; white space here is the space alone")
}
