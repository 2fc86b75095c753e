//! `keyform help`

use clap::Args;

use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::terminal::nearest::nearest;

#[derive(Debug, Args)]
pub(in crate::cli) struct HelpArgs {
    /// Command to describe [default: keyform itself]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints the help of a command, as `--help` does. `program` must be built.
pub(in crate::cli) fn run(args: &HelpArgs, program: clap::Command, ui: Ui) -> Result<Exit, CliError> {
    let mut command = program;
    for name in &args.command {
        let Some(found) = command.find_subcommand(name) else {
            let known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            let error = CliError::new(format!("unknown command `{}`", args.command.join(" ")));
            return Err(match nearest(name, known) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`? `keyform help` lists all commands")),
                None => error.hint("`keyform help` lists all commands"),
            });
        };
        command = found.clone();
    }
    ui.result(&command.render_long_help().ansi().to_string())?;
    Ok(Exit::Done)
}
