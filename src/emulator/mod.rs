//! An emulator of the account's API, true to what is documented of it and adjustable where nobody knows.
//!
//! It listens on loopback only. The account is a pure model (`rows`); `log` keeps it across restarts; `calls` gives it
//! its HTTP face; `faults` decides what goes wrong with a request; `api` joins them; `server` puts them on a port.

mod answer;
mod api;
mod behaviour;
mod body;
mod calls;
mod config;
mod faults;
mod ids;
mod limit;
mod log;
mod objects;
mod routes;
mod rows;
mod server;
mod stats;
mod storage;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use api::Api;
pub use behaviour::{
    AutoPrimary, Behaviour, DeleteBody, DeletePrimary, DuplicateKey, DuplicateName, ErrorShape, KeyText, ListOrder,
    Omission, OverLimit, UploadStatus,
};
pub use config::{Clock, Config, SANDBOX_TOKEN, SANDBOX_USER, Scopes, Token};
pub use faults::{FaultKind, FaultRate, FaultRateError, Faults, Scripted};
pub use hyper::Method;
pub use limit::RateLimit;
pub use rows::{NewRow, Row};
pub use server::Emulator;
pub use stats::{Served, Stats};

/// Why an emulator does not start, or not go on.
#[derive(Debug, Error)]
pub enum EmulatorError {
    /// The port is taken, or not ours to take.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Bind {
        /// The port that was asked for; 0 is any.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// No thread or runtime could be made for the server.
    #[error("cannot start the emulator's thread")]
    Thread(#[source] io::Error),
    /// The server's thread panicked.
    #[error("the emulator's thread panicked")]
    Panicked,
    /// Another emulator keeps its keys in the same file.
    #[error("{} is in use by another emulator", path.display())]
    InUse {
        /// The file of keys.
        path: PathBuf,
    },
    /// The file of keys cannot be read or written.
    #[error("cannot {verb} {}", path.display())]
    Keys {
        /// What was tried: `read`, `write`, `lock`, `keep keys in`.
        verb: &'static str,
        /// The file of keys, or its lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the file of keys, not its last, makes no sense.
    #[error("{}:{line} is no event of an emulator", path.display())]
    Corrupt {
        /// The file of keys.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file of keys was written by a newer emulator.
    #[error("{} has version {version}, this emulator knows {}", path.display(), log::VERSION)]
    Version {
        /// The file of keys.
        path: PathBuf,
        /// The version that it states.
        version: u32,
    },
}
