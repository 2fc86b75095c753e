//! Errors of an emulator.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why an emulator does not start, or stopped.
#[derive(Debug, Error)]
pub enum EmulatorError {
    #[error("cannot listen on 127.0.0.1:{port}")]
    Bind {
        /// The requested port; 0 is any.
        port: u16,
        source: io::Error,
    },
    #[error("cannot start the emulator's thread")]
    Thread(#[source] io::Error),
    #[error("the emulator's thread panicked")]
    Panicked,
    /// Another emulator keeps its keys in the same file.
    #[error("{} is in use by another emulator", path.display())]
    InUse { path: PathBuf },
    #[error("cannot {verb} {}", path.display())]
    Keys {
        /// `read`, `write`, `lock` or `keep keys in`.
        verb: &'static str,
        /// The file of keys, or its lock.
        path: PathBuf,
        source: io::Error,
    },
    /// A line of the file of keys, other than its last, is invalid.
    #[error("{}:{line} is not a valid entry of an emulator's file", path.display())]
    Corrupt {
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        source: serde_json::Error,
    },
    /// The file of keys was written by a newer emulator.
    #[error("{} has version {version}, but this emulator supports only version {newest}", path.display())]
    Version {
        path: PathBuf,
        version: u32,
        /// The newest version that can be read.
        newest: u32,
    },
}
