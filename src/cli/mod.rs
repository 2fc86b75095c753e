//! The command line. Each command gathers what it needs, calls the library and prints the result.

mod account;
mod args;
mod commands;
mod context;
mod error;
mod event_log;
mod flags;
mod log;
mod progress;
mod prompt;
mod sandbox;
mod saved_plan;
mod signals;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches as _, Parser, Subcommand};

use args::OutputArgs;
use error::{CliError, Exit};
use ui::Ui;

#[derive(Debug, Parser)]
#[command(
    name = "keyform",
    version,
    about = "Keeps the SSH keys of a Prime Intellect account as a Git repository says they should be.",
    long_about = "Keeps the SSH keys of a Prime Intellect account as a Git repository says they should be.\n\n\
        A YAML manifest lists the keys. `plan` shows what would change, `apply` changes it and records the ids.",
    after_help = "Try it without an account: keyform apply --sandbox\n\nEnvironment: each flag can be set as KEYFORM_ and its name. The token is read from PRIME_API_KEY or \
        the vendor's own configuration, the endpoint from PRIME_API_BASE_URL. NO_COLOR, HTTPS_PROXY and \
        SSL_CERT_FILE work as they do elsewhere.\n\n\
        Exit codes: 0 done or nothing to do; 1 error; 2 changes pending, with plan --detailed-exitcode; 3 refused by a \
        guard or a policy; 130 interrupted.",
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check manifests, and report every problem in them
    Validate(commands::validate::ValidateArgs),
    /// Show what apply would change
    Plan(commands::plan::PlanArgs),
    /// Change the account so that it is as the manifest says, and record the ids
    Apply(commands::apply::ApplyArgs),
    /// Print a manifest of the keys that are on the account
    Import(commands::import::ImportArgs),
    /// Look at what is recorded, or give up managing a key
    State(commands::state::StateArgs),
    /// Serve an emulated account on loopback
    Emulator(commands::emulator::EmulatorArgs),
    /// Print the JSON Schema of a format, or write all of them
    Schema(commands::schema::SchemaArgs),
    /// Print the completion script of a shell
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual page, or write those of all commands
    Man(commands::man::ManArgs),
}

/// Runs keyform with the arguments of a process, the first being the program's own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut command = command();
    let (cli, matches) = match parse(&mut command, arguments) {
        Ok(parsed) => parsed,
        Err(exit) => return exit.into(),
    };
    let OutputArgs { color, quiet, verbose, log_format } = cli.output;
    let ui = Ui::new(color, quiet);
    log::start(verbose, log_format);
    let without_effect = match &cli.command {
        Command::Plan(args) => args.without_effect(),
        _ => None,
    };
    let exit = match flags::check(&command, &matches, without_effect).and_then(|()| run(cli.command, ui)) {
        Ok(exit) => exit,
        Err(error) => {
            ui.tell(&error.render());
            error.exit()
        }
    };
    exit.into()
}

/// Returns clap's command, from which help, completions and manual pages are made.
pub fn command() -> clap::Command {
    flags::command::<Cli>()
}

fn parse(
    command: &mut clap::Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Cli, ArgMatches), Exit> {
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli, matches))
    });
    parsed.map_err(|error| {
        // If stderr is closed, nobody can be told about that either.
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
            _ => Exit::Failed,
        }
    })
}

fn run(verb: Command, ui: Ui) -> Result<Exit, CliError> {
    match verb {
        Command::Validate(args) => commands::validate::run(args, ui),
        Command::Plan(args) => commands::plan::run(&args, ui),
        Command::Apply(args) => commands::apply::run(&args, ui),
        Command::Import(args) => commands::import::run(args, ui),
        Command::State(args) => commands::state::run(args, ui),
        Command::Emulator(args) => commands::emulator::run(args, ui),
        Command::Schema(args) => commands::schema::run(&args, ui),
        Command::Completions(args) => commands::completions::run(&args, command(), ui),
        Command::Man(args) => commands::man::run(&args, command(), ui),
    }
}
