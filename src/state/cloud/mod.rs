//! Buckets of S3, Google and Azure, and of servers that are compatible with them, by the `object_store` crate.
//!
//! Nothing is retried here: [`bucket`](super::bucket) knows what may be repeated, and for how long.

mod client;
mod credentials;
mod failure;
mod folder;
mod secrets;

pub use credentials::{AZURE_VARIABLES, GOOGLE_VARIABLES, S3_VARIABLES, open};
pub use folder::CloudFolder;
