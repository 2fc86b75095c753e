//! Lists the account before a plan is made that is carried out.

use std::time::Duration;

use crate::account::{Clock, ListError, Listing, ReadAccount, RetryPolicy, Throttle, list_all};
use crate::state::LoadedState;

/// How long a request without a response gets to be carried out, before a listing that does not show it is believed.
///
/// The account can still be working on a request after its connection broke, its response timed out or its process was
/// killed. An upload that is carried out later than this can make a second row: the API cannot name a request.
pub const ARRIVAL: Duration = Duration::from_secs(1);

/// Lists the account for a plan on top of the loaded state. The caller holds the lock of the state.
///
/// If an earlier run was killed or left uncertain uploads, waits [`ARRIVAL`] for its last requests first.
pub async fn list_for_plan<R: ReadAccount, C: Clock>(
    reader: &R,
    throttle: &Throttle<C>,
    policy: RetryPolicy,
    loaded: &LoadedState,
) -> Result<Listing, ListError> {
    let is_pending = loaded.state.as_ref().is_some_and(|state| !state.pending.is_empty());
    if loaded.journaled || is_pending {
        throttle.clock().sleep(ARRIVAL).await;
    }
    list_all(reader, throttle, policy).await
}
