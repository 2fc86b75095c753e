//! The whole account: all pages of its listing, combined into one that is complete.
//!
//! The API promises no order, and rows move from page to page while others write. A listing without one of the rows would
//! make a plan upload a key twice, so a listing is believed only if it agrees with itself.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::pending;

use futures_util::stream::{self, StreamExt as _};
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

/// The most pages of one listing.
pub const MAX_PAGES: u64 = 2_000;

/// How many pages are requested at a time.
pub const PAGES_AT_ONCE: usize = 10;

/// How often an account is listed if its listing does not agree with itself.
pub const MAX_SWEEPS: u32 = 4;

/// The keys that users uploaded to one account, indexed. System keys are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Sorted by id.
    rows: Vec<Row>,
    /// The indices of rows by the key that they hold.
    by_blob: HashMap<KeyBlob, Vec<usize>>,
}

/// Why an account could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    #[error("cannot list the account: {0}")]
    Page(#[from] Failure),
    /// Listed [`MAX_SWEEPS`] times, and the pages never agreed.
    #[error(
        "the listing of the account keeps changing: listed {MAX_SWEEPS} times, the last time it {}showed {shown} keys", .stated.map(|stated| format!("stated {stated} and ")).unwrap_or_default()
    )]
    KeepsChanging {
        /// How many rows the account has by its own count, if it states one.
        stated: Option<u64>,
        shown: usize,
    },
    /// More than [`MAX_PAGES`].
    #[error("the listing of the account has more than {MAX_PAGES} pages, the most that are read")]
    TooManyPages,
    #[error("the account lists keys of two users, `{first}` and `{second}`")]
    SeveralUsers { first: UserId, second: UserId },
}

/// Lists the account until the pages agree, at most [`MAX_SWEEPS`] times.
pub async fn list_all<R: ReadAccount, C: Clock>(
    reader: &R,
    throttle: &Throttle<C>,
    policy: RetryPolicy,
) -> Result<Listing, ListError> {
    let pages = Pages { reader, throttle, policy };
    let mut before: Option<Sweep> = None;
    for number in 0..MAX_SWEEPS {
        let sweep = if number == 0 { pages.side_by_side().await? } else { pages.one_by_one().await? };
        if sweep.is_whole() || before.as_ref().is_some_and(|before| sweep.confirms(before)) {
            return Listing::new(sweep.rows.into_values());
        }
        tracing::info!(stated = sweep.stated, shown = sweep.rows.len(), "the listing changed while it was read");
        before = Some(sweep);
    }
    let (stated, shown) = before.map_or((None, 0), |sweep| (sweep.stated, sweep.rows.len()));
    Err(ListError::KeepsChanging { stated, shown })
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
        let mut by_blob: HashMap<KeyBlob, Vec<usize>> = HashMap::new();
        for (index, row) in rows.iter().enumerate() {
            if let Some(blob) = &row.blob {
                by_blob.entry(blob.clone()).or_default().push(index);
            }
        }
        Ok(Self { rows, by_blob })
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
            Self::KeepsChanging { .. } => {
                Some("someone else is changing the account's keys: try again when they are done".to_owned())
            }
            Self::TooManyPages => Some("delete keys that nobody uses".to_owned()),
            Self::SeveralUsers { .. } => Some("use a token that sees the keys of one user".to_owned()),
        }
    }
}

/// The pages of an account.
struct Pages<'a, R, C> {
    reader: &'a R,
    throttle: &'a Throttle<C>,
    policy: RetryPolicy,
}

/// The result of reading all pages once.
#[derive(Default)]
struct Sweep {
    rows: BTreeMap<KeyId, Row>,
    /// The number of rows according to the first page that states it.
    stated: Option<u64>,
    /// Whether another page states another number.
    disputed: bool,
    /// Whether a page showed a row again, together with new ones.
    overlaps: bool,
    /// Whether it was read up to a page without rows.
    exhausted: bool,
}

impl<R: ReadAccount, C: Clock> Pages<'_, R, C> {
    async fn page(&self, offset: u64) -> Result<Page, Failure> {
        let request = || self.reader.page(offset, PAGE_ROWS);
        match self.throttle.send(Operation::List, self.policy, 0, pending::<Infallible>(), |_| {}, request).await {
            Ok(page) => Ok(page),
            Err(SendError::Failed(failure)) => Err(failure),
        }
    }

    /// Reads the first page, then the others at once if it states how many rows there are.
    async fn side_by_side(&self) -> Result<Sweep, ListError> {
        let first = self.page(0).await?;
        let Some(stated) = first.total else {
            return self.onwards(first).await;
        };
        // As many as came, and not as were requested: the account may put fewer rows on a page.
        let step = length(&first);
        let mut sweep = Sweep::default();
        sweep.add(first);
        if step == 0 || step >= stated {
            return Ok(sweep);
        }
        if stated.div_ceil(step) > MAX_PAGES {
            return Err(ListError::TooManyPages);
        }
        let offsets = (1..stated.div_ceil(step)).map(|number| number * step);
        let mut pages = stream::iter(offsets).map(|offset| self.page(offset)).buffer_unordered(PAGES_AT_ONCE);
        while let Some(page) = pages.next().await {
            sweep.add(page?);
        }
        Ok(sweep)
    }

    /// Reads page after page until one has no new rows, without regard to the stated number.
    async fn one_by_one(&self) -> Result<Sweep, ListError> {
        let first = self.page(0).await?;
        self.onwards(first).await
    }

    async fn onwards(&self, first: Page) -> Result<Sweep, ListError> {
        let mut sweep = Sweep::default();
        let mut offset = 0;
        let mut page = first;
        for _ in 0..MAX_PAGES {
            let rows = length(&page);
            // Without a total, a page that is not full is the last; with one, only an empty page is believed.
            let is_last = page.total.is_none() && page.limit.is_some_and(|limit| rows < limit.min(PAGE_ROWS));
            let new = sweep.add(page);
            sweep.exhausted = rows == 0;
            if new == 0 || is_last {
                return Ok(sweep);
            }
            offset += rows;
            page = self.page(offset).await?;
        }
        Err(ListError::TooManyPages)
    }
}

impl Sweep {
    /// Adds a page and returns how many of its rows are new.
    fn add(&mut self, page: Page) -> usize {
        match (self.stated, page.total) {
            (Some(before), Some(now)) if before != now => self.disputed = true,
            (None, now) => self.stated = now,
            _ => {}
        }
        let (before, came) = (self.rows.len(), page.rows.len());
        self.rows.extend(page.rows.into_iter().map(|row| (row.id.clone(), row)));
        let new = self.rows.len() - before;
        self.overlaps |= new > 0 && new < came;
        new
    }

    /// Whether it agrees with itself.
    fn is_whole(&self) -> bool {
        match self.stated {
            Some(stated) => !self.disputed && usize::try_from(stated).is_ok_and(|stated| stated == self.rows.len()),
            None => !self.overlaps,
        }
    }

    /// Whether both, read to an empty page, show the same rows, each once. Then no row is missing, and the account states
    /// the number of something else.
    fn confirms(&self, before: &Self) -> bool {
        let is_clean = |sweep: &Self| sweep.exhausted && !sweep.overlaps && !sweep.disputed;
        is_clean(self) && is_clean(before) && self.rows.keys().eq(before.rows.keys())
    }
}

fn length(page: &Page) -> u64 {
    u64::try_from(page.rows.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
