//! Which of the global flags a command has a use for. The others are hidden in its help, and refused when typed:
//! a flag that is taken and ignored is a lie.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::args::{Cli, Command, State};
use super::commands;
use super::error::CliError;

/// Global flags that not every command uses, by their ids.
const SCOPED: [&str; 6] = ["manifest", "state", "endpoint", "token_file", "context", "sandbox"];

/// The names of the commands, and which of [`SCOPED`] they use.
const USES: [(&str, &[&str]); 10] = [
    ("validate", &["manifest"]),
    ("plan", &SCOPED),
    ("apply", &SCOPED),
    ("import", &["manifest", "endpoint", "token_file", "context", "sandbox"]),
    ("state", &["manifest", "state", "sandbox"]),
    (REBUILD, &SCOPED),
    ("emulator", &[]),
    ("schema", &[]),
    ("completions", &[]),
    ("man", &[]),
];

/// The one command about the state that speaks to the account.
const REBUILD: &str = "state rebuild";

/// Flags that would aim at a real account or state, which the sandbox never touches.
const REAL: [&str; 4] = ["state", "endpoint", "token_file", "context"];

/// What the help of each command says of the environment. One line for all, where one for each flag would hide them.
const ENVIRONMENT: &str =
    "Environment: each flag as KEYFORM_ and its name, --log-format as KEYFORM_LOG_FORMAT; NO_COLOR";

/// The same for commands that speak to an account.
const ACCOUNT_ENVIRONMENT: &str =
    "; PRIME_API_KEY (token), PRIME_API_BASE_URL, PRIME_CONTEXT, HTTPS_PROXY, SSL_CERT_FILE";

/// Hides in each command what it has no use for, and says what the environment may hold.
pub(super) fn finish(command: clap::Command) -> clap::Command {
    let hidden = |uses: &[&str]| -> Vec<clap::Arg> {
        let unused = SCOPED.into_iter().filter(|id| !uses.contains(id));
        unused.filter_map(|id| command.get_arguments().find(|arg| arg.get_id() == id).cloned()).collect()
    };
    let shown: Vec<_> = hidden(&["manifest", "state", "sandbox"]);
    let plan: Vec<_> =
        USES.iter().filter(|(name, _)| *name != REBUILD).map(|(name, uses)| (*name, hidden(uses))).collect();
    let command = plan.into_iter().fold(command, |command, (name, hidden)| {
        command.mut_subcommand(name, |subcommand| {
            let account = if hidden.iter().any(|arg| arg.get_id() == "endpoint") { "" } else { ACCOUNT_ENVIRONMENT };
            // Global arguments reach a subcommand only when clap builds it, unless it has one of that name.
            let subcommand = hidden.into_iter().fold(subcommand, |subcommand, arg| subcommand.arg(arg.hide(true)));
            say_environment(subcommand, account)
        })
    });
    let command = command.mut_subcommand("state", |state| {
        state.mut_subcommand("rebuild", |rebuild| {
            let rebuild = shown.into_iter().fold(rebuild, clap::Command::arg);
            rebuild.after_help(format!("{ENVIRONMENT}{ACCOUNT_ENVIRONMENT}."))
        })
    });
    one_help(command)
}

fn say_environment(command: clap::Command, account: &str) -> clap::Command {
    let before = command.get_after_help().map(|help| format!("{help}\n")).unwrap_or_default();
    command
        .after_help(format!("{before}{ENVIRONMENT}{account}."))
        .mut_subcommands(|subcommand| say_environment(subcommand, account))
}

/// Makes `-h` and `--help` the same, a screen in length: what the values of a flag mean is in the manual pages.
fn one_help(command: clap::Command) -> clap::Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print help");
    let help = help.help_heading(None::<&str>);
    command.mut_args(|arg| arg.hide_env(true)).disable_help_flag(true).arg(help).mut_subcommands(one_help)
}

/// Refuses flags that were typed and mean nothing here. What the environment says is for all commands, and just unused.
pub(super) fn check(cli: &Cli, matches: &ArgMatches) -> Result<(), CliError> {
    let name = match &cli.command {
        Command::Validate(_) => "validate",
        Command::Plan(_) => "plan",
        Command::Apply(_) => "apply",
        Command::Import(_) => "import",
        Command::State(State::Rebuild(_)) => REBUILD,
        Command::State(_) => "state",
        Command::Emulator(_) => "emulator",
        Command::Schema(_) => "schema",
        Command::Completions(_) => "completions",
        Command::Man(_) => "man",
    };
    if let Command::Plan(args) = &cli.command
        && let Some(id) = commands::plan::useless(args)
        && typed(matches, id)
    {
        return Err(
            CliError::new(format!("--{} means nothing to this --format", id.replace('_', "-"))).hint("leave it out")
        );
    }
    let uses = USES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, uses)| *uses);
    for id in SCOPED {
        if typed(matches, id) && !uses.contains(&id) {
            return Err(CliError::new(format!("--{} means nothing to `keyform {name}`", id.replace('_', "-")))
                .hint("leave it out"));
        }
        if typed(matches, id) && cli.global.sandbox && REAL.contains(&id) {
            return Err(CliError::new(format!("--{} and --sandbox exclude each other", id.replace('_', "-")))
                .hint("the sandbox has an account and a state of its own, in .keyform beside the manifest"));
        }
    }
    Ok(())
}

/// Whether a flag was typed, before or after the command.
fn typed(matches: &ArgMatches, id: &str) -> bool {
    let here = matches.ids().any(|known| known == id) && matches.value_source(id) == Some(ValueSource::CommandLine);
    here || matches.subcommand().is_some_and(|(_, matches)| typed(matches, id))
}
