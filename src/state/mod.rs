//! What keyform has recorded of an account, and the ids of its rows.
//!
//! A state is a JSON file that people commit ([`file`](mod@file)). While an apply runs, and after one that was killed, a
//! [`journal`] beside it holds the changes since. Every reader sees the two as one. One process at a time writes, behind
//! the traits [`Store`] and [`Session`]. [`FileStore`] implements them with files, and [`StateStore`] for every
//! [`StateLocation`].

mod any_store;
pub mod bucket;
pub mod cloud;
pub mod disk;
mod entry;
mod error;
pub mod file;
mod file_store;
pub mod http;
mod journal;
mod journal_file;
mod last_apply;
mod lease;
mod location;
mod model;
mod pending;
mod record;
#[cfg(test)]
mod sample;
mod store;

pub use any_store::{StateSession, StateStore};
pub use entry::JournalEntry;
pub use error::{AccountMismatch, StateError, StateErrorKind};
pub use file_store::{FileSession, FileStore};
pub use last_apply::{DeletedRow, LastApply, PromotedRow};
pub use lease::Lease;
pub use location::{LocationError, ObjectPrefix, ObjectService, StateLocation};
pub use model::State;
pub use pending::{Pending, UploadRequest};
pub use record::{Origin, Record};
pub use store::{LoadedState, LockHolder, Repair, Session, Store, lock_unless, lock_within, while_kept};
