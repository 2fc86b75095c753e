//! A state in an object store: a log of objects that are each created once, and never overwritten.

mod api;
mod entry;
mod index;
mod medium;
mod session;
mod snapshot;
mod store;
mod writer;

pub use api::{Bucket, BucketError, BucketErrorKind, Creation, ObjectInfo, ObjectList};
pub use session::BucketSession;
pub use store::BucketStore;

#[cfg(test)]
mod tests;
