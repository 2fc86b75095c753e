//! `keyform import`

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::args::{AccountArgs, DayArgs, ManifestArgs, RequestArgs, SandboxArgs, WorkspaceArgs};
use crate::cli::context::Context;
use crate::cli::editing::{EditSession, described};
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::files;
use crate::manifest::edit::Edit;
use crate::report::import::Import;

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// Print only keys that the manifest does not list
    #[arg(long)]
    unmanaged: bool,
    /// Write the manifest to FILE, a new file [default: stdout]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Add keys that the manifest does not list to FILE of it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["out", "unmanaged"])]
    append: Option<PathBuf>,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

pub(in crate::cli) fn run(args: ImportArgs, ui: Ui) -> Result<Exit, CliError> {
    let ImportArgs { unmanaged, out, append, requests, mut manifest, account, sandbox } = args;
    if let (Some(file), true) = (&append, manifest.manifest.is_empty()) {
        manifest.manifest.push(file.clone());
    }
    let context = Context::new(WorkspaceArgs { manifest, account, sandbox, ..WorkspaceArgs::default() }, ui);
    let today = DayArgs::default().resolve();
    let session = append.as_ref().map(|_| EditSession::open(&context, today, false)).transpose()?;
    let desired = if unmanaged { Some(context.desired(today)?) } else { None };
    let listing = runtime()?.block_on(async {
        let account = context.account(requests)?;
        account.list(context.ui).await
    })?;
    let import = Import::of(&listing, session.as_ref().map(EditSession::desired).or(desired.as_ref()));
    if let (Some(session), Some(file)) = (&session, &append) {
        return add(&import, session, file, ui);
    }
    match &out {
        Some(path) => write_new(path, &import.manifest())?,
        None => ui.result(&import.manifest())?,
    }
    summarize(&import, ui);
    Ok(Exit::Done)
}

fn add(import: &Import, session: &EditSession, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let file = session.file_for("keys", Some(file))?;
    for line in import.left_out_lines() {
        ui.warn(&format!("not imported: {line}"));
    }
    let keys: Vec<_> = import.keys.iter().map(|key| key.entry.clone()).collect();
    if keys.is_empty() {
        summarize(import, ui);
        return Ok(Exit::Done);
    }
    let edits = [Edit::Add { file, keys }];
    let exit = session.finish(&edits, |edited| {
        import.keys.iter().map(|key| format!("Added {}", described(edited, &key.entry.name))).collect()
    })?;
    summarize(import, ui);
    Ok(exit)
}

fn summarize(import: &Import, ui: Ui) {
    ui.status(&import.summary());
}

/// Writes a new file. Never replaces one: it could be a manifest that someone wrote.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    files::create(path, text.as_bytes()).map_err(|error| {
        let hint = "pass a path that does not exist yet, or add to a manifest with --append FILE";
        CliError::new(format!("cannot write {}: {error}", path.display())).hint(hint)
    })
}
