//! Carries out a plan: uploads, then the promotion, then deletions. What is learned is journalled at once.
//!
//! No key is uploaded twice: the intent to upload is durable before the first request, and an upload without a valid
//! response is repeated only after a listing has shown that it was not carried out.
//!
//! [`facts`] holds what a run knows. [`settling`], [`dependencies`] and [`findings`] decide from it, without I/O.
//! [`run`] and the files of its steps ([`uploads`], [`changes`], [`verify`]) carry the decisions out.

mod changes;
mod dependencies;
mod event;
mod facts;
mod findings;
mod ledger;
mod observe;
mod outcome;
mod rebuild;
mod run;
mod settling;
mod uploads;
mod verify;

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

pub use event::Event;
pub use findings::Finding;
pub use observe::{ARRIVAL, list_for_plan};
pub use outcome::{Outcome, Saved, Status, Step, Verification};
pub use rebuild::rebuilt;

use crate::account::{Clock, ReadAccount, RetryPolicy, Throttle, WriteAccount};
use crate::plan::Plan;
use crate::state::{Loaded, Session};
use run::Run;

pub const DEFAULT_CONCURRENCY: usize = 10;

#[derive(Debug, Clone, Copy)]
pub struct ApplyOptions {
    /// How many uploads or deletions are in flight at a time. At least 1.
    pub concurrency: usize,
    pub retries: RetryPolicy,
    /// Whether nothing more is started after the first failure.
    pub fail_fast: bool,
    /// Whether the account must not be listed.
    pub offline: bool,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { concurrency: DEFAULT_CONCURRENCY, retries: RetryPolicy::default(), fail_fast: false, offline: false }
    }
}

/// What an apply works with.
pub struct Tools<'a, A, C> {
    pub account: &'a A,
    pub throttle: &'a Throttle<C>,
    pub options: ApplyOptions,
    /// Once cancelled, nothing more is started. Requests in flight are finished.
    pub stop: &'a CancellationToken,
    pub observer: &'a dyn Fn(&Event<'_>),
    /// The lineage of a new state.
    pub lineage: uuid::Uuid,
}

/// Carries out a plan that was made from `loaded`, the state which `session` has locked.
///
/// The failure of one key is part of the outcome and does not stop the others. On return, everything that was learned is
/// durable in the state, or the outcome says why not and where else it is kept.
pub async fn execute<A, C, S>(plan: &Plan, loaded: Loaded, session: &mut S, tools: &Tools<'_, A, C>) -> Outcome
where
    A: ReadAccount + WriteAccount,
    C: Clock,
    S: Session,
{
    (tools.observer)(&Event::Started { steps: plan.actions.len() });
    let start = tools.throttle.clock().now();
    let mut run = Run::new(plan, loaded, session, tools);
    run.record_intents().await;
    run.adopt().await;
    run.upload().await;
    run.promote().await;
    run.delete().await;
    run.forget().await;
    let verification = run.verify().await;
    let mut outcome = run.finish(verification).await;
    outcome.elapsed = tools.throttle.clock().now().saturating_sub(start);
    if let Some(saved) = &outcome.saved {
        (tools.observer)(&Event::Saved { serial: saved.serial });
    }
    outcome
}

/// Waits for a future, or returns `None` as soon as `stop` is cancelled.
pub async fn unless_stopped<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Option<T> {
    if stop.is_cancelled() {
        return None;
    }
    match select(std::pin::pin!(future), std::pin::pin!(stop.cancelled())).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
