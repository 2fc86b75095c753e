//! The whole account: all pages of its listing, combined into one that is complete.
//!
//! The API promises no order, and rows move from page to page while others write. A listing without one of the rows would
//! make a plan upload a key twice, so a listing is believed only if it agrees with itself.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use thiserror::Error;

use super::clock::Clock;
use super::failure::Failure;
use super::retry::RetryPolicy;
use super::throttle::{SendError, Throttle};
use super::verdict::Operation;
use super::{Page, ReadAccount, Row};
use crate::names::{KeyId, UserId};
use crate::public_key::KeyBlob;

/// How many rows to request per page: the API's default.
pub const PAGE_ROWS: u64 = 100;

/// The most rows of one listing.
pub const MAX_ROWS: usize = 200_000;

/// The most bytes of the responses of one listing.
pub const MAX_LISTING_BYTES: u64 = 64 << 20;

/// The longest time that a listing may take, repetitions included.
pub const MAX_LISTING_TIME: Duration = Duration::from_mins(10);

/// How many pages are requested at a time.
pub const PAGES_AT_ONCE: usize = 10;

/// The pauses before a listing is repeated because its pages do not fit together. Their sum is longer than pages of one
/// listing can differ in age.
pub const REPEAT_AFTER: [Duration; 9] = {
    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    [s(0), s(1), s(2), s(4), s(8), s(15), s(15), s(15), s(15)]
};

/// The keys that users uploaded to one account, indexed. System keys are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Sorted by id.
    rows: Vec<Row>,
    /// The indices of rows by the key that they hold.
    by_blob: HashMap<KeyBlob, Vec<usize>>,
    /// When its first page was requested.
    sent: Duration,
    /// When its last page was received.
    received: Duration,
    /// The server's time when it returned the first page, in whole seconds.
    date: Option<Timestamp>,
}

/// Why an account could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    #[error("cannot list the account: {0}")]
    Page(#[from] Failure),
    /// Listed once more than [`REPEAT_AFTER`] has pauses, and the pages never fitted together.
    #[error("the list of keys keeps changing: read it {} times, the last time with {shown} keys", REPEAT_AFTER.len() + 1)]
    KeepsChanging { shown: usize },
    #[error("the account has more than {MAX_ROWS} keys, the maximum that keyform reads")]
    TooManyRows,
    #[error("the list of keys is larger than the limit of {} MiB", MAX_LISTING_BYTES >> 20)]
    TooLarge,
    #[error("the account took longer than {} minutes to list its keys", MAX_LISTING_TIME.as_secs() / 60)]
    TooSlow,
    #[error("the account lists keys of two users, `{first}` and `{second}`")]
    SeveralUsers { first: UserId, second: UserId },
}

/// Lists the account until its pages fit together, and at most for [`MAX_LISTING_TIME`].
///
/// A listing is whole if it is one page that is not full, or if each page begins with the row that ended the page before.
/// With a stable order, a row that is in every version of the account between the first page and the last cannot be
/// missing from such a listing, even if each page shows a version of its own.
pub async fn list_all<R: ReadAccount, C: Clock>(
    reader: &R,
    throttle: &Throttle<C>,
    policy: RetryPolicy,
) -> Result<Listing, ListError> {
    let pages = Pages { reader, throttle, policy, start: throttle.clock().now() };
    let mut pauses = REPEAT_AFTER.iter();
    loop {
        match pages.sweep().await {
            Ok((sweep, sent)) => {
                let received = throttle.clock().now();
                return Ok(Listing { sent, received, date: sweep.date, ..Listing::new(sweep.rows.into_values())? });
            }
            Err(Unlisted::Error(error)) => return Err(error),
            Err(Unlisted::Torn { shown }) => {
                tracing::info!(shown, "the listing changed while it was read");
                let Some(pause) = pauses.next() else { return Err(ListError::KeepsChanging { shown }) };
                throttle.clock().sleep(*pause).await;
            }
        }
    }
}

impl Listing {
    /// Indexes rows, system keys left out. Fails with [`ListError::SeveralUsers`] if they belong to more than one user.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Result<Self, ListError> {
        let mut rows: Vec<Row> = rows.into_iter().filter(|row| row.is_user_key).collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(first) = rows.first()
            && let Some(other) = rows.iter().find(|row| row.user_id != first.user_id)
        {
            let (first, second) = (first.user_id.clone(), other.user_id.clone());
            return Err(ListError::SeveralUsers { first, second });
        }
        Ok(Self::index(rows))
    }

    fn index(rows: Vec<Row>) -> Self {
        let mut by_blob: HashMap<KeyBlob, Vec<usize>> = HashMap::new();
        for (index, row) in rows.iter().enumerate() {
            if let Some(blob) = row.blob() {
                by_blob.entry(blob.clone()).or_default().push(index);
            }
        }
        Self { rows, by_blob, sent: Duration::ZERO, received: Duration::ZERO, date: None }
    }

    /// When its first page was requested, on the clock of the throttle. Every page is at least as new.
    pub fn sent(&self) -> Duration {
        self.sent
    }

    /// When its last page was received, on the clock of the throttle.
    pub fn received(&self) -> Duration {
        self.received
    }

    /// The server's time when it returned the first page, in whole seconds.
    pub fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// Leaves out rows by their ids.
    #[must_use]
    pub fn without(self, is_out: impl Fn(&KeyId) -> bool) -> Self {
        if !self.rows.iter().any(|row| is_out(&row.id)) {
            return self;
        }
        let Self { mut rows, by_blob: _, sent, received, date } = self;
        rows.retain(|row| !is_out(&row.id));
        Self { sent, received, date, ..Self::index(rows) }
    }

    /// Adds rows of other listings.
    ///
    /// # Errors
    /// [`ListError::SeveralUsers`] if they belong to another user.
    pub fn with(self, rows: impl IntoIterator<Item = Row>) -> Result<Self, ListError> {
        let Self { rows: own, by_blob: _, sent, received, date } = self;
        Ok(Self { sent, received, date, ..Self::new(own.into_iter().chain(rows))? })
    }

    /// Makes a row the only primary, if it is listed.
    #[must_use]
    pub fn with_primary(mut self, id: &KeyId) -> Self {
        if self.by_id(id).is_some() {
            for row in &mut self.rows {
                row.is_primary = row.id == *id;
            }
        }
        self
    }

    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// All rows, sorted by id.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn by_id(&self, id: &KeyId) -> Option<&Row> {
        let index = self.rows.binary_search_by(|row| row.id.cmp(id)).ok()?;
        self.rows.get(index)
    }

    /// The rows that show this key, sorted by id.
    pub fn holding(&self, blob: &KeyBlob) -> impl Iterator<Item = &Row> {
        self.by_blob.get(blob).into_iter().flatten().filter_map(|&index| self.rows.get(index))
    }

    pub fn primary(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_primary)
    }

    /// The owner of the account; unknown while it has no keys.
    pub fn user_id(&self) -> Option<&UserId> {
        self.rows.first().map(|row| &row.user_id)
    }
}

impl ListError {
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Page(failure) => failure.help.clone(),
            Self::KeepsChanging { .. } => Some(
                "someone else is changing the keys of this account: run the command again when they are done"
                    .to_owned(),
            ),
            Self::TooManyRows | Self::TooLarge => Some("delete unused keys".to_owned()),
            Self::TooSlow => Some("run the command again when the account responds faster".to_owned()),
            Self::SeveralUsers { .. } => Some("use a token for a single user".to_owned()),
        }
    }
}

/// The pages of an account.
struct Pages<'a, R, C> {
    reader: &'a R,
    throttle: &'a Throttle<C>,
    policy: RetryPolicy,
    /// When the listing began.
    start: Duration,
}

/// Why pages cannot become a listing.
enum Unlisted {
    /// Two pages do not fit together.
    Torn {
        /// The number of rows read until then.
        shown: usize,
    },
    Error(ListError),
}

/// The pages that were read so far.
#[derive(Default)]
struct Sweep {
    rows: HashMap<KeyId, Row>,
    /// The last row of the last page.
    end: Option<KeyId>,
    bytes: u64,
    /// The server's time on the first page.
    date: Option<Timestamp>,
}

impl<R: ReadAccount, C: Clock> Pages<'_, R, C> {
    /// Returns a page and the time when it was requested.
    async fn page(&self, offset: u64) -> Result<(Page, Duration), ListError> {
        let sent_at = Cell::new(Duration::ZERO);
        let request = || {
            sent_at.set(self.throttle.clock().now());
            self.reader.page(offset, PAGE_ROWS)
        };
        let sent = self.throttle.send(Operation::List, self.policy, 0, pending::<Infallible>(), |_| {}, request).await;
        let page = sent.map_err(|SendError::Failed(failure)| failure)?;
        if self.throttle.clock().now().saturating_sub(self.start) > MAX_LISTING_TIME {
            return Err(ListError::TooSlow);
        }
        Ok((page, sent_at.get()))
    }

    /// Reads all pages once: the first, then several at a time as far as the account says that there are more, then one
    /// after the other until one is the last.
    /// Returns them with the time when the first was requested.
    async fn sweep(&self) -> Result<(Sweep, Duration), Unlisted> {
        let (first, sent) = self.page(0).await?;
        // The account's own count adds pages. It never spares one: it may count something else.
        let total = first.total.unwrap_or(0);
        // Without a stated limit, only a page without new rows is the last.
        let limit = first.limit.map_or(1, |limit| limit.clamp(1, PAGE_ROWS));
        let mut length = length_of(&first);
        let (full, step) = (length, length.saturating_sub(1).max(1));
        let mut sweep = Sweep { date: first.date, ..Sweep::default() };
        sweep.add(first)?;
        let counted = (1..).map(|number| number * step).take_while(|offset| offset.saturating_add(1) < total);
        let counted = counted.take(if full > 1 { MAX_ROWS } else { 0 });
        let mut offset = 0;
        {
            let mut ahead = pin!(
                stream::iter(counted)
                    .map(|offset| async move { (offset, self.page(offset).await) })
                    .buffered(PAGES_AT_ONCE)
            );
            while length == full
                && let Some((at, page)) = ahead.next().await
            {
                let (page, _) = page?;
                (offset, length) = (at, length_of(&page));
                sweep.add(page)?;
            }
            // Requests that nobody polls any more must not keep their permits: the next page could wait for one forever.
        }
        while length >= limit || offset + length < total {
            offset += length.saturating_sub(1).max(1);
            let (page, _) = self.page(offset).await?;
            // A single row leaves nothing for the next page to overlap with.
            let is_after_one = length == 1 && page.rows.is_empty();
            length = length_of(&page);
            if is_after_one || sweep.add(page)? == 0 {
                break;
            }
        }
        Ok((sweep, sent))
    }
}

impl Sweep {
    /// Adds the next page and returns how many rows it adds. Fails if the page does not continue the one before.
    fn add(&mut self, page: Page) -> Result<usize, Unlisted> {
        let Page { rows, bytes, total: _, limit: _, date: _ } = page;
        let expected = rows.len() - usize::from(self.end.is_some() && !rows.is_empty());
        let before = self.rows.len();
        if self.end.is_some() && self.end.as_ref() != rows.first().map(|row| &row.id) {
            return Err(Unlisted::Torn { shown: before });
        }
        self.end = rows.last().map(|row| row.id.clone());
        self.bytes += bytes;
        self.rows.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        let added = self.rows.len() - before;
        if added != expected {
            return Err(Unlisted::Torn { shown: self.rows.len() });
        }
        if self.rows.len() > MAX_ROWS {
            return Err(Unlisted::Error(ListError::TooManyRows));
        }
        if self.bytes > MAX_LISTING_BYTES {
            return Err(Unlisted::Error(ListError::TooLarge));
        }
        Ok(added)
    }
}

impl From<ListError> for Unlisted {
    fn from(error: ListError) -> Self {
        Self::Error(error)
    }
}

fn length_of(page: &Page) -> u64 {
    u64::try_from(page.rows.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
