//! The plan as a pure function of manifest, state, account and date.

#![cfg(test)]

mod digest;
mod rows;
#[path = "../support/mod.rs"]
mod support;
mod table;
