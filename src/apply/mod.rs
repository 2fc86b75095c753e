//! Observes an account, and carries out a plan: uploads, then the promotion, then deletions. What is learned is journalled
//! at once.
//!
//! No key is uploaded twice, even if the account answers late. The intent to upload is durable before the first request,
//! and an upload without a valid response is repeated only after listings have shown that it was not carried out, under
//! the assumptions of [`Lateness`](crate::account::Lateness).
//!
//! [`sightings`] says what several listings show together, and [`relisting`] makes them: for [`observe()`] before the plan,
//! for [`uncertain`] uploads, and for [`verify`] at the end. [`tools`] holds what a run works with, [`facts`]
//! what it knows, and [`gate`] whether it may go on. [`settling`], [`dependencies`] and [`findings`] decide from the facts, without I/O. [`run`] and the files
//! of its steps carry the decisions out, and [`ledger`] writes down what they learn.

mod changes;
mod dependencies;
mod event;
mod facts;
mod findings;
mod gate;
mod intents;
mod ledger;
mod observe;
mod outcome;
mod rebuild;
mod relisting;
mod run;
mod settling;
mod sightings;
mod tools;
mod uncertain;
mod uploads;
mod verify;
mod waiting;

pub use event::Event;
pub use gate::unless_stopped;
pub use observe::{Observation, ObserveOptions, observe};
pub use outcome::{Finding, Outcome, Saved, Status, Step, Verification};
pub use rebuild::rebuilt;
pub use tools::{ApplyOptions, DEFAULT_CONCURRENCY, Tools};
pub use waiting::{WaitReason, Waiting};

use crate::account::{Clock, ReadAccount, WriteAccount};
use crate::plan::Plan;
use crate::state::{LoadedState, Session};
use gate::Gate;
use run::Run;

/// Carries out a plan that was made from `loaded`, the state which `session` has locked, and from the account as it was
/// observed. Without an observation the plan must be offline.
///
/// The failure of one key is part of the outcome and does not stop the others. On return, everything that was learned is
/// durable in the state, or the outcome says why not and where else it is kept.
pub async fn execute<A, C, S>(
    plan: &Plan,
    loaded: LoadedState,
    observation: Option<Observation>,
    session: &mut S,
    tools: &Tools<'_, A, C>,
) -> Outcome
where
    A: ReadAccount + WriteAccount,
    C: Clock,
    S: Session,
{
    (tools.observer)(&Event::Started { steps: plan.actions.len() });
    let start = tools.throttle.clock().now();
    let gate = Gate { stop: tools.stop, lease: session.lease() };
    let mut run = Run::new(plan, loaded, observation, session, tools, &gate);
    run.record_intents().await;
    run.adopt().await;
    run.upload().await;
    run.promote().await;
    run.restore_primary().await;
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
