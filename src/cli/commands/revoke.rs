//! `keyform revoke`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};

use crate::cli::args::{SandboxArgs, StateFileArgs, WorkspaceArgs};
use crate::cli::context::Context;
use crate::cli::editing::{EditArgs, EditSession};
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::manifest::edit::Edit;
use crate::manifest::{Place, RevokedKey};
use crate::public_key::Fingerprint;
use crate::state::Store as _;

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArgs {
    /// Name in the manifest or the state, or fingerprint of any key
    #[arg(value_name = "NAME|FINGERPRINT")]
    key: String,
    /// Why the key is revoked
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Manifest file to add the revocation to, if there are several
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    to: Option<PathBuf>,
    #[command(flatten)]
    edit: EditArgs,
    #[command(flatten)]
    state: StateFileArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

pub(in crate::cli) fn run(args: &RevokeArgs, ui: Ui) -> Result<Exit, CliError> {
    let context = Context::new(
        WorkspaceArgs {
            manifest: args.edit.manifest.clone(),
            state: args.state.clone(),
            sandbox: args.sandbox.clone(),
            ..WorkspaceArgs::default()
        },
        ui,
    );
    let session = EditSession::open(&context, args.edit.day.resolve(), args.edit.diff)?;
    let desired = session.desired();
    let mut fingerprints = found(&args.key, &session, &context)?;
    fingerprints.retain(|fingerprint| desired.revoked.iter().all(|revoked| revoked.fingerprint != *fingerprint));
    if fingerprints.is_empty() {
        ui.status(&format!("{} is already revoked; nothing was changed", args.key));
        return Ok(Exit::Done);
    }
    let listed: Vec<_> =
        desired.keys.iter().filter(|key| fingerprints.contains(&key.key.blob().fingerprint())).collect();
    for key in listed.iter().filter(|key| key.primary) {
        ui.warn(&format!("{} is the primary key: make another key primary, or apply refuses to delete it", key.name));
    }
    let file = file(args, &session, listed.first().map(|key| &key.place.file))?;
    let revoked = fingerprints.iter().map(|fingerprint| RevokedKey {
        fingerprint: fingerprint.clone(),
        blob: None,
        reason: args.reason.clone(),
        place: Place { file: Arc::from(Path::new("")), range: 0..0 },
    });
    let edits = [
        Edit::Remove(listed.iter().map(|key| key.name.clone()).collect()),
        Edit::Revoke { file: Arc::clone(&file), keys: revoked.collect() },
    ];
    session.finish(&edits, |_| {
        let removed = listed.iter().map(|key| format!("Removed {} from {}", key.name, key.place.file.display()));
        let revoked = fingerprints.iter().map(|fingerprint| format!("Revoked {fingerprint} in {}", file.display()));
        removed.chain(revoked).collect()
    })
}

/// Returns the fingerprints of the key: the one that was given, or those that the manifest or the state has for the name.
fn found(key: &str, session: &EditSession, context: &Context) -> Result<Vec<Fingerprint>, CliError> {
    if let Ok(fingerprint) = Fingerprint::try_from(key.to_owned()) {
        return Ok(vec![fingerprint]);
    }
    if key.starts_with("SHA256:") {
        return Err(CliError::new(format!("{key} is not a fingerprint"))
            .hint("use the line that `ssh-keygen -l -f FILE.pub` or `keyform plan` prints"));
    }
    let error = match session.named(key) {
        Ok(listed) => return Ok(vec![listed.key.blob().fingerprint()]),
        Err(error) => error,
    };
    let Ok(store) = context.store() else { return Err(error) };
    let loaded = runtime()?.block_on(store.load())?;
    let records = loaded.state.iter().flat_map(|state| state.records.values());
    let mut recorded: Vec<_> =
        records.filter(|record| record.name.as_str() == key).map(|record| record.fingerprint.clone()).collect();
    recorded.sort_unstable();
    recorded.dedup();
    if recorded.is_empty() {
        return Err(error.hint("pass the fingerprint of a key that is neither in the manifest nor in the state"));
    }
    Ok(recorded)
}

/// Chooses the file of the revocation: the one that was named, the one with revocations, or the one that has the entry.
fn file(args: &RevokeArgs, session: &EditSession, entry: Option<&Arc<Path>>) -> Result<Arc<Path>, CliError> {
    match (args.to.as_deref(), session.editor.files_with("revoked").as_slice(), entry) {
        (None, [only], _) => Ok(Arc::clone(only)),
        (None, _, Some(file)) => Ok(Arc::clone(file)),
        (to, _, _) => session.file_for("revoked", to),
    }
}
