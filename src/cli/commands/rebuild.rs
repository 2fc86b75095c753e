//! `keyform state rebuild`

use clap::Args;
use jiff::civil::Date;

use crate::account::{Clock as _, Listing};
use crate::apply::{rebuilt, unless_stopped};
use crate::cli::account::Account;
use crate::cli::args::{AccountArgs, DayArgs, ListingArgs, LockArgs, RequestArgs};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::names::KeyName;
use crate::plan::guard::{self, Acknowledged, Stage};
use crate::plan::{Change, Input, Plan, compare};
use crate::report::{rebuild, text};
use crate::state::{LoadedState, Repair as _, Session as _, State, StateSession, StateStore};

use super::{approved, finish, run_to_stop, stopped};

#[derive(Debug, Args)]
pub(super) struct StateRebuildArgs {
    /// Replace a readable state without asking
    #[arg(short = 'y', long)]
    auto_approve: bool,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    listing: ListingArgs,
    #[command(flatten)]
    day: DayArgs,
    #[command(flatten)]
    pub(super) account: AccountArgs,
}

pub(super) fn run(
    args: &StateRebuildArgs,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
) -> Result<Exit, CliError> {
    let desired = context.desired(args.day.resolve())?;
    let account = context.account(args.requests)?;
    let basis = RebuildBasis { args, context, desired, account, store };
    let interrupted = "Stopped. `keyform state list` shows whether the state was replaced.";
    run_to_stop(context, signals, rebuild_state(&basis, signals), interrupted)
}

/// What a rebuilt state depends on.
struct RebuildBasis<'c> {
    args: &'c StateRebuildArgs,
    context: &'c Context,
    desired: Desired,
    account: Account,
    store: &'c StateStore,
}

async fn rebuild_state(basis: &RebuildBasis<'_>, signals: &Signals) -> Result<Exit, CliError> {
    let RebuildBasis { args, context, store, .. } = basis;
    let rebuild = async |session: &mut StateSession| {
        let Some(rebuilt) = unless_stopped(&signals.stop, prepare(basis, session)).await else {
            return Ok(Err(stopped(context)));
        };
        let RebuiltState { mut new, plan } = match rebuilt? {
            Ok(rebuilt) => rebuilt,
            Err(exit) => return Ok(Err(exit)),
        };
        let in_flight = signals.in_flight();
        let kept = session.set_aside().await?;
        new.serial = session.new_serial();
        session.fold(&new).await?;
        drop(in_flight);
        let recorded = |name: &KeyName| new.records.values().any(|record| record.name == *name);
        let missing: Vec<_> = basis.desired.keys.iter().map(|key| &key.name).filter(|name| !recorded(name)).collect();
        Ok(Ok(rebuild::rebuilt(&new, &missing, &plan.remarks(), &store.location().to_string(), &kept)))
    };
    match context.with_lock(store, args.lock, signals, rebuild).await? {
        Some(Err(exit)) => Ok(exit),
        Some(Ok(text)) => finish(context, Some(text)),
        None => finish(context, None),
    }
}

struct RebuiltState {
    new: State,
    plan: Plan,
}

/// Makes the new state, and asks for approval. Changes nothing. The inner error is the exit of a rebuild that does not take
/// place.
async fn prepare(basis: &RebuildBasis<'_>, session: &mut StateSession) -> Result<Result<RebuiltState, Exit>, CliError> {
    let RebuildBasis { args, context, desired, account, store } = basis;
    let old = read(context, session).await?;
    let lateness = context.lateness(args.listing);
    if matches!(old, Old::Unreadable(_)) {
        // It does not say whether a run that was killed left requests in flight, so wait for them.
        let pause = lateness.effect_after(account.timeout);
        context.ui.status(&format!("Waiting {} s for requests of an interrupted run", pause.as_secs()));
        account.throttle.clock().sleep(pause).await;
    }
    let loaded = LoadedState { state: old.into_state(), ..LoadedState::default() };
    let observation = account.observe(&loaded, lateness, false, context.ui).await?;
    let old = observation.state(&loaded);
    // Adopting keys without a state is what this command is for.
    let acknowledged = Acknowledged { new_state: true, ..Acknowledged::default() };
    let plan = adoptions(desired, account, &observation.listing);
    let refusals = guard::refusals(&plan, &acknowledged, Stage::Apply);
    if !refusals.is_empty() {
        context.ui.tell(&text::refusals(&refusals));
        return Ok(Err(Exit::Refused));
    }
    let new = rebuilt(&plan, uuid::Uuid::new_v4(), old, observation.listing.date());
    if let Some(old) = old {
        context.ui.tell(&rebuild::losses(old, &new, &store.location().to_string()));
        if !args.auto_approve && !is_approved().await? {
            context.ui.status("Nothing was changed.");
            return Ok(Err(Exit::Failed));
        }
    }
    Ok(Ok(RebuiltState { new, plan }))
}

/// The state that will be replaced.
enum Old {
    /// `None` if there is no state.
    Read(Option<State>),
    /// What can be read of it: the journal may be broken, and the state beside it intact.
    Unreadable(Option<State>),
}

impl Old {
    fn into_state(self) -> Option<State> {
        match self {
            Self::Read(state) | Self::Unreadable(state) => state,
        }
    }
}

async fn read(context: &Context, session: &mut StateSession) -> Result<Old, CliError> {
    match session.load().await {
        Ok(loaded) => {
            context.warn_of(&loaded);
            Ok(Old::Read(loaded.state))
        }
        Err(error) if error.is_broken() => {
            context.ui.warn(&error.to_string());
            Ok(Old::Unreadable(session.state_alone().await.unwrap_or_default()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Plans without a state, and keeps the adoptions, which change nothing on the account.
fn adoptions(desired: &Desired, account: &Account, listing: &Listing) -> Plan {
    let mut plan = compare(Input {
        desired,
        recorded: None,
        observed: Some(listing),
        endpoint: &account.endpoint,
        // A key that has expired is recorded too, so that a later plan removes it with its owner and name.
        today: Date::MIN,
        destroy: false,
    });
    // What the policy refuses does not keep a row from being recorded.
    plan.violations.clear();
    plan.refuses_unmanaged = false;
    plan.actions.retain(|action| matches!(action.change, Change::Adopt { .. }));
    plan
}

async fn is_approved() -> Result<bool, CliError> {
    if !Ui::can_ask() {
        return Err(CliError::new("cannot ask to replace a readable state without a terminal")
            .hint("check it with `keyform state list`; to replace it anyway, use --auto-approve"));
    }
    approved("Type \"yes\" to replace the state:").await
}
