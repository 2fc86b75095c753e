//! The whole account: every page of its listing, put together into something that can be relied on.
//!
//! Nobody promises an order, and rows shift from page to page while others write. A listing that missed a row would make
//! a plan upload a key twice, so that a listing is only believed if it agrees with itself.

use thiserror::Error;

use super::failure::Failure;
use super::retry::{Clock, Pace, RetryPolicy};
use super::{ReadAccount, Row};
use crate::names::UserId;

/// How many rows a page is asked for: what the API gives by default.
pub const PAGE_ROWS: u64 = 100;

/// The most pages of one listing.
pub const MAX_PAGES: u64 = 2_000;

/// How many pages are asked for at a time.
pub const PAGES_AT_ONCE: usize = 10;

/// How often an account is listed, if its listing does not agree with itself.
pub const MAX_SWEEPS: u32 = 4;

/// What the account holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The keys that users uploaded, by id.
    pub rows: Vec<Row>,
    /// Whose they are; unknown while there are none.
    pub user_id: Option<UserId>,
    /// How many system keys there are beside them.
    pub system_keys: usize,
}

/// Why an account could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    /// A page could not be had.
    #[error("cannot list the account: {0}")]
    Page(#[from] Failure),
    /// Listed [`MAX_SWEEPS`] times, and never did the pages fit together.
    #[error(
        "the listing of the account keeps changing: listed {MAX_SWEEPS} times, and the last time it stated {stated} keys and showed {shown}"
    )]
    KeepsChanging {
        /// How many rows the account said it has.
        stated: u64,
        /// How many it showed.
        shown: u64,
    },
    /// More than [`MAX_PAGES`].
    #[error("the listing of the account has more than {MAX_PAGES} pages, the most that are read")]
    TooManyPages,
    /// Keys of more than one user.
    #[error("the account lists keys of two users, `{first}` and `{second}`")]
    SeveralUsers {
        /// One of them.
        first: UserId,
        /// Another.
        second: UserId,
    },
}

/// Lists the account until the pages fit together, at most [`MAX_SWEEPS`] times.
pub async fn list_all<R: ReadAccount, C: Clock>(
    reader: &R,
    pace: &Pace<C>,
    policy: RetryPolicy,
) -> Result<Listing, ListError> {
    let _ = (reader, pace, policy);
    todo!()
}

impl ListError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Page(failure) => failure.help.clone(),
            Self::KeepsChanging { .. } => {
                Some("someone else is changing the account's keys: try again when they are done".to_owned())
            }
            Self::TooManyPages => Some("delete keys that nobody uses".to_owned()),
            Self::SeveralUsers { .. } => Some("use a token that sees the keys of one user".to_owned()),
        }
    }
}
