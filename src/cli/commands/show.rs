//! `keyform show`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::args::StackArgs;
use crate::cli::error::{CliError, Exit};
use crate::cli::plan_output::OutputPlanArgs;
use crate::cli::saved_plan;
use crate::cli::ui::Ui;

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Saved plan (- for stdin)
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    plan: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) output: OutputPlanArgs,
    #[command(flatten)]
    stack: StackArgs,
}

pub(in crate::cli) fn run(args: &ShowArgs, ui: Ui) -> Result<Exit, CliError> {
    let ShowArgs { plan, output, stack: StackArgs { stack } } = args;
    let mut plan = saved_plan::read_or_stdin(plan)?;
    output.label(&mut plan, stack.as_ref());
    output.print(&plan, ui)?;
    Ok(Exit::Done)
}
