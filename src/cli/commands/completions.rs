//! `keyform completions`

use clap::Args;

use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// Shell to generate completions for
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(in crate::cli) fn run(args: &CompletionsArgs, mut command: clap::Command, ui: Ui) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "keyform", &mut script);
    ui.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
