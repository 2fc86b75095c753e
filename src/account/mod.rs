//! The account: what it lists and what may be asked of it.
//!
//! Reading and writing are two traits, so that what only plans is never handed the power to change anything. Each
//! method is one request; retrying, settling and pacing are the caller's, who knows what may be repeated.

pub mod client;
mod clock;
pub mod endpoint;
mod failure;
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

pub use client::{Client, ClientOptions, OpenError};
pub use clock::{Clock, TokioClock};
pub use endpoint::{Endpoint, EndpointError};
pub use failure::{BodyFault, Effect, Failure, FailureKind, Fault, Permission};
pub use listing::{ListError, Listing, list_all};
pub use retry::RetryPolicy;
pub use settings::{SettingSource, Settings, SettingsError, Sourced};
pub use throttle::{Permit, SendError, SendStep, Throttle};
pub use token::{Token, TokenError};
pub use verdict::Operation;

use crate::names::{KeyId, KeyName, UserId};
use crate::public_key::{KeyBlob, PublicKey};

/// One key as the account shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Tells rows apart, also those with the same key.
    pub id: KeyId,
    /// Whose account it is.
    pub user_id: UserId,
    /// The name there: any text, never trusted.
    pub name: String,
    /// The key as the account holds it: any text, never trusted. A listing may leave it out.
    pub public_key: Option<String>,
    /// The identity of the key, where `public_key` holds one.
    pub blob: Option<KeyBlob>,
    /// Whether new pods get this key.
    pub is_primary: bool,
    /// False for a system key, which does not exist for us.
    pub is_user_key: bool,
    /// When it was added.
    pub created_at: Option<Timestamp>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The rows, system keys among them.
    pub rows: Vec<Row>,
    /// How many rows the account says it has in all.
    pub total: Option<u64>,
    /// How many rows the account says it puts on a page.
    pub limit: Option<u64>,
}

/// Lists the account.
pub trait ReadAccount {
    /// Asks for `limit` rows from `offset` on. One request.
    fn page(&self, offset: u64, limit: u64) -> impl Future<Output = Result<Page, Failure>>;
}

/// Changes the account.
pub trait WriteAccount {
    /// Uploads a key and returns the row it has become. One request. A 2xx answer about another key is a
    /// [`Failure`] whose effect is [`Effect::Unknown`].
    fn upload(&self, name: &KeyName, key: &PublicKey) -> impl Future<Output = Result<Row, Failure>>;

    /// Makes a row the primary. One request.
    fn promote(&self, id: &KeyId) -> impl Future<Output = Result<(), Failure>>;

    /// Deletes a row; that it is gone already is success. One request.
    fn delete(&self, id: &KeyId) -> impl Future<Output = Result<(), Failure>>;
}
