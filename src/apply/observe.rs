//! What the account shows before a plan is made that is to be carried out.

use std::time::Duration;

use crate::account::{Clock, ListError, Listing, ReadAccount, RetryPolicy, Throttle, list_all};
use crate::state::Loaded;

/// How long a request that was given up gets to arrive, before a listing without its key is believed.
///
/// A connection that broke, a process that was killed, an answer that took too long: the account may still be at it.
/// Nothing protects against an upload that lands later than this, since the API has no way to name one.
pub const ARRIVAL: Duration = Duration::from_secs(1);

/// Lists the account for a plan on top of the state that was loaded, whose lock is held.
///
/// Where a run did not end, or did not learn what became of its uploads, what it sent last gets time to arrive.
pub async fn observe<R: ReadAccount, C: Clock>(
    reader: &R,
    throttle: &Throttle<C>,
    policy: RetryPolicy,
    loaded: &Loaded,
) -> Result<Listing, ListError> {
    let is_pending = loaded.state.as_ref().is_some_and(|state| !state.pending.is_empty());
    if loaded.journaled || is_pending {
        throttle.clock().sleep(ARRIVAL).await;
    }
    list_all(reader, throttle, policy).await
}
