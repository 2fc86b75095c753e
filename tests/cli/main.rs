//! The program from the outside: each run's stdout, stderr and exit code together.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is not as expected")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "in a test the shortest way to a text is the clearest"
)]

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod emulator;
mod events;
mod failures;
mod formats;
mod help;
mod import;
mod locks;
mod offline;
mod plans;
mod rebuild;
mod recovery;
mod sandbox;
mod signals;
mod streams;
mod usage;
