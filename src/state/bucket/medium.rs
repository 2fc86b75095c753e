//! A bucket with a clock: reads that are repeated, and errors with a place.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::api::{Bucket, BucketError, BucketErrorKind};
use super::entry::LogEntry;
use super::index::{LogIndex, entry_name};
use crate::account::Clock;
use crate::state::error::{StateError, StateErrorKind};

/// The pauses between attempts to read.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// How many entries are read at a time.
const CONCURRENT_READS: usize = 16;

#[derive(Debug)]
pub(super) struct Medium<B, C> {
    pub(super) bucket: B,
    pub(super) clock: C,
    /// The folder, as it is shown.
    pub(super) place: String,
}

impl<B: Bucket, C: Clock> Medium<B, C> {
    pub(super) fn place_of(&self, name: &str) -> String {
        format!("{}/{name}", self.place)
    }

    pub(super) async fn list(&self) -> Result<LogIndex, StateError> {
        let listed = self.repeat(|| self.bucket.list()).await;
        listed.map(|list| LogIndex::new(&list)).map_err(|error| failed("list", error).at(&self.place))
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let read = self.repeat(|| self.bucket.read(name)).await;
        read.map_err(|error| failed("read", error).at(self.place_of(name)))
    }

    /// Reads an entry. `None` if it was deleted, because there is a newer state.
    pub(super) async fn read_entry(&self, generation: u64, number: u64) -> Result<Option<LogEntry>, StateError> {
        let name = entry_name(generation, number);
        let bytes = self.read(&name).await?;
        bytes.map(|bytes| LogEntry::parse(&bytes).map_err(|kind| kind.at(self.place_of(&name)))).transpose()
    }

    /// Reads entries in their order. `None` if one was deleted, because there is a newer state.
    pub(super) async fn read_entries(
        &self,
        generation: u64,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<Option<Vec<LogEntry>>, StateError> {
        let reads = stream::iter(numbers).map(|number| self.read_entry(generation, number));
        let entries: Vec<_> = reads.buffered(CONCURRENT_READS).try_collect().await?;
        Ok(entries.into_iter().collect())
    }

    /// Repeats an operation that changes nothing.
    async fn repeat<T>(&self, mut operation: impl AsyncFnMut() -> Result<T, BucketError>) -> Result<T, BucketError> {
        for pause in PAUSES {
            match operation().await {
                Err(error) if error.kind == BucketErrorKind::Unavailable => {
                    tracing::info!("reading the state again: {error}");
                    self.clock.sleep(pause).await;
                }
                done => return done,
            }
        }
        operation().await
    }
}

pub(super) fn failed(doing: &'static str, source: BucketError) -> StateErrorKind {
    StateErrorKind::Bucket { doing, source }
}
