//! What a manifest may say, and what is answered if it is wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is not as expected")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "in a test the shortest way to a text is the clearest"
)]

mod agree;
mod files;
mod hostile;
mod output;
mod policy;
mod problems;
mod secrets;
mod support;
mod syntax;
