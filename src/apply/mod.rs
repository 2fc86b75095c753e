//! Carries out a plan: uploads, then the promotion, then deletions. What is learned is journalled at once.
//!
//! No key is uploaded twice: the intent to upload is durable before the first request, and an upload without a valid
//! response is repeated only after a listing has shown that it was not carried out.
//!
//! [`tools`] holds what a run works with, [`facts`] what it knows. [`settling`], [`dependencies`] and [`findings`] decide
//! from the facts, without I/O. [`run`] and the files of its steps ([`uploads`], [`changes`], [`verify`]) carry the
//! decisions out, and [`ledger`] writes down what they learn.

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
mod tools;
mod uploads;
mod verify;

pub use event::Event;
pub use observe::{ARRIVAL, list_for_plan};
pub use outcome::{Finding, Outcome, Saved, Status, Step, Verification};
pub use rebuild::rebuilt;
pub use tools::{ApplyOptions, DEFAULT_CONCURRENCY, Tools, unless_stopped};

use crate::account::{Clock, ReadAccount, WriteAccount};
use crate::plan::Plan;
use crate::state::{LoadedState, Session};
use run::Run;

/// Carries out a plan that was made from `loaded`, the state which `session` has locked.
///
/// The failure of one key is part of the outcome and does not stop the others. On return, everything that was learned is
/// durable in the state, or the outcome says why not and where else it is kept.
pub async fn execute<A, C, S>(plan: &Plan, loaded: LoadedState, session: &mut S, tools: &Tools<'_, A, C>) -> Outcome
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
