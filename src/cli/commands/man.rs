//! `keyform man`

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;

#[derive(Debug, Args)]
pub(in crate::cli) struct ManArgs {
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out_dir: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &ManArgs, command: clap::Command, ui: Ui) -> Result<Exit, CliError> {
    if let Some(folder) = &args.out_dir {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder))
            .map_err(|error| CliError::new(format!("cannot write to {}: {error}", folder.display())))?;
        return Ok(Exit::Done);
    }
    let page = page(command)?;
    ui.result(&page)?;
    Ok(Exit::Done)
}

fn page(command: clap::Command) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
