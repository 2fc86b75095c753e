//! Which texts are public keys, and which are refused, by what code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is not as expected")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "in a test the shortest way to a text is the clearest"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not know for tests"
)]

mod forge;
mod good;
mod private;
mod properties;
mod refused;
mod refused_blobs;

/// An Ed25519 key without a comment, the base of the texts that spell it otherwise or break it.
const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMpuL/PJVHfxRmQdl1zlG/VdCZyQggC0vJiGqUoL8hU4";
const OTHER_ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEeUKEcbY4DruMvkUhZRyGsf6miIWcTaBIyJcErS/9S";
