//! `keyform rm`

use clap::Args;

use crate::cli::editing::{EditArgs, EditSession};
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::manifest::DesiredKey;
use crate::manifest::edit::Edit;
use crate::terminal::nearest::nearest;

#[derive(Debug, Args)]
pub(in crate::cli) struct RmArgs {
    /// Names of the keys
    #[arg(required_unless_present = "owner", conflicts_with = "owner", value_name = "NAME")]
    names: Vec<String>,
    /// Remove all keys of this owner
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    #[command(flatten)]
    edit: EditArgs,
}

pub(in crate::cli) fn run(args: &RmArgs, ui: Ui) -> Result<Exit, CliError> {
    let session = args.edit.open(ui)?;
    let removed = match &args.owner {
        Some(owner) => owned(owner, &session)?,
        None => args.names.iter().map(|name| session.named(name)).collect::<Result<_, _>>()?,
    };
    for key in removed.iter().filter(|key| key.protect) {
        ui.warn(&format!(
            "{} is protected: apply refuses to remove it until a change without `protect` has been applied",
            key.name
        ));
    }
    let names = removed.iter().map(|key| key.name.clone()).collect();
    session.finish(&[Edit::Remove(names)], |_| {
        removed
            .iter()
            .map(|key| format!("Removed {} ({}) from {}", key.name, key.key.kind(), key.place.file.display()))
            .collect()
    })
}

/// Returns the keys of an owner, at least one.
fn owned<'s>(owner: &str, session: &'s EditSession) -> Result<Vec<&'s DesiredKey>, CliError> {
    let keys = &session.desired().keys;
    let found: Vec<_> = keys.iter().filter(|key| key.owner.as_deref() == Some(owner)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let error = CliError::new(format!("no key has the owner {owner}"));
    Err(match nearest(owner, keys.iter().filter_map(|key| key.owner.as_deref())) {
        Some(nearest) => error.hint(format!("did you mean {nearest}?")),
        None => error,
    })
}
