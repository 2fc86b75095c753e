//! keyform keeps the SSH keys of a Prime Intellect account as a Git repository says they should be.
//!
//! Data flows one way: [`manifest`] makes the desired set, [`account`] lists what is there, [`state`] holds what
//! keyform recorded; [`plan`] compares the three and [`apply`] carries the plan out. [`report`] renders both, and
//! [`cli`] is what people type.

pub mod account;
pub mod apply;
pub mod cli;
pub mod emulator;
mod files;
pub mod manifest;
pub mod names;
pub mod plan;
pub mod public_key;
pub mod report;
pub mod state;
pub mod terminal;
