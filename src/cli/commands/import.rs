//! `keyform import`

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::args::{AccountArgs, DayArgs, ManifestArgs, RequestArgs, SandboxArgs, StateFileArgs, WorkspaceArgs};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::files;
use crate::report::import;

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// Print only keys that the manifest does not list
    #[arg(long)]
    unmanaged: bool,
    /// Write the manifest to FILE, a new file [default: stdout]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
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
    let ImportArgs { unmanaged, out, requests, manifest, account, sandbox } = args;
    let context = Context::new(WorkspaceArgs { manifest, state: StateFileArgs::default(), account, sandbox }, ui);
    let desired = if unmanaged { Some(context.desired(DayArgs::default().resolve())?) } else { None };
    let listing = runtime()?.block_on(async {
        let account = context.account(requests)?;
        account.list().await
    })?;
    let manifest = import::manifest(&listing, desired.as_ref());
    match &out {
        Some(path) => write_new(path, &manifest)?,
        None => ui.result(&manifest)?,
    }
    Ok(Exit::Done)
}

/// Writes a new file. Never replaces one: it could be a manifest that someone wrote.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    files::create(path, text.as_bytes()).map_err(|error| {
        let hint = "pass a path that does not exist yet; import never replaces a file";
        CliError::new(format!("cannot write {}: {error}", path.display())).hint(hint)
    })
}
