//! `keyform man`

use std::io;

use crate::cli::args::Man;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;

use super::cannot_print;

pub(in crate::cli) fn run(args: &Man, ui: Ui) -> Result<Exit, CliError> {
    let command = crate::cli::command();
    if let Some(folder) = &args.out_dir {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder))
            .map_err(|error| CliError::new(format!("cannot write to {}: {error}", folder.display())))?;
        return Ok(Exit::Done);
    }
    let page = page(command).map_err(|error| CliError::from_error(&error))?;
    ui.result(&page).map_err(cannot_print)?;
    Ok(Exit::Done)
}

fn page(command: clap::Command) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
