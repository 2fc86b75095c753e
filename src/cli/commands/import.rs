//! `keyform import`

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::cli::args::{Day, Import as Args};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit, Stop};
use crate::cli::planning;
use crate::report::import;
use crate::state::Loaded;

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Stop> {
    let desired = if args.unmanaged { Some(context.desired(Context::today(Day { today: None }))?) } else { None };
    let listing = runtime()?.block_on(async {
        let account = context.account(args.requests)?;
        planning::observe(&account, &Loaded::default()).await
    })?;
    let listed: HashSet<_> = desired.iter().flat_map(|desired| &desired.keys).map(|key| key.key.blob()).collect();
    let manifest = import::manifest(&listing, |blob| listed.contains(blob));
    match &args.out {
        Some(path) => write_new(path, &manifest)?,
        None => context.ui.result(&manifest).map_err(cannot_print)?,
    }
    Ok(Exit::Done)
}

/// Writes a file that is not there yet: a manifest that people wrote must not go for one that a program made.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let hint = "name a file that does not exist yet";
        CliError::new(format!("cannot write {}: {error}", path.display())).hint(hint)
    })
}
