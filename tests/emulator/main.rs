//! Holds the emulator to the facts of the API, over real HTTP on loopback.

#![cfg(test)]

mod calls;
mod faults;
mod listing;
mod server;
mod support;
