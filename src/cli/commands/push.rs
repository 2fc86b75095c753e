//! `keyform state push`

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::apply::unless_stopped;
use crate::cli::args::LockArgs;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::state::{Session as _, State, StateSession, StateStore, file};

use super::{finish, run_to_stop};

#[derive(Debug, Args)]
pub(super) struct StatePushArgs {
    /// State to write, from `keyform state pull` (- for stdin)
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    lock: LockArgs,
}

/// Replaces the state by the one in a file.
pub(super) fn run(
    args: &StatePushArgs,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
) -> Result<Exit, CliError> {
    let state = read(&args.file)?;
    run_to_stop(
        context,
        signals,
        push(&state, args, context, store, signals),
        "Stopped. Read the state before you push it again.",
    )
}

async fn push(
    state: &State,
    args: &StatePushArgs,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
) -> Result<Exit, CliError> {
    let push = async |session: &mut StateSession| push_locked(state, context, store, signals, session).await;
    finish(context, context.with_lock(store, args.lock, signals, push).await?.flatten())
}

/// Returns what to print. `None` if a signal came before anything was written.
async fn push_locked(
    state: &State,
    context: &Context,
    store: &StateStore,
    signals: &Signals,
    session: &mut StateSession,
) -> Result<Option<String>, CliError> {
    let Some(loaded) = unless_stopped(&signals.stop, session.load()).await else { return Ok(None) };
    let loaded = loaded?;
    context.warn_of(&loaded);
    let place = store.location();
    if let Some(old) = &loaded.state {
        if !loaded.journaled && old == state {
            return Ok(Some(format!("{place} already has this state, with serial {}\n", state.serial)));
        }
        check_succession(old, state, loaded.journaled)?;
    }
    let in_flight = signals.in_flight();
    session.fold(state).await?;
    drop(in_flight);
    Ok(Some(format!("Wrote serial {} with {} keys to {place}\n", state.serial, state.records.len())))
}

/// Refuses a state that does not continue `old`, which has a journal.
fn check_succession(old: &State, new: &State, is_journaled: bool) -> Result<(), CliError> {
    if old.lineage != new.lineage {
        return Err(CliError::new(format!(
            "the state there has another lineage ({}) than the one to write ({})",
            old.lineage, new.lineage
        ))
        .hint(
            "it belongs to another account, or was lost and started again: choose the right one with --state LOCATION",
        ));
    }
    if is_journaled {
        return Err(CliError::new("the state there has results of an apply that has not ended")
            .hint("run `keyform apply`, which merges them, then pull and change the state again"));
    }
    if new.serial <= old.serial {
        return Err(CliError::new(format!(
            "the state there has serial {}, and the one to write has {}, which is not greater",
            old.serial, new.serial
        ))
        .hint("pull the newest state and change that one, with a greater serial"));
    }
    Ok(())
}

fn read(path: &Path) -> Result<State, CliError> {
    let read = if path == Path::new("-") {
        crate::files::read_stream(io::stdin().lock(), crate::files::MAX_OWN_BYTES)
    } else {
        crate::files::read_followed(path, crate::files::MAX_OWN_BYTES)
    };
    let text = read.map_err(|error| {
        let failed = CliError::new(format!("cannot read {}: {error}", path.display()));
        failed.hint("choose a file that `keyform state pull` wrote, or pass `-` for standard input")
    })?;
    file::from_text(&text).map_err(|kind| {
        let error = kind.at(path.display());
        CliError::new(error.to_string()).hint("choose a file that `keyform state pull` or apply wrote")
    })
}
