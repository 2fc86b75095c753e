//! The account: listing it and changing it.
//!
//! Reading and writing are two traits, so that code that only plans cannot change anything. Each method is one request;
//! whether to repeat it is for the caller to decide, by [`Throttle::send`].

pub mod client;
mod clock;
pub mod endpoint;
mod failure;
mod http_client;
pub mod lateness;
pub mod listing;
mod message;
mod received;
pub mod retry;
mod server_text;
pub mod settings;
pub mod throttle;
pub mod token;
mod transport;
pub mod verdict;
mod wire;

use std::future::Future;

use jiff::Timestamp;

pub use client::{Client, ClientOptions, DEFAULT_TIMEOUT, OpenError};
pub use clock::{BootClock, Clock, TokioClock};
pub use endpoint::{DEFAULT_ENDPOINT, Endpoint, EndpointError};
pub use failure::{BodyFault, Effect, Failure, FailureKind, Fault, Permission};
pub use http_client::{Connection, Roots, http_client};
pub use lateness::Lateness;
pub use listing::{ListError, Listing, list_all};
pub use retry::RetryPolicy;
pub use settings::{SettingSource, Settings, SettingsError, Sourced};
pub use throttle::{SendError, SendStep, Throttle};
pub use token::{Token, TokenError};
pub(crate) use transport::{fault_of, innermost};
pub use verdict::Operation;

use crate::names::{KeyId, UserId};
use crate::public_key::{KeyBlob, KeyContent, PublicKey};

/// A key of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Unique, also among rows with the same key.
    pub id: KeyId,
    /// The owner of the account.
    pub user_id: UserId,
    /// Any text, never trusted.
    pub name: String,
    /// Any text, never trusted. A listing may leave it out.
    pub public_key: Option<String>,
    /// The keys in `public_key`.
    pub content: KeyContent,
    /// Whether new pods get this key.
    pub is_primary: bool,
    /// False for a system key, which is never listed or changed.
    pub is_user_key: bool,
    pub created_at: Option<Timestamp>,
}

impl Row {
    /// Returns the identity of its key, if it shows one key alone.
    pub fn blob(&self) -> Option<&KeyBlob> {
        self.content.one()
    }
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Includes system keys.
    pub rows: Vec<Row>,
    /// The number of all rows, according to the account.
    pub total: Option<u64>,
    /// The most rows on a page, according to the account.
    pub limit: Option<u64>,
    /// The size of the response.
    pub bytes: u64,
    /// The server's time when it responded, in whole seconds.
    pub date: Option<Timestamp>,
}

/// What a successful request returned, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated<T> {
    pub value: T,
    /// The server's time when it responded, in whole seconds.
    pub date: Option<Timestamp>,
}

impl<T> From<T> for Dated<T> {
    fn from(value: T) -> Self {
        Self { value, date: None }
    }
}

pub trait ReadAccount {
    /// Requests `limit` rows from `offset` on.
    fn page(&self, offset: u64, limit: u64) -> impl Future<Output = Result<Page, Failure>>;
}

pub trait WriteAccount {
    /// Uploads a key with this name on the account, and returns its row. A 2xx response that does not show the key is a [`Failure`] with
    /// [`Effect::Unknown`], and with the id if it has one.
    fn upload(&self, name: &str, key: &PublicKey) -> impl Future<Output = Result<Dated<Row>, Failure>>;

    /// Makes a row the primary.
    fn promote(&self, id: &KeyId) -> impl Future<Output = Result<Dated<()>, Failure>>;

    /// Deletes a row; succeeds if it is gone already.
    fn delete(&self, id: &KeyId) -> impl Future<Output = Result<Dated<()>, Failure>>;
}
