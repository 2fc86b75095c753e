//! What clap cannot derive: the variable of each flag, global flags that only some commands use, and the two lengths of
//! help.
//!
//! The flags in [`WorkspaceArgs`] are global, so they are accepted before and after the command. A command that uses
//! one has it among its own arguments. All other commands get a hidden copy, which is refused with a better message
//! than clap's.

use clap::builder::{FalseyValueParser, PossibleValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches as _, Id};

use super::args::{AccountArgs, GLOBAL_OPTIONS, SandboxArgs, StateFileArgs, WorkspaceArgs};
use super::error::CliError;
use super::manual;

/// Maximum length of the help of a flag in `-h`, with its values. With the name of the flag it is 100.
const MAX_LINE: usize = 68;

/// Display order of flags after all others.
const LAST: usize = 900;

/// Builds the clap command for `C`, which has the subcommands.
pub(super) fn command<C: Args>() -> clap::Command {
    let command = WorkspaceArgs::augment_args(clap::Command::new(env!("CARGO_PKG_NAME")));
    let command = set_environment(C::augment_args(command));
    let shared: Vec<_> =
        ids::<WorkspaceArgs>().iter().filter_map(|id| argument(&command, id.as_str()).cloned()).collect();
    add_version(add_help(command.mut_subcommands(|below| hide_unused(below, &shared, &[]))))
}

/// Prepares a command for parsing and for help: `-h` is one screen with one line per flag, and `--help` has all.
pub(super) fn with_help(command: clap::Command) -> clap::Command {
    let mut command = concise(manual::with_sections(command));
    command.build();
    command
}

/// Refuses typed flags that have no effect. A variable applies to all commands, so one without effect is not an error.
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

/// Derives the variable of each flag from its name. A flag without a value is off if its variable is empty, `0`, `no`, `off`
/// or `false`.
fn set_environment(command: clap::Command) -> clap::Command {
    let with_variable = |arg: Arg| {
        let Some(long) = arg.get_long().filter(|_| arg.get_env().is_none()) else { return arg };
        let name = format!("KEYFORM_{}", long.to_uppercase().replace('-', "_"));
        let arg = arg.env(name);
        if matches!(arg.get_action(), ArgAction::SetTrue) { arg.value_parser(FalseyValueParser::new()) } else { arg }
    };
    command.mut_args(with_variable).mut_subcommands(set_environment)
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
