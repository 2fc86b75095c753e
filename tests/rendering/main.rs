//! Plans and outcomes as people and programs read them: each format of each scene, and texts that mean harm.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod diff;
mod formats;
mod hostile;
mod markdown;
mod outcomes;
mod picture;
mod scenes;
mod shown;
