//! States on a server that speaks Terraform's `http` protocol, with the real program over real HTTP.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod failures;
mod laws;
mod scene;
mod sessions;
mod signals;
mod terraform;
