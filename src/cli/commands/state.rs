//! `keyform state`

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::apply::unless_stopped;
use crate::cli::args::{AccountArgs, LockArgs, ManifestArgs, OutputFormat, SandboxArgs, StateFileArgs, WorkspaceArgs};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::ui::Ui;
use crate::names::KeyName;
use crate::report::{View, json, text};
use crate::state::{LoadedState, Record, Session as _, State, StateSession, StateStore, Store as _, file};
use crate::terminal::nearest::nearest;

use super::{finish, push, rebuild, run_to_stop, runtime, unlock};

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(in crate::cli) struct StateArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    state: StateFileArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// List the recorded keys
    List(StateListArgs),
    /// Show the details of a recorded key
    Show(StateShowArgs),
    /// Stop managing keys without deleting them
    ///
    /// The keys stay on the account. Remove them from the manifest as well, or the next apply adopts them again.
    Forget(StateForgetArgs),
    /// Rebuild a lost or broken state from the account
    ///
    /// Records the keys of the manifest that are on the account, and changes nothing on the account. The old state is
    /// kept under another name. keyform stops managing keys that the manifest no longer lists.
    Rebuild(rebuild::StateRebuildArgs),
    /// Print the state as JSON
    ///
    /// Results of an apply that has not ended are in it.
    Pull,
    /// Replace the state by the one in a file
    ///
    /// Refuses a state with another lineage, or without a greater serial. Where there is no state, any state can be written:
    /// so a state can be moved to another place.
    Push(push::StatePushArgs),
    /// End the lock that a killed run has left
    ///
    /// Names the process that has the lock, and asks. That run must have ended: otherwise, both could change the account at
    /// the same time. Only locks at https:// have to be broken; others end with their process, or soon after.
    Unlock(unlock::StateUnlockArgs),
}

#[derive(Debug, Args)]
struct StateListArgs {
    /// Output format (json maps names to ids)
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

#[derive(Debug, Args)]
struct StateShowArgs {
    /// Name of the key
    name: KeyName,
    /// Output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Show the randomart of the key, as ssh-keygen -lv does
    #[arg(long)]
    randomart: bool,
}

#[derive(Debug, Args)]
struct StateForgetArgs {
    /// Names of the keys
    #[arg(required = true)]
    names: Vec<KeyName>,
    #[command(flatten)]
    lock: LockArgs,
}

pub(in crate::cli) fn run(args: StateArgs, ui: Ui, signals: &Signals) -> Result<Exit, CliError> {
    let StateArgs { manifest, state, sandbox, command } = args;
    let account = match &command {
        StateCommand::Rebuild(args) => args.account.clone(),
        StateCommand::List(_)
        | StateCommand::Show(_)
        | StateCommand::Forget(_)
        | StateCommand::Pull
        | StateCommand::Push(_)
        | StateCommand::Unlock(_) => AccountArgs::default(),
    };
    let context = Context::new(WorkspaceArgs { manifest, state, account, sandbox, ..WorkspaceArgs::default() }, ui);
    let store = context.store()?;
    let out = match &command {
        StateCommand::List(args) => list(args, &read(&context, &store)?),
        StateCommand::Show(args) => show(args, &read(&context, &store)?)?,
        StateCommand::Forget(args) => return forget(args, &context, &store, signals),
        StateCommand::Rebuild(args) => return rebuild::run(args, &context, &store, signals),
        StateCommand::Pull => file::to_text(&read(&context, &store)?),
        StateCommand::Push(args) => return push::run(args, &context, &store, signals),
        StateCommand::Unlock(args) => return unlock::run(args, &context, &store, signals),
    };
    ui.result(&out)?;
    Ok(Exit::Done)
}

impl StateArgs {
    /// Returns the id of a flag that is set but has no effect with the chosen format.
    pub(in crate::cli) fn without_effect(&self) -> Option<&'static str> {
        let is_json = |args: &StateShowArgs| args.randomart && args.format == OutputFormat::Json;
        matches!(&self.command, StateCommand::Show(args) if is_json(args)).then_some("randomart")
    }
}

fn read(context: &Context, store: &StateStore) -> Result<State, CliError> {
    let loaded = runtime()?.block_on(store.load())?;
    recorded(context, store, loaded)
}

fn recorded(context: &Context, store: &StateStore, loaded: LoadedState) -> Result<State, CliError> {
    context.warn_of(&loaded);
    loaded.state.ok_or_else(|| {
        CliError::new(format!("there is no state at {}", store.location()))
            .hint("create it with `keyform apply`, or choose another one with --state LOCATION or --manifest PATH")
    })
}

/// Drops records, and adds the results that a killed run left in the journal.
fn forget(args: &StateForgetArgs, context: &Context, store: &StateStore, signals: &Signals) -> Result<Exit, CliError> {
    let forget = async |session: &mut StateSession| forget_locked(args, context, store, signals, session).await;
    let work = async { finish(context, context.with_lock(store, args.lock, signals, forget).await?.flatten()) };
    run_to_stop(context, signals, work, "Stopped. `keyform state list` shows which keys are still managed.")
}

/// Returns what to print. `None` if a signal came before anything was written.
async fn forget_locked(
    args: &StateForgetArgs,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
    session: &mut StateSession,
) -> Result<Option<String>, CliError> {
    let Some(loaded) = unless_stopped(&signals.stop, session.load()).await else { return Ok(None) };
    let mut state = recorded(context, store, loaded?)?;
    let mut out = String::new();
    for name in &args.names {
        for record in named(name, &state)? {
            let _ = writeln!(out, "{}: no longer managed; {} stays on the account", record.name, record.id);
        }
    }
    state.records.retain(|_, record| !args.names.contains(&record.name));
    state.replaced.retain(|_, record| !args.names.contains(&record.name));
    state.serial = session.serial_after(&state);
    let in_flight = signals.in_flight();
    session.fold(&state).await?;
    drop(in_flight);
    Ok(Some(out))
}

/// Returns the records of a name, also of rows that are still to be deleted, or an error that suggests the nearest name.
fn named<'s>(name: &KeyName, state: &'s State) -> Result<Vec<&'s Record>, CliError> {
    let records = state.sorted().into_iter().chain(state.replaced.values());
    let records: Vec<_> = records.filter(|record| record.name == *name).collect();
    if !records.is_empty() {
        return Ok(records);
    }
    let names = state.sorted().into_iter().map(|record| record.name.as_str());
    let error = CliError::new(format!("the state has no key named {name}"));
    Err(match nearest(name.as_str(), names) {
        Some(nearest) => error.hint(format!("did you mean {nearest}? `keyform state list` shows all keys")),
        None => error.hint("`keyform state list` shows all keys"),
    })
}

fn list(args: &StateListArgs, state: &State) -> String {
    match args.format {
        OutputFormat::Text => text::records(state),
        OutputFormat::Json => json::ids(state),
    }
}

fn show(args: &StateShowArgs, state: &State) -> Result<String, CliError> {
    let records = named(&args.name, state)?;
    Ok(match args.format {
        OutputFormat::Text => {
            let view = View { randomart: args.randomart, ..View::default() };
            records.into_iter().map(|record| text::record(record, view)).collect::<Vec<_>>().join("\n")
        }
        OutputFormat::Json => json::records(&records),
    })
}
