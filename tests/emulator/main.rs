//! Checks the emulator against the API's documentation, over real HTTP on loopback.

#![cfg(test)]

mod calls;
mod faults;
mod listing;
mod server;
mod support;
