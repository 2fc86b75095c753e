//! The real program with its state in object stores: an emulated one always, and real servers where they run.
//!
//! `tests/servers/run` starts the servers and sets the variables that name them. `KEYFORM_TEST_KILLS=N` and
//! `KEYFORM_TEST_STOPS=N` set how many histories of killed and stopped runs there are.

#![cfg(test)]
#![cfg(unix)]

mod cost;
mod errors;
mod laws;
mod places;
#[path = "../support/mod.rs"]
mod support;
