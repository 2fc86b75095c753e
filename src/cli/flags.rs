//! What clap cannot derive: the variable of each flag, and that a flag is hidden and refused where it is not used.
//!
//! The flags in [`WorkspaceArgs`] are global, so that they may stand before and after the verb. A command that uses
//! one has it among its own arguments. All other commands get a hidden copy, which is accepted only to be refused with
//! a better message than clap's.

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches as _, Id};

use super::args::{AccountArgs, SandboxArgs, StateFileArgs, WorkspaceArgs};
use super::error::CliError;

/// The environment in the help of each command: one line, since one for each flag would hide the flags.
const ENVIRONMENT: &str =
    "Environment: each flag as KEYFORM_ and its name, --log-format as KEYFORM_LOG_FORMAT; NO_COLOR";

/// More of it, for commands that use the account.
const ACCOUNT_ENVIRONMENT: &str =
    "; PRIME_API_KEY (token), PRIME_API_BASE_URL, PRIME_CONTEXT, HTTPS_PROXY, SSL_CERT_FILE";

/// Makes clap's command for `C`, which has the verbs.
pub(super) fn command<C: Args>() -> clap::Command {
    let command = WorkspaceArgs::augment_args(clap::Command::new(env!("CARGO_PKG_NAME")));
    let command = set_environment(C::augment_args(command));
    let shared: Vec<_> =
        ids::<WorkspaceArgs>().iter().filter_map(|id| argument(&command, id.as_str()).cloned()).collect();
    one_help(command.mut_subcommands(|verb| hide_unused(verb, &shared, &[])))
}

/// Refuses flags that were typed and have no effect. A variable is set for all commands, so it may be without effect.
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
        return Err(CliError::new(format!("--{} means nothing to this --format", long(arg))).hint("leave it out"));
    }
    if let Some(arg) = typed.iter().find(|arg| arg.is_hide_set()) {
        let message = format!("--{} means nothing to `keyform {verb}`", long(arg));
        return Err(CliError::new(message).hint("leave it out"));
    }
    let real = [ids::<StateFileArgs>(), ids::<AccountArgs>()].concat();
    if let Some(arg) = typed.iter().find(|arg| real.contains(arg.get_id()))
        && SandboxArgs::from_arg_matches(matches).is_ok_and(|args| args.sandbox)
    {
        return Err(CliError::new(format!("--{} and --sandbox exclude each other", long(arg)))
            .hint("the sandbox has an account and a state of its own, in .keyform beside the manifest"));
    }
    Ok(())
}

/// Names the variable of each flag after it. A flag without a value is off if its variable is empty, `0`, `no`, `off`
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

/// Hides in a command and those below it the flags that it does not use. `inherited` are those that a command above it
/// uses.
fn hide_unused(command: clap::Command, shared: &[Arg], inherited: &[Id]) -> clap::Command {
    let mut used = inherited.to_vec();
    let command = shared.iter().fold(command, |command, arg| {
        let id = arg.get_id();
        if argument(&command, id.as_str()).is_some() {
            used.push(id.clone());
            // The copy keeps its place in the order of help.
            command.mut_arg(id, |_| arg.clone())
        } else if inherited.contains(id) {
            command
        } else {
            // Clap adds a global argument to a command only where none of that name is.
            command.arg(arg.clone().hide(true))
        }
    });
    let account = if ids::<AccountArgs>().iter().all(|id| used.contains(id)) { ACCOUNT_ENVIRONMENT } else { "" };
    let before = command.get_after_help().map(|help| format!("{help}\n")).unwrap_or_default();
    command
        .after_help(format!("{before}{ENVIRONMENT}{account}."))
        .mut_subcommands(|below| hide_unused(below, shared, &used))
}

/// Makes `-h` and `--help` the same, one screen long: what the values of a flag mean is in the manual pages.
fn one_help(command: clap::Command) -> clap::Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print help");
    let help = help.help_heading(None::<&str>);
    command.mut_args(|arg| arg.hide_env(true)).disable_help_flag(true).arg(help).mut_subcommands(one_help)
}

fn ids<T: Args>() -> Vec<Id> {
    let command = T::augment_args(clap::Command::new(""));
    command.get_arguments().map(|arg| arg.get_id().clone()).collect()
}

fn argument<'c>(command: &'c clap::Command, id: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|arg| arg.get_id() == id)
}

/// Returns the command that was chosen, below all verbs. Its matches have the global flags, wherever they were typed.
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
