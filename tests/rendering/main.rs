//! Plans and outcomes as people and programs read them: each format of each scene, and texts that mean harm.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is not as expected")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "in a test the shortest way to a text is the clearest"
)]

#[path = "../support/mod.rs"]
mod support;

mod diff;
mod formats;
mod hostile;
mod markdown;
mod outcomes;
mod picture;
mod scenes;
