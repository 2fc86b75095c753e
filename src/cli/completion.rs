//! Completion of command lines. The script of `keyform completions SHELL` runs keyform at each press of Tab.
//!
//! Names come from the manifest and from a state file. Nothing is sent, no lock is taken, and what cannot be read gives no
//! names.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use clap::Arg;
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Shells};

use super::args::{DayArgs, When, WorkspaceArgs};
use super::context::Context;
use super::flags;
use super::ui::Ui;
use super::variables::{COMPLETE, environment};
use crate::account::settings;
use crate::manifest::{self, Desired};
use crate::state::{StateLocation, Store as _};
use crate::terminal::shell::quoted;

const PROGRAM: &str = env!("CARGO_PKG_NAME");

const SHELLS: Shells<'static> = Shells::builtins();

/// Returns the script that a shell has to load.
pub(super) fn script(shell: Shell) -> io::Result<String> {
    let mut script = Vec::new();
    let shell = SHELLS.completer(&shell.to_string()).ok_or(io::ErrorKind::Unsupported)?;
    shell.write_registration(COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// A command line to complete.
pub(super) struct Completion<'a> {
    shell: &'static dyn EnvCompleter,
    /// The words of the line, from the program's name on.
    words: &'a [OsString],
}

impl<'a> Completion<'a> {
    /// Recognizes the arguments with which the script runs keyform: `keyform -- WORDS`, with a variable that names the
    /// shell. The variable alone is not enough: left over in a pipeline, it would make an apply succeed that did nothing.
    pub(super) fn requested(arguments: &'a [OsString]) -> Option<Self> {
        let [_, separator, words @ ..] = arguments else { return None };
        let shell = environment(COMPLETE).filter(|_| separator == "--" && !words.is_empty())?;
        let shell = SHELLS.completer(shell.to_str()?)?;
        Some(Self { shell, words })
    }

    /// Returns the candidates, in the form that the script of the shell reads.
    ///
    /// `parser` reads the words up to now, as far as it can, to find the manifest and the state.
    pub(super) fn candidates(self, command: clap::Command, parser: &clap::Command) -> io::Result<Vec<u8>> {
        let matches = parser.clone().ignore_errors(true).try_get_matches_from(self.words);
        let workspace = matches.ok().and_then(|matches| flags::workspace(parser, &matches));
        let mut command = with_commands(with_candidates(command, &Arc::new(workspace.unwrap_or_default())));
        command.build();
        let mut candidates = Vec::new();
        let folder = std::env::current_dir().ok();
        self.shell.write_complete(&mut command, self.words.to_vec(), folder.as_deref(), &mut candidates)?;
        Ok(candidates)
    }
}

/// Returns the values that an argument can have.
type Values = fn(&WorkspaceArgs) -> Vec<String>;

fn with_candidates(command: clap::Command, workspace: &Arc<WorkspaceArgs>) -> clap::Command {
    let name = command.get_name().to_owned();
    let with_values = |arg: Arg| match values(&name, arg.get_id().as_str()) {
        Some(values) => {
            let workspace = Arc::clone(workspace);
            arg.add(ArgValueCandidates::new(move || {
                // A shell inserts a value as it is: one that needs quotes would be something else, or run something.
                let plain = values(&workspace).into_iter().filter(|value| quoted(value) == *value);
                plain.map(CompletionCandidate::new).collect()
            }))
        }
        None => arg,
    };
    command.mut_args(with_values).mut_subcommands(|below| with_candidates(below, workspace))
}

/// Lets `help` complete the names of commands.
fn with_commands(command: clap::Command) -> clap::Command {
    let names: Vec<_> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let candidates = move || names.iter().map(CompletionCandidate::new).collect();
    command.mut_subcommand("help", |help| help.mut_arg("command", |arg| arg.add(ArgValueCandidates::new(candidates))))
}

fn values(command: &str, arg: &str) -> Option<Values> {
    Some(match (command, arg) {
        ("add" | "rm", "name" | "names") => listed_names,
        ("show" | "forget", "name" | "names") => recorded_names,
        ("revoke", "key") | (_, "target" | "exclude" | "allow_protected") => known_names,
        (_, "owner") => owners,
        (_, "from") => |_| ["github:", "gitlab:", "https://"].map(str::to_owned).to_vec(),
        (_, "context") => |_| settings::contexts(&environment),
        _ => return None,
    })
}

fn listed_names(workspace: &WorkspaceArgs) -> Vec<String> {
    let desired = desired(workspace);
    desired.iter().flat_map(|desired| &desired.keys).map(|key| key.name.to_string()).collect()
}

fn owners(workspace: &WorkspaceArgs) -> Vec<String> {
    let desired = desired(workspace);
    let owners: BTreeSet<_> =
        desired.iter().flat_map(|desired| &desired.keys).filter_map(|key| key.owner.clone()).collect();
    owners.into_iter().collect()
}

fn recorded_names(workspace: &WorkspaceArgs) -> Vec<String> {
    let context = context(workspace);
    // A remote state takes too long for a press of Tab.
    let Ok(StateLocation::File(_)) = context.state_location() else { return Vec::new() };
    let state = context.store().ok().and_then(|store| {
        let runtime = super::commands::runtime().ok()?;
        runtime.block_on(store.load()).ok()?.state
    });
    let names: BTreeSet<_> =
        state.iter().flat_map(|state| state.records.values()).map(|record| record.name.to_string()).collect();
    names.into_iter().collect()
}

fn known_names(workspace: &WorkspaceArgs) -> Vec<String> {
    let names: BTreeSet<_> = listed_names(workspace).into_iter().chain(recorded_names(workspace)).collect();
    names.into_iter().collect()
}

fn desired(workspace: &WorkspaceArgs) -> Option<Desired> {
    let context = context(workspace);
    manifest::load(context.manifest_paths().ok()?, DayArgs::default().resolve()).desired
}

fn context(workspace: &WorkspaceArgs) -> Context {
    Context::new(workspace.clone(), Ui::new(When::Never, true))
}
