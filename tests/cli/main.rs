//! The program from the outside: each run's stdout, stderr and exit code together.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests share fails as tests do: by a panic")]

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod emulator;
mod failures;
mod formats;
mod help;
mod import;
mod locks;
mod plans;
mod sandbox;
mod signals;
mod streams;
mod usage;
