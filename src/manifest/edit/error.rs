//! Why an edit is refused.

use std::path::PathBuf;

use thiserror::Error;

use crate::manifest::diagnostic::Report;
use crate::names::KeyName;
use crate::public_key::Compromise;

/// Why an edit is refused. Nothing has been written.
#[derive(Debug, Error)]
pub enum EditError {
    #[error("cannot edit {} in place, line {line}: {kind}", path.display())]
    InPlace { path: PathBuf, line: usize, kind: ObstacleKind },
    #[error("the manifest would not be valid")]
    Invalid(Box<Report>),
    #[error("{name}: {compromise}")]
    Compromised { name: KeyName, compromise: Compromise },
    /// The way in which a file is written is one that the editor does not understand.
    #[error("the edit would change more than it should")]
    Inexact,
}

/// What prevents an edit, and where in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Obstacle {
    pub(crate) at: usize,
    pub(crate) kind: ObstacleKind,
}

/// What prevents an edit of a text in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ObstacleKind {
    #[error("there is more than one value on this line")]
    SharedLine,
    #[error("the `:` of this field is missing")]
    Colon,
    #[error("there is a comment before the value")]
    Comment,
    #[error("this entry is empty")]
    Item,
}

impl EditError {
    pub fn help(&self) -> String {
        match self {
            Self::InPlace { .. } | Self::Inexact => {
                "edit the file by hand, or put each field of an entry on its own line first".to_owned()
            }
            Self::Invalid(_) => "nothing was written".to_owned(),
            Self::Compromised { compromise, .. } => compromise.help().to_owned(),
        }
    }
}
