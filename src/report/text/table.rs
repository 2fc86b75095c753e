//! The actions of a plan as aligned lines: glyph, name, type, fingerprint, owner.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::{style_of, type_of};
use crate::plan::{Action, OldKey};
use crate::report::View;
use crate::terminal::escape::escape;
use crate::terminal::phrase::Phrase;
use crate::terminal::style::{BAD, DIM, NAME, paint};

/// The smallest width of a shortened fingerprint: `SHA256:`, 12 characters (72 bits), and a mark that it continues.
const SHORTEST: usize = 20;

/// The width of a whole fingerprint.
const WHOLE: usize = 50;

/// The widest name that other lines are aligned with.
const WIDEST_NAME: usize = 32;

/// Blanks between two columns.
const GAP: &str = "  ";

/// Blanks before each further line of an action.
pub(super) const INDENT: usize = 6;

/// The line of a key, before it is laid out.
pub(super) struct KeyLine {
    glyph: char,
    style: Style,
    name: String,
    key_type: String,
    fingerprint: String,
    owner: String,
}

/// The widths of the columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    name: usize,
    key_type: usize,
    fingerprint: usize,
    /// Whether there is no space for the owners, which are then on lines of their own.
    is_owner_below: bool,
}

impl KeyLine {
    pub(super) fn of(action: &Action) -> Self {
        let kind = action.change.kind();
        Self {
            glyph: kind.glyph(),
            style: style_of(kind),
            name: action.name.to_string(),
            key_type: type_of(action.change.blob()),
            fingerprint: action.change.blob().fingerprint().to_string(),
            owner: action.owner().map(owner).unwrap_or_default(),
        }
    }

    /// Returns the line of a key that an action replaces: its name and owner only if they change.
    pub(super) fn of_old(action: &Action, old: &OldKey) -> Self {
        let name = if old.name == action.name { String::new() } else { old.name.to_string() };
        let old_owner = old.owner.as_deref().filter(|owner| Some(*owner) != action.owner());
        Self {
            glyph: '-',
            style: BAD,
            name,
            key_type: type_of(&old.blob),
            fingerprint: old.blob.fingerprint().to_string(),
            owner: old_owner.map(owner).unwrap_or_default(),
        }
    }

    /// Writes the line, and the owner below it if it does not fit.
    pub(super) fn write(&self, out: &mut String, columns: Columns) {
        let Self { glyph, style, name, key_type, fingerprint, owner } = self;
        let mut line = format!("  {} {}", paint(*style, glyph), paint(NAME, name));
        line += &" ".repeat(columns.name.saturating_sub(name.width()));
        let _ = write!(line, "{GAP}{key_type:width$}{GAP}", width = columns.key_type);
        let mut fingerprint = fingerprint.clone();
        if fingerprint.len() > columns.fingerprint {
            fingerprint.truncate(columns.fingerprint - 1);
            fingerprint.push('…');
        }
        line += &fingerprint;
        if columns.is_owner_below && !owner.is_empty() {
            let _ = write!(line, "\n{:INDENT$}{owner}", "");
        } else if !owner.is_empty() {
            line += GAP;
            line += owner;
        }
        let _ = writeln!(out, "{line}");
    }
}

impl Columns {
    /// Finds the widths for the lines that are shown. Fingerprints are shortened as far as needed for the owners, unless the
    /// view is full.
    pub(super) fn of<'l>(lines: &(impl Iterator<Item = &'l KeyLine> + Clone), view: View) -> Self {
        let widest = |of: fn(&KeyLine) -> &str| lines.clone().map(|line| of(line).width()).max().unwrap_or_default();
        let name = widest(|line| &line.name).min(WIDEST_NAME);
        let key_type = widest(|line| &line.key_type);
        let owner = widest(|line| &line.owner);
        let owner = if owner == 0 { 0 } else { GAP.len() + owner };
        let used = 4 + name + GAP.len() + key_type + GAP.len();
        let Some(width) = view.columns else {
            return Self { name, key_type, fingerprint: WHOLE, is_owner_below: false };
        };
        let room = width.saturating_sub(used);
        let least = if view.full { WHOLE } else { SHORTEST };
        let is_owner_below = room.saturating_sub(owner) < least;
        let fingerprint = if is_owner_below { room } else { room - owner }.clamp(least, WHOLE);
        Self { name, key_type, fingerprint, is_owner_below }
    }

    /// Whether fingerprints are shortened.
    pub(super) fn is_short(self) -> bool {
        self.fingerprint < WHOLE
    }

    /// Writes the hint how to see whole fingerprints.
    pub(super) fn write_hint(out: &mut String) {
        let _ = writeln!(out, "{}", paint(DIM, "Fingerprints are shortened. Use --full to show them whole."));
    }
}

/// Returns an owner as it is shown: quoted if it is more than a word, because it could look like a part of the plan.
fn owner(owner: &str) -> String {
    if owner.contains(char::is_whitespace) {
        Phrase::default().foreign(owner).to_string()
    } else {
        escape(owner).into_owned()
    }
}
