//! Holds the emulator to the facts of the API, over real HTTP on loopback.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers as well")]

mod calls;
mod faults;
mod listing;
mod server;
mod support;
