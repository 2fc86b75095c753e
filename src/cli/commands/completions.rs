//! `keyform completions`

use clap::Args;

use crate::cli::completion;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// Shell that loads the script
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(in crate::cli) fn run(args: &CompletionsArgs, ui: Ui) -> Result<Exit, CliError> {
    ui.result(&completion::script(args.shell)?)?;
    Ok(Exit::Done)
}
