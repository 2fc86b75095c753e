//! An emulator of the account's API. It follows the API's documentation, and has options for what that leaves open.
//!
//! It listens on loopback only. `rows` is the account as a pure model, and `log` keeps it across restarts. `handler`
//! answers requests, `faults` makes them fail, `api` joins the two, and `server` listens on a port.

mod api;
mod behaviour;
mod body;
mod choice;
mod config;
mod error;
mod faults;
mod handler;
mod ids;
mod lag;
mod limit;
mod log;
mod objects;
mod response;
mod routes;
mod rows;
mod server;
mod stats;
mod storage;

pub use api::Api;
pub use behaviour::{
    AutoPrimary, Behaviour, DeleteBody, DeletePrimary, DuplicateKey, DuplicateName, ErrorShape, KeyText, ListOrder,
    Omission, OverLimit, UploadStatus,
};
pub use choice::{Choice, UnknownChoice};
pub use config::{AcceptedToken, EmulatorConfig, SANDBOX_TOKEN, SANDBOX_USER, Scopes, TimeSource};
pub use error::EmulatorError;
pub use faults::{FaultKind, FaultRate, FaultRateError, Faults, ScriptEntry};
pub use hyper::Method;
pub use lag::{Lag, LagScope, LaggingChange};
pub use limit::RateLimit;
pub use rows::{NewRow, StoredRow};
pub use server::Emulator;
pub use stats::{ServedRequest, Stats};
