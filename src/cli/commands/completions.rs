//! `keyform completions`

use crate::cli::args::Completions;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;

use super::cannot_print;

pub(in crate::cli) fn run(args: &Completions, ui: Ui) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "keyform", &mut script);
    ui.result(&String::from_utf8_lossy(&script)).map_err(cannot_print)?;
    Ok(Exit::Done)
}
