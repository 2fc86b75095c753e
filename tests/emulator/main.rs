//! Holds the emulator to the facts of the API, over real HTTP on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is not as expected")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "in a test the shortest way to a text is the clearest"
)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers as well")]

mod calls;
mod faults;
mod listing;
mod server;
mod support;
