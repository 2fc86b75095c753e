//! Which texts are public keys, and which are refused, by what code.

#![cfg(test)]

mod compromised;
mod forge;
mod good;
mod private;
#[path = "../support/private_keys.rs"]
mod private_keys;
mod properties;
mod refused;
mod refused_blobs;

/// An Ed25519 key without a comment, the base of the texts that spell it otherwise or break it.
const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMpuL/PJVHfxRmQdl1zlG/VdCZyQggC0vJiGqUoL8hU4";
const OTHER_ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEeUKEcbY4DruMvkUhZRyGsf6miIWcTaBIyJcErS/9S";
