//! What people type. Thin: each command gathers what it needs, calls the library and prints what comes back.

pub mod args;
mod command;
mod commands;
mod context;
mod error;
mod event_log;
mod log;
mod planning;
mod scope;
mod signals;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command};
use context::Context;
use error::{Exit, Stop};
use ui::Ui;

/// Runs keyform with the arguments of a process, the first being its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (cli, given) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(exit) => return exit.into(),
    };
    let ui = Ui::new(cli.global.color, cli.global.quiet);
    log::start(cli.global.verbose, cli.global.log_format);
    let exit = match scope::check(&cli, &given).map_err(Stop::from).and_then(|()| run(cli, ui)) {
        Ok(exit) | Err(Stop::Told(exit)) => exit,
        Err(Stop::Error(error)) => {
            ui.tell(&error.render());
            Exit::Failed
        }
    };
    exit.into()
}

/// The command of clap, as help, completions and manual pages show it: flags that a command has no use for are hidden.
pub fn command() -> clap::Command {
    scope::finish(Cli::command())
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<(Cli, clap::ArgMatches), Exit> {
    let parsed = command().try_get_matches_from(arguments).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli, matches))
    });
    parsed.map_err(|error| {
        // Nobody to print to is nobody to tell.
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
            _ => Exit::Failed,
        }
    })
}

fn run(cli: Cli, ui: Ui) -> Result<Exit, Stop> {
    let Cli { global, command } = cli;
    let context = Context::new(global, ui);
    Ok(match command {
        Command::Validate(args) => commands::validate::run(&args, &context)?,
        Command::Plan(args) => commands::plan::run(&args, &context)?,
        Command::Apply(args) => commands::apply::run(&args, &context)?,
        Command::Import(args) => commands::import::run(&args, &context)?,
        Command::State(args) => commands::state::run(&args, &context)?,
        Command::Emulator(args) => commands::emulator::run(args, ui)?,
        Command::Schema(args) => commands::schema::run(&args, ui)?,
        Command::Completions(args) => commands::completions::run(&args, ui)?,
        Command::Man(args) => commands::man::run(&args, ui)?,
    })
}
