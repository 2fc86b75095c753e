//! What the tests share: keys that are made up, an account and a state in memory, worlds written in one line.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

pub mod account;
pub mod keys;
pub mod world;
