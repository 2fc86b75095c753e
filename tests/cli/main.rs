//! Runs of the program. A snapshot contains stdout, stderr and the exit code of a run.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod completion;
mod compromised;
mod connection;
mod edits;
mod emulator;
mod events;
mod failures;
mod formats;
mod help;
mod import;
mod init;
mod labels;
mod locks;
mod offline;
mod plans;
mod rebuild;
mod recovery;
mod requests;
mod sandbox;
mod secrets;
mod selections;
mod show;
mod signals;
mod streams;
mod usage;
