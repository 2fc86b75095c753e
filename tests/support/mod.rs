//! Shared by the tests: made-up keys, an account and a state in memory, worlds written in one line, runs of the program,
//! and servers that misbehave.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

pub mod account;
pub mod bucket_server;
pub mod files;
pub mod keys;
pub mod private_keys;
pub mod program;
pub mod schema;
pub mod server;
pub mod state_server;
pub mod tools;
pub mod world;
