//! `keyform man`

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::error::{CliError, Exit};
use crate::cli::manual::{self, path_below};
use crate::cli::out_folder::OutFolder;
use crate::cli::ui::Ui;

#[derive(Debug, Args)]
pub(in crate::cli) struct ManArgs {
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out_dir: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &ManArgs, mut program: clap::Command, ui: Ui) -> Result<Exit, CliError> {
    program.build();
    if let Some(folder) = &args.out_dir {
        write_pages(&program, "", &related(&program), &OutFolder::create(folder)?)?;
    } else {
        ui.result(&String::from_utf8_lossy(&page(&program, "", &related(&program))?))?;
    }
    Ok(Exit::Done)
}

/// Writes the page of a command, and those of its subcommands.
fn write_pages(
    command: &clap::Command,
    path: &str,
    see_also: &[String],
    folder: &OutFolder<'_>,
) -> Result<(), CliError> {
    let name = Man::new(command.clone()).get_filename();
    folder.write(&name, &page(command, path, see_also)?)?;
    for below in command.get_subcommands() {
        let see_also = [vec![page_name(command)], related(command), related(below)].concat();
        let see_also: Vec<_> = see_also.into_iter().filter(|name| *name != page_name(below)).collect();
        write_pages(below, &path_below(path, below), &see_also, folder)?;
    }
    Ok(())
}

fn related(command: &clap::Command) -> Vec<String> {
    command.get_subcommands().map(page_name).collect()
}

fn page_name(command: &clap::Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(command: &clap::Command, path: &str, see_also: &[String]) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).manual("keyform manual").source(concat!("keyform ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for (purpose, line) in manual::examples(path) {
        roff.control("PP", []);
        roff.text([roman(format!("{purpose}:"))]);
        roff.control("RS", ["4"]).control("nf", []);
        roff.text([bold(*line)]);
        roff.control("fi", []).control("RE", []);
    }
    entries(&mut roff, "FILES", &manual::files(command, path));
    entries(&mut roff, "EXIT STATUS", &manual::exit_codes(path));
    let variables = manual::environment(command);
    let variables: Vec<_> = variables.iter().map(|(name, meaning)| (name.as_str(), *meaning)).collect();
    entries(&mut roff, "ENVIRONMENT", &variables);
    roff.control("SH", ["SEE ALSO"]);
    let mut pages = Vec::new();
    for name in see_also {
        pages.extend([bold(name), roman("(1), ")]);
    }
    pages.extend([bold("ssh-keygen"), roman("(1)")]);
    roff.text(pages);
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn entries(roff: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
}
