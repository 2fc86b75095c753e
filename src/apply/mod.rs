//! Carries a plan out: uploads, then the promotion, then deletions; each thing is journalled as soon as it is known, and
//! uploads together with those that are done at the same time.
//!
//! Exactly once: the intent to upload is durable before the first request, and an upload whose answer was lost is
//! looked for in a listing before it is sent again.

mod changes;
mod event;
mod ledger;
mod observe;
mod outcome;
mod rebuild;
mod uploads;
mod verify;

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

pub use event::Event;
pub use observe::{ARRIVAL, observe};
pub use outcome::{Finding, Outcome, Saved, Status, Step};
pub use rebuild::rebuilt;

use crate::account::{
    Clock, Effect, Failure, FailureKind, Operation, ReadAccount, RetryPolicy, SendError, SendStep, Throttle,
    WriteAccount,
};
use crate::names::KeyName;
use crate::plan::Plan;
use crate::state::{Loaded, Session};
use ledger::Ledger;

/// Why an action was not begun after someone asked to stop.
const INTERRUPTED: &str = "the run was interrupted";

/// How many uploads or deletions are under way at a time, unless something else is asked for.
pub const DEFAULT_CONCURRENCY: usize = 10;

/// How to go about it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many uploads or deletions are under way at a time. At least 1.
    pub concurrency: usize,
    /// How often a request is tried again.
    pub retries: RetryPolicy,
    /// Whether the first failure keeps everything else from starting.
    pub fail_fast: bool,
}

/// What an apply works with.
pub struct Tools<'a, R, W, C> {
    /// Lists the account; nothing offline, where nothing may be listed.
    pub reader: Option<&'a R>,
    /// Changes the account.
    pub writer: &'a W,
    /// When requests may go out.
    pub throttle: &'a Throttle<C>,
    /// How to go about it.
    pub options: Options,
    /// Once cancelled, nothing new is started.
    pub stop: &'a CancellationToken,
    /// Told of everything that happens.
    pub observer: &'a dyn Fn(&Event<'_>),
    /// The lineage for a state that is made anew.
    pub lineage: uuid::Uuid,
}

impl<R, W, C: Clock> Tools<'_, R, W, C> {
    /// Sends a request about a key as often as it may be sent, and reports it to the observer. `attempt` of its retries
    /// are used up already.
    async fn send<T, F>(
        &self,
        operation: Operation,
        name: &KeyName,
        attempt: u32,
        request: impl FnMut() -> F,
    ) -> Result<T, SendError<()>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let observe = |step: SendStep<'_>| {
            (self.observer)(&match step {
                SendStep::Sending => Event::Request { operation, name },
                SendStep::Retrying(failure) => Event::Retrying { name, failure },
            });
        };
        self.throttle.send(operation, self.options.retries, attempt, self.stop.cancelled(), observe, request).await
    }
}

/// Carries out a plan that was made from `loaded`, the state that `session` holds the lock of.
///
/// Failures of single keys are in the outcome and do not stop the others. When this returns, all that was learned is in
/// the state, or, if that could not be written, in the outcome, which says where else it is kept.
pub async fn execute<R, W, C, S>(plan: &Plan, loaded: Loaded, session: &mut S, tools: &Tools<'_, R, W, C>) -> Outcome
where
    R: ReadAccount,
    W: WriteAccount,
    C: Clock,
    S: Session,
{
    (tools.observer)(&Event::Started { steps: plan.actions.len() });
    let begun = tools.throttle.clock().now();
    let mut run = Run {
        plan,
        tools,
        ledger: Ledger::open(plan, loaded, session, tools.lineage),
        outcome: Outcome::new(plan),
        halt: None,
        unpromoted: false,
    };
    run.intend().await;
    run.adopt().await;
    run.upload().await;
    run.promote().await;
    run.delete().await;
    run.forget().await;
    run.read_back().await;

    let Run { ledger, mut outcome, .. } = run;
    outcome.interrupted = tools.stop.is_cancelled();
    ledger.close(&mut outcome).await;
    outcome.elapsed = tools.throttle.clock().now().saturating_sub(begun);
    if let Some(saved) = &outcome.saved {
        (tools.observer)(&Event::Saved { serial: saved.serial });
    }
    outcome
}

/// One plan being carried out.
struct Run<'a, R, W, C, S> {
    plan: &'a Plan,
    tools: &'a Tools<'a, R, W, C>,
    ledger: Ledger<'a, S>,
    outcome: Outcome,
    /// Why nothing more may be started.
    halt: Option<String>,
    /// Whether a promotion was planned and is not made: the primary of before must stay.
    unpromoted: bool,
}

impl<R, W, C, S: Session> Run<'_, R, W, C, S> {
    /// Why nothing more may be started, if so.
    fn halted(&self) -> Option<String> {
        if self.ledger.is_in_trouble() {
            // What cannot be written down must not be done.
            return Some("the state cannot be written".to_owned());
        }
        self.halt.clone().or_else(|| self.tools.stop.is_cancelled().then(|| INTERRUPTED.to_owned()))
    }

    /// Notes the end of an action.
    fn end(&mut self, index: usize, status: Status) {
        if let Status::Failed(failure) = &status
            && self.halt.is_none()
        {
            if concerns_all(failure) {
                self.halt = Some("it would fail in the same way".to_owned());
            } else if self.tools.options.fail_fast {
                self.halt = Some("another key failed, and --fail-fast is set".to_owned());
            }
        }
        if let (Some(step), Some(action)) = (self.outcome.steps.get_mut(index), self.plan.actions.get(index)) {
            step.status = status;
            (self.tools.observer)(&Event::Ended { step, action });
        }
    }

    /// Whether an action still has something to come.
    fn is_waiting(&self, index: usize) -> bool {
        self.outcome.steps.get(index).is_some_and(|step| step.status == Status::Waiting)
    }
}

/// Whether every other request would fail in the same way.
fn concerns_all(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::BadToken | FailureKind::MissingPermission(_) | FailureKind::Forbidden | FailureKind::Redirect => {
            true
        }
        FailureKind::Transport(_) => failure.effect == Effect::NotSent,
        _ => false,
    }
}

/// Waits for something, unless someone asks to stop first: nothing comes back then.
pub async fn unless_stopped<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Option<T> {
    if stop.is_cancelled() {
        return None;
    }
    match select(std::pin::pin!(future), std::pin::pin!(stop.cancelled())).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
