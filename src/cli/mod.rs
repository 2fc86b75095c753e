//! The command line. Each command gathers what it needs, calls the library and prints the result.

mod account;
mod args;
mod checkout;
mod commands;
mod completion;
mod compromised;
mod context;
mod editing;
mod entry_fields;
mod error;
mod event_log;
mod flags;
mod key_argument;
mod known_names;
mod listing_progress;
mod log;
mod manual;
mod out_folder;
mod plan_output;
mod planning;
mod progress;
mod prompt;
mod published_keys;
mod sandbox;
mod saved_plan;
mod signals;
mod starter;
mod ui;
mod variables;

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, FromArgMatches as _, Parser, Subcommand};

use args::{OutputArgs, When};
use completion::Completion;
use error::{CliError, Exit};
use signals::Signals;
use ui::Ui;
use variables::environment;

use crate::account::settings::Environment;
use crate::public_key::private;
use crate::terminal::escape::{escape, is_unsafe};

pub use variables::{VARIABLES, Variable};

#[derive(Debug, Parser)]
#[command(
    name = "keyform",
    version,
    about = "Infrastructure as code for the SSH keys of a Prime Intellect account.",
    long_about = "Infrastructure as code for the SSH keys of a Prime Intellect account.\n\n\
        A YAML manifest lists the keys. `keyform plan` shows what would change. `keyform apply` makes the change and \
        records the returned ids in a state file.",
    disable_help_subcommand = true,
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
    /// Write a manifest and a pipeline for this repository
    ///
    /// Writes a manifest of the keys on the account if there is a token, and an empty one if not; its schema for editors;
    /// lines in .gitignore; and code owners and a pipeline for GitHub or GitLab. Keeps every file that exists, and prints
    /// what is left to do. Changes nothing on the account.
    ///
    /// With --sandbox, writes the manifest of the quickstart instead, without a pipeline.
    Init(commands::init::InitArgs),
    /// Add a key to the manifest, or change an entry
    ///
    /// Copies the key into the manifest. Comments, order, quotes and line ends of the file stay as they are, and the
    /// result is checked before the file is replaced. Changes nothing on the account.
    ///
    /// With --update, only the fields that are given change. An empty text removes a field.
    Add(commands::add::AddArgs),
    /// Remove keys from the manifest
    ///
    /// The next apply deletes them from the account. The comments of an entry are removed with it: those inside, and
    /// those right above it.
    Rm(commands::rm::RmArgs),
    /// Revoke a key, wherever it is
    ///
    /// Adds the fingerprint to `revoked` and removes the entry, if there is one. The next apply deletes every row of the
    /// account with this key.
    Revoke(commands::revoke::RevokeArgs),
    /// Check manifests and report all problems
    ///
    /// Checks syntax, keys and policies. Needs no token, no state and no network.
    Validate(commands::validate::ValidateArgs),
    /// Show what apply would change
    ///
    /// Compares the manifest, the state and the account, and changes nothing.
    ///
    /// An expired key is removed only when an apply runs. Until then it stays on the account and in the plan.
    Plan(commands::plan::PlanArgs),
    /// Make the account match the manifest
    ///
    /// Plans, asks for approval, changes the account and records the ids of the keys in the state. With PLAN, applies
    /// that saved plan, or nothing if it is out of date.
    ///
    /// An expired key is removed only when an apply runs. Run apply on a schedule if the manifest uses `expires`.
    ///
    /// Ctrl-C, SIGTERM and SIGHUP stop the apply after the requests in flight. A second signal stops it at once. The
    /// next apply completes what is left.
    Apply(commands::apply::ApplyArgs),
    /// Show a saved plan
    ///
    /// Prints a plan of `keyform plan --out FILE` in any format, as plan printed it. Needs no token, no state and no
    /// network.
    Show(commands::show::ShowArgs),
    /// Print a manifest of the keys on the account
    ///
    /// Save it as keyform.yaml, and the next apply adopts the keys. The first one needs --allow-new-state. Changes nothing
    /// on the account.
    Import(commands::import::ImportArgs),
    /// Inspect or repair the state, or stop managing a key
    ///
    /// The state records the id of every managed key.
    State(commands::state::StateArgs),
    /// Serve an emulated account on localhost
    ///
    /// Prints the URL to stdout, and serves until Ctrl-C. Flags add faults and rate limits, and choose what the account
    /// does where the API is not documented.
    Emulator(commands::emulator::EmulatorArgs),
    /// Print the JSON Schema of a file format
    Schema(commands::schema::SchemaArgs),
    /// Print the script that completes commands, names and owners
    ///
    /// Each press of Tab runs keyform, which reads the manifest and the state file. Sends no request. The script has to be
    /// loaded in each shell, as in the examples: a saved copy may not fit another version.
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(commands::man::ManArgs),
    /// Print the help of a command
    Help(commands::help::HelpArgs),
}

/// Runs keyform with the arguments of a process, the first being the program's own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(completion) = Completion::requested(&arguments) {
        let candidates = completion.candidates(command(), &flags::parsing::<Cli>(&environment));
        // A shell shows no errors while it completes.
        let written = candidates.and_then(|candidates| io::stdout().write_all(&candidates));
        return if written.is_ok() { Exit::Done.into() } else { Exit::Failed.into() };
    }
    // Before all else, so that a signal is never too early.
    let signals = Signals::listen();
    if let Err(error) = refuse_private_keys(&arguments) {
        Ui::new(When::Auto, false).tell(&error.render());
        return Exit::Failed.into();
    }
    let (cli, command, matches) = match parse(&arguments) {
        Ok(parsed) => parsed,
        Err(exit) => return exit.into(),
    };
    let OutputArgs { color, quiet, verbose, log_format } = cli.output;
    let ui = Ui::new(color, quiet);
    log::start(verbose, log_format);
    let without_effect = match &cli.command {
        Command::Plan(args) => args.output.without_effect(),
        Command::Show(args) => args.output.without_effect(),
        Command::State(args) => args.without_effect(),
        _ => None,
    };
    let exit = match flags::check(&command, &matches, without_effect).and_then(|()| run(cli.command, ui, &signals?)) {
        Ok(exit) => exit,
        Err(error) => {
            ui.tell(&error.render());
            Exit::Failed
        }
    };
    exit.into()
}

/// Returns the clap command, from which help, completions and manual pages are generated.
pub fn command() -> clap::Command {
    flags::documented::<Cli>()
}

/// Refuses a private key in the arguments before any message can repeat them.
fn refuse_private_keys(arguments: &[OsString]) -> Result<(), CliError> {
    let is_private = |argument: &OsString| !private::find(&argument.to_string_lossy()).is_empty();
    if arguments.iter().any(is_private) {
        let hint = "pass the .pub file instead. The key may be in the history of your shell, so create a new one";
        return Err(CliError::new("an argument contains a private key; its text is not shown").hint(hint));
    }
    Ok(())
}

type Parsed = (Cli, clap::Command, ArgMatches);

fn parse(arguments: &[OsString]) -> Result<Parsed, Exit> {
    parse_with(arguments, &environment).map_err(|error| {
        let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        if !is_help && let Some(error) = invalid_variable(arguments) {
            Ui::new(When::Auto, false).tell(&error.render());
            return Exit::Failed;
        }
        if is_help {
            // If stdout is closed, there is nowhere to print it.
            let _ = error.print();
            return Exit::Done;
        }
        Ui::new(When::Auto, false).tell(&usage_error(&error, arguments));
        Exit::Failed
    })
}

fn parse_with(arguments: &[OsString], environment: Environment<'_>) -> Result<Parsed, clap::Error> {
    let mut command = flags::with_help(flags::parsing::<Cli>(environment));
    let matches = command.try_get_matches_from_mut(arguments)?;
    Ok((Cli::from_arg_matches(&matches)?, command, matches))
}

/// Renders an error of clap, which repeats arguments as they are: they may come from a branch or a file.
fn usage_error(error: &clap::Error, arguments: &[OsString]) -> String {
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    if !arguments.iter().any(|argument| argument.contains(is_unsafe)) {
        return error.render().ansi().to_string();
    }
    let mut text = error.render().to_string();
    for argument in &arguments {
        let value = argument.split_once('=').map_or(&**argument, |(_, value)| value);
        if value.contains(is_unsafe) {
            text = text.replace(value, &escape(value));
        }
    }
    text.lines().map(|line| format!("{}\n", escape(line))).collect()
}

/// Returns the error of the first variable that makes valid arguments invalid.
fn invalid_variable(arguments: &[OsString]) -> Option<CliError> {
    parse_with(arguments, &|_| None).ok()?;
    flags::variables(&command()).into_iter().find_map(|variable| {
        let alone = |name: &str| environment(name).filter(|_| name == variable);
        let error = parse_with(arguments, &alone).err()?;
        // A token may not be shown, nor a file name that is one.
        let value = environment(&variable).filter(|_| !variable.contains("TOKEN"));
        let value = value.map(|value| format!(" \"{}\"", value.display())).unwrap_or_default();
        let is_choice = |(kind, value): (ContextKind, &ContextValue)| match (kind, value) {
            (ContextKind::ValidValue, ContextValue::Strings(values)) => {
                Some(format!("must be one of: {}", values.join(", ")))
            }
            _ => None,
        };
        let why = error.context().find_map(is_choice).or_else(|| Some(error.source()?.to_string()));
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        Some(
            CliError::new(format!("invalid value{value} of {variable}{why}")).hint("correct the variable, or unset it"),
        )
    })
}

fn run(chosen: Command, ui: Ui, signals: &Signals) -> Result<Exit, CliError> {
    match chosen {
        Command::Init(args) => commands::init::run(args, ui),
        Command::Add(args) => commands::add::run(&args, ui),
        Command::Rm(args) => commands::rm::run(&args, ui),
        Command::Revoke(args) => commands::revoke::run(&args, ui),
        Command::Validate(args) => commands::validate::run(args, ui),
        Command::Plan(args) => commands::plan::run(&args, ui),
        Command::Apply(args) => commands::apply::run(&args, ui, signals),
        Command::Show(args) => commands::show::run(&args, ui),
        Command::Import(args) => commands::import::run(args, ui),
        Command::State(args) => commands::state::run(args, ui, signals),
        Command::Emulator(args) => commands::emulator::run(args, ui, signals),
        Command::Schema(args) => commands::schema::run(&args, ui),
        Command::Completions(args) => commands::completions::run(&args, ui),
        Command::Man(args) => commands::man::run(&args, command(), ui),
        Command::Help(args) => commands::help::run(&args, flags::with_help(command()), ui),
    }
}
