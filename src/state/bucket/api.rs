//! The operations of an object store that a state needs.

use std::future::Future;

use jiff::Timestamp;
use thiserror::Error;

/// A folder in an object store. Names are relative to it, and each operation is one attempt.
pub trait Bucket {
    /// Lists all objects in the folder and below.
    fn list(&self) -> impl Future<Output = Result<ObjectList, BucketError>>;

    /// Reads an object. `None` if it does not exist.
    fn read(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>, BucketError>>;

    /// Creates an object, and changes nothing if it exists.
    ///
    /// After any error, and after [`Creation::Exists`], the object may be the one that this call created: a store may have
    /// lost its first response.
    fn create(&self, name: &str, bytes: Vec<u8>) -> impl Future<Output = Result<Creation, BucketError>>;

    /// Deletes objects, as far as that is permitted. Nothing depends on it.
    fn delete(&self, names: Vec<String>) -> impl Future<Output = Result<(), BucketError>>;
}

#[derive(Debug, Default)]
pub struct ObjectList {
    pub objects: Vec<ObjectInfo>,
    /// The store's time when it responded.
    pub date: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub name: String,
    /// When it was created, by the clock of the store.
    pub modified: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    Created,
    Exists,
}

/// Why an operation failed. Contains no credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct BucketError {
    pub kind: BucketErrorKind,
    pub message: String,
    pub help: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketErrorKind {
    /// It may succeed if it is repeated.
    Unavailable,
    /// It will fail again: credentials, permissions, the bucket or the request are wrong.
    Refused,
}
