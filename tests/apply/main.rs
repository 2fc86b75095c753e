//! Carrying out a plan when something goes wrong.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod ends;
mod failures;
mod harness;
mod journaling;
mod verification;
