//! Edits manifest files and keeps everything that is not edited byte for byte.
//!
//! An edit is a list of replaced parts of the text ([`splice`]), at places that the YAML parser gave. Before anything is
//! written, all files are read again with the new texts: they must be valid, and must differ from before by exactly the
//! edit. An edit that is not possible in this way is refused: a file is never rendered as a whole.

mod change;
mod editor;
mod error;
mod expected;
mod field;
mod layout;
mod list;
mod lookup;
mod operation;
mod render;
mod scalar;
mod skeleton;
mod splice;
mod text;
mod unique_names;

pub use self::change::{FileChange, WriteError};
pub use self::editor::{Edited, Editor};
pub use self::error::{EditError, ObstacleKind};
pub use self::operation::Edit;
pub(crate) use self::render::block_entry;
pub(crate) use self::scalar::scalar_in_block;
pub(crate) use self::unique_names::UniqueNames;
