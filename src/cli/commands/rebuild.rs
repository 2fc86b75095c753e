//! `keyform state rebuild`

use std::time::Duration;

use clap::Args;

use crate::account::{Listing, TokioClock};
use crate::apply::rebuilt;
use crate::cli::args::{AccountArgs, DayArgs, LockArgs, RequestArgs};
use crate::cli::context::{Account, Context};
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::planning;
use crate::cli::ui::Ui;
use crate::manifest::Desired;
use crate::names::KeyName;
use crate::plan::guard::{self, Acknowledged, Stage};
use crate::plan::{Change, Input, Plan, compare};
use crate::report::{rebuild, text};
use crate::state::{FileSession, Loaded, Session as _, State, StateError, lock_within};

use super::{approved, cannot_print, runtime};

#[derive(Debug, Args)]
pub(super) struct StateRebuildArgs {
    /// Do not ask before a state is replaced that can be read
    #[arg(short = 'y', long)]
    auto_approve: bool,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    day: DayArgs,
    #[command(flatten)]
    pub(super) account: AccountArgs,
}

pub(super) fn run(args: &StateRebuildArgs, context: &Context) -> Result<Exit, Stop> {
    let desired = context.desired(args.day.resolve())?;
    Ok(runtime()?.block_on(make_anew(args, context, &desired))?)
}

async fn make_anew(args: &StateRebuildArgs, context: &Context, desired: &Desired) -> Result<Exit, CliError> {
    let account = context.account(args.requests)?;
    let store = context.store();
    let waiting = |held: &StateError| context.ui.status(&format!("Waiting: {held}"));
    let patience = Duration::from_secs(args.lock.lock_timeout);
    let mut session = lock_within(&store, patience, &TokioClock::default(), waiting).await?;
    let old = read(context, &mut session).await?;
    let listing = observe(&account, old.as_ref()).await?;
    let plan = adoptions(args, desired, &account, &listing);
    let refusals = guard::refusals(&plan, &Acknowledged::default(), Stage::Apply);
    if !refusals.is_empty() {
        context.ui.tell(&text::refusals(&refusals));
        return Ok(Exit::Refused);
    }
    let new = rebuilt(&plan, uuid::Uuid::new_v4());
    if let Some(old) = &old {
        let path = store.path().display().to_string();
        context.ui.tell(&rebuild::losses(old, &new, &path));
        if !args.auto_approve && !is_approved().await? {
            context.ui.status("Nothing was changed.");
            return Ok(Exit::Failed);
        }
    }
    let kept = session.set_aside()?;
    session.fold(&new).await?;
    let kept: Vec<_> = kept.iter().map(|path| path.display().to_string()).collect();
    let today = args.day.resolve();
    let recorded = |name: &KeyName| new.records.values().any(|record| record.name == *name);
    let wanted = desired.keys.iter().filter(|key| !key.is_expired(today)).map(|key| &key.name);
    let missing: Vec<_> = wanted.filter(|name| !recorded(name)).collect();
    let told = rebuild::rebuilt(&new, &missing, &store.path().display().to_string(), &kept);
    context.ui.result(&told).map_err(cannot_print)?;
    Ok(Exit::Done)
}

/// Reads the state that is to be replaced; nothing if there is none, or none that anyone could read.
async fn read(context: &Context, session: &mut FileSession) -> Result<Option<State>, CliError> {
    match session.load().await {
        Ok(loaded) => {
            context.warn_of(&loaded);
            Ok(loaded.state)
        }
        Err(error) if error.is_broken() => {
            context.ui.warn(&error.to_string());
            // It may be the journal that is broken, and the state be as good as ever.
            Ok(session.state_alone().unwrap_or_default())
        }
        Err(error) => Err(error.into()),
    }
}

/// Lists the account. What a run that died has sent may not have arrived yet, and nothing here tells whether one did.
async fn observe(account: &Account, old: Option<&State>) -> Result<Listing, CliError> {
    planning::observe(account, &Loaded { state: old.cloned(), journaled: true, warnings: Vec::new() }).await
}

/// A plan that is made without a state, and does nothing on the account.
fn adoptions(args: &StateRebuildArgs, desired: &Desired, account: &Account, listing: &Listing) -> Plan {
    let mut plan = compare(Input {
        desired,
        recorded: None,
        observed: Some(listing),
        endpoint: &account.endpoint,
        today: args.day.resolve(),
        destroy: false,
    });
    plan.actions.retain(|action| matches!(action.change, Change::Adopt { .. }));
    plan
}

async fn is_approved() -> Result<bool, CliError> {
    if !Ui::can_ask() {
        return Err(CliError::new("the state can be read, and there is no terminal to ask whether to replace it")
            .hint("look at it with `keyform state list`; if it is to go all the same, use --auto-approve"));
    }
    approved("Replace this state? Only `yes` is taken as yes:").await
}
