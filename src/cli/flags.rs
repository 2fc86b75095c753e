//! What clap cannot derive: the variable of each flag, global flags that only some commands use, and the two lengths of
//! help.
//!
//! The flags in [`WorkspaceArgs`] are global, so they are accepted before and after the command. A command that uses
//! one has it among its own arguments. All other commands get a hidden copy, which is refused with a better message
//! than clap's.

use std::collections::{BTreeMap, BTreeSet};

use clap::builder::PossibleValue;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches as _, Id};

use super::args::{AccountArgs, GLOBAL_OPTIONS, SandboxArgs, StateFileArgs, WorkspaceArgs};
use super::error::CliError;
use super::manual;
use super::variables::{boolean, of_flag};
use crate::account::settings::Environment;

/// Maximum length of the help of a flag in `-h`, with its values. With the name of the flag it is 100.
const MAX_LINE: usize = 68;

/// Display order of flags after all others.
const LAST: usize = 900;

/// Builds the clap command for `C`, which has the subcommands, to be documented: each flag names its variable.
pub(super) fn documented<C: Args>() -> clap::Command {
    set_variables(unset::<C>(), &|_, _, variable| Some(variable))
}

/// Builds the clap command for `C` to parse arguments. Where an argument is missing, `environment` is asked.
///
/// A flag without a value in the environment has no variable, and neither has a flag that the command does not use: so an
/// empty variable is unset, and a variable of one command never stops another.
pub(super) fn parsing<C: Args>(environment: Environment<'_>) -> clap::Command {
    let command = unset::<C>();
    let accepted_by_any = values_by_variable(&command);
    let shared = ids::<WorkspaceArgs>();
    set_variables(command, &|command, arg, variable| {
        let is_unused = arg.is_hide_set() || command == env!("CARGO_PKG_NAME") && shared.contains(arg.get_id());
        let value = environment(&variable).filter(|_| !is_unused)?;
        let accepts = |values: &[String]| values.iter().any(|accepted| value.to_str() == Some(accepted.as_str()));
        // `KEYFORM_FORMAT=markdown` is meant for a plan only.
        let is_for_others =
            !accepts(&possible_values(arg)) && accepted_by_any.get(&variable).is_some_and(|all| accepts(all));
        (!is_for_others).then_some(variable)
    })
}

/// Returns the variables of all flags of a command that [`documented`] has built, and of those of its subcommands.
pub(super) fn variables(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned));
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

/// Prepares a command for parsing and for help: `-h` is one screen with one line per flag, and `--help` has all.
pub(super) fn with_help(command: clap::Command) -> clap::Command {
    let mut command = concise(manual::with_sections(command));
    command.build();
    command
}

/// Refuses typed flags that have no effect. A variable without effect is not an error: it may be set for other commands.
///
/// `command` has parsed the arguments to `matches`. `without_effect` is the id of a flag that the chosen format ignores.
pub(super) fn check(
    command: &clap::Command,
    matches: &ArgMatches,
    without_effect: Option<&str>,
) -> Result<(), CliError> {
    let Some(verb) = matches.subcommand_name() else { return Ok(()) };
    let (command, matches) = innermost(command, matches);
    let typed: Vec<_> = command.get_arguments().filter(|arg| is_typed(matches, arg.get_id())).collect();
    let long = |arg: &Arg| arg.get_long().unwrap_or_default().to_owned();
    if let Some(arg) = without_effect.and_then(|id| typed.iter().find(|arg| arg.get_id() == id)) {
        return Err(CliError::new(format!("--{} has no effect with this --format", long(arg))).hint("remove it"));
    }
    if let Some(arg) = typed.iter().find(|arg| arg.is_hide_set()) {
        let message = format!("`keyform {verb}` does not use --{}", long(arg));
        return Err(CliError::new(message).hint("remove it"));
    }
    let real = [ids::<StateFileArgs>(), ids::<AccountArgs>()].concat();
    if let Some(arg) = typed.iter().find(|arg| real.contains(arg.get_id()))
        && SandboxArgs::from_arg_matches(matches).is_ok_and(|args| args.sandbox)
    {
        return Err(CliError::new(format!("--{} cannot be used with --sandbox", long(arg)))
            .hint("the sandbox has its own account and state, in .keyform/ next to the manifest"));
    }
    Ok(())
}

/// Returns the flags that choose manifest, state and account, wherever they were typed.
pub(super) fn workspace(command: &clap::Command, matches: &ArgMatches) -> Option<WorkspaceArgs> {
    let (_, matches) = innermost(command, matches);
    WorkspaceArgs::from_arg_matches(matches).ok()
}

/// Builds the clap command for `C` without variables.
fn unset<C: Args>() -> clap::Command {
    let command = C::augment_args(WorkspaceArgs::augment_args(clap::Command::new(env!("CARGO_PKG_NAME"))));
    let shared: Vec<_> =
        ids::<WorkspaceArgs>().iter().filter_map(|id| argument(&command, id.as_str()).cloned()).collect();
    add_version(add_help(command.mut_subcommands(|below| hide_unused(below, &shared, &[]))))
}

/// Decides whether a flag of the command with this name gets the variable that it could have.
type Choose<'c> = &'c dyn Fn(&str, &Arg, String) -> Option<String>;

fn set_variables(command: clap::Command, choose: Choose<'_>) -> clap::Command {
    let name = command.get_name().to_owned();
    let with_variable = |arg: Arg| {
        let arg = if matches!(arg.get_action(), ArgAction::SetTrue) { arg.value_parser(boolean) } else { arg };
        let variable = arg.get_long().and_then(|long| of_flag(&name, long));
        match variable.and_then(|variable| choose(&name, &arg, variable)) {
            Some(variable) => arg.env(variable),
            None => arg,
        }
    };
    command.mut_args(with_variable).mut_subcommands(|below| set_variables(below, choose))
}

/// Returns the values that any command accepts for a variable, of the variables with a list of values.
fn values_by_variable(command: &clap::Command) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for arg in command.get_arguments() {
        if let Some(variable) = arg.get_long().and_then(|long| of_flag(command.get_name(), long)) {
            found.entry(variable).or_default().extend(possible_values(arg));
        }
    }
    for (variable, values) in command.get_subcommands().flat_map(values_by_variable) {
        found.entry(variable).or_default().extend(values);
    }
    found
}

fn possible_values(arg: &Arg) -> Vec<String> {
    if !arg.get_action().takes_values() {
        return Vec::new();
    }
    arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

/// Hides the flags that a command and its subcommands do not use. `inherited` are those that a parent uses.
fn hide_unused(command: clap::Command, shared: &[Arg], inherited: &[Id]) -> clap::Command {
    let mut used = inherited.to_vec();
    let command = shared.iter().fold(command, |command, arg| {
        let id = arg.get_id();
        if argument(&command, id.as_str()).is_some() {
            used.push(id.clone());
            // The copy keeps the order of help.
            command.mut_arg(id, |_| arg.clone())
        } else if inherited.contains(id) {
            command
        } else {
            // Clap adds a global argument only to commands without one of that name.
            command.arg(arg.clone().hide(true))
        }
    });
    command.mut_subcommands(|below| hide_unused(below, shared, &used))
}

/// Adds `--help` to a command and its subcommands, at the end of the global options.
fn add_help(command: clap::Command) -> clap::Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).display_order(LAST);
    let help = help.help("Print help (see more with '--help')").long_help("Print help (see a summary with '-h')");
    command.disable_help_flag(true).arg(help.help_heading(GLOBAL_OPTIONS)).mut_subcommands(add_help)
}

fn add_version(command: clap::Command) -> clap::Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).display_order(LAST);
    command.disable_version_flag(true).arg(version.help("Print version").help_heading(GLOBAL_OPTIONS))
}

/// Leaves out of `-h` what does not fit on the line of a flag: its variable, and long lists of values. `--help` explains
/// the values instead.
fn concise(command: clap::Command) -> clap::Command {
    command.mut_args(concise_arg).mut_subcommands(concise)
}

fn concise_arg(arg: Arg) -> Arg {
    let arg = arg.hide_env(true);
    let values = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    let Some(help) = arg.get_help().filter(|_| !values.is_empty()) else { return arg };
    let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let line = format!("{help} [default: {}] [possible values: {}]", defaults.join(", "), names.join(", "));
    if line.len() <= MAX_LINE {
        return arg;
    }
    if values.iter().all(|value| value.get_help().is_none()) {
        let long = format!("{help}\n\nPossible values: {}", names.join(", "));
        return arg.hide_possible_values(true).long_help(long);
    }
    let width = names.iter().map(|name| name.len() + 1).max().unwrap_or_default();
    let explained = |value: &PossibleValue| {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        format!("\n- {:width$} {help}", format!("{}:", value.get_name()))
    };
    let long = format!("{help}\n\nPossible values:{}", values.iter().map(explained).collect::<String>());
    arg.hide_possible_values(true).long_help(long)
}

fn ids<T: Args>() -> Vec<Id> {
    let command = T::augment_args(clap::Command::new(""));
    command.get_arguments().map(|arg| arg.get_id().clone()).collect()
}

fn argument<'c>(command: &'c clap::Command, id: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|arg| arg.get_id() == id)
}

/// Returns the innermost chosen command. Its matches contain the global flags, no matter where they were typed.
fn innermost<'c>(command: &'c clap::Command, matches: &'c ArgMatches) -> (&'c clap::Command, &'c ArgMatches) {
    match matches.subcommand() {
        Some((name, below)) => match command.find_subcommand(name) {
            Some(command) => innermost(command, below),
            None => (command, matches),
        },
        None => (command, matches),
    }
}

fn is_typed(matches: &ArgMatches, id: &Id) -> bool {
    matches.ids().any(|known| known == id) && matches.value_source(id.as_str()) == Some(ValueSource::CommandLine)
}
