//! `keyform add`

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};

use crate::cli::editing::{EditArgs, EditSession, described};
use crate::cli::entry_fields::FieldArgs;
use crate::cli::error::{CliError, Exit};
use crate::cli::published_keys::{KeySource, PublishedKey};
use crate::cli::ui::Ui;
use crate::cli::variables::environment;
use crate::cli::{key_argument, prompt};
use crate::manifest::edit::{Edit, Edited, UniqueNames};
use crate::manifest::{DesiredKey, Place};
use crate::names::KeyName;
use crate::public_key::{PublicKey, compromised};
use crate::terminal::escape::escape;

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// Name of the key [default with --from: the user]
    #[arg(value_parser = identifier, required_unless_present = "from")]
    name: Option<KeyName>,
    /// Public key, the path of a .pub file, or - for stdin
    #[arg(value_hint = ValueHint::FilePath, conflicts_with = "from")]
    key: Option<String>,
    /// Fetch keys of github:USER, gitlab:USER or an https URL
    ///
    /// The URL must respond with one key on each line, as that of GitHub (`/USER.keys`) does. The request has no
    /// token, follows no redirect and is made only by this command: plan and apply never fetch keys.
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["update", "rename"])]
    from: Option<KeySource>,
    /// Add all keys of --from without asking
    #[arg(long, requires = "from")]
    all: bool,
    /// Change the entry with this name, and keep its other fields
    #[arg(long)]
    update: bool,
    /// Give the entry a new name (with --update)
    #[arg(long, value_name = "NAME", value_parser = identifier, requires = "update")]
    rename: Option<KeyName>,
    #[command(flatten)]
    fields: FieldArgs,
    /// Manifest file to add the key to, if there are several
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "update")]
    to: Option<PathBuf>,
    #[command(flatten)]
    edit: EditArgs,
}

pub(in crate::cli) fn run(args: &AddArgs, ui: Ui) -> Result<Exit, CliError> {
    let session = args.edit.open(ui)?;
    match (&args.from, &args.name) {
        (Some(source), name) => add_published(args, source, name.as_ref(), &session, ui),
        (None, Some(name)) if args.update => update(args, name, &session, ui),
        (None, Some(name)) => add(args, name, &session),
        (None, None) => Err(CliError::new("NAME is missing")),
    }
}

fn add(args: &AddArgs, name: &KeyName, session: &EditSession) -> Result<Exit, CliError> {
    let Some(key) = read_key(args)? else {
        let error = CliError::new("the public key is missing");
        return Err(error.hint(format!("pass the key or its file: keyform add {name} ~/.ssh/id_ed25519.pub")));
    };
    if let Some(known) = session.desired().keys.iter().find(|known| known.name == *name) {
        return Err(CliError::new(format!("{name} is already in {}", session.place_of(known)))
            .hint("choose another name, or pass --update to change the entry"));
    }
    refuse_known(&key, session)?;
    let entry = args.fields.set(blank(name.clone(), key), session.today)?;
    let mut edits = demoted(&entry, session);
    let file = session.file_for("keys", args.to.as_deref())?;
    edits.push(Edit::Add { file, keys: vec![entry] });
    session.finish(&edits, |edited| summary(&edits, edited))
}

fn update(args: &AddArgs, name: &KeyName, session: &EditSession, ui: Ui) -> Result<Exit, CliError> {
    let old = session.named(name.as_str())?;
    let key = read_key(args)?;
    if let Some(key) = key.as_ref().filter(|key| key.blob() != old.key.blob()) {
        refuse_known(key, session)?;
    }
    let new = DesiredKey {
        name: args.rename.clone().unwrap_or_else(|| name.clone()),
        key: key.unwrap_or_else(|| old.key.clone()),
        ..old.clone()
    };
    let new = args.fields.set(new, session.today)?;
    if new == *old {
        ui.status(&format!("{name} already says this; nothing was changed"));
        return Ok(Exit::Done);
    }
    let mut edits = demoted(&new, session);
    edits.push(Edit::Update { name: name.clone(), key: Box::new(new) });
    session.finish(&edits, |edited| summary(&edits, edited))
}

fn add_published(
    args: &AddArgs,
    source: &KeySource,
    name: Option<&KeyName>,
    session: &EditSession,
    ui: Ui,
) -> Result<Exit, CliError> {
    let file = session.file_for("keys", args.to.as_deref())?;
    let published = runtime()?.block_on(source.fetch(&environment))?;
    let offered = offer(published, session, ui);
    if offered.is_empty() {
        ui.status("No key to add; nothing was changed.");
        return Ok(Exit::Done);
    }
    let chosen = if args.all { (1..=offered.len()).collect() } else { ask(offered.len())? };
    let mut names = UniqueNames::default();
    for key in &session.desired().keys {
        names.unique(key.name.as_str());
    }
    let base = name.map(KeyName::as_str).or(source.user()).unwrap_or("key");
    let mut entries = Vec::new();
    for key in chosen.into_iter().filter_map(|number| offered.get(number - 1)) {
        let name = KeyName::new(names.unique(base)).map_err(|error| CliError::new(error.to_string()))?;
        let mut entry = args.fields.set(blank(name, key.clone()), session.today)?;
        entry.owner = entry.owner.or_else(|| source.owner());
        entries.push(entry);
    }
    if args.fields.primary && entries.len() > 1 {
        return Err(CliError::new("only one key can be the primary").hint("choose one key, or leave out --primary"));
    }
    let mut edits = entries.first().map(|entry| demoted(entry, session)).unwrap_or_default();
    edits.push(Edit::Add { file, keys: entries });
    session.finish(&edits, |edited| summary(&edits, edited))
}

/// Lists the keys, and returns those that can be added in the order of their numbers.
fn offer(published: Vec<PublishedKey>, session: &EditSession, ui: Ui) -> Vec<PublicKey> {
    let mut seen = HashSet::new();
    let mut keys = Vec::new();
    for PublishedKey { key } in published {
        match key {
            Ok(key) if seen.insert(key.blob().clone()) => keys.push(key),
            Ok(_) => {}
            Err(error) => ui.tell(&format!("    left out: {}\n", escape(&error.to_string()))),
        }
    }
    let compromised = compromised(&keys);
    let mut offered = Vec::new();
    for (index, key) in keys.into_iter().enumerate() {
        let line = line_of(&key);
        let compromise = compromised.get(&index).map(ToString::to_string);
        if let Some(why) = known(&key, session).or(compromise) {
            ui.tell(&format!("    {line}\n      {why}\n"));
        } else {
            offered.push(key);
            ui.tell(&format!("{:>3} {line}\n", offered.len()));
        }
    }
    offered
}

fn ask(count: usize) -> Result<Vec<usize>, CliError> {
    if !Ui::can_ask() {
        return Err(CliError::new("cannot ask which keys to add, because stdin or stderr is not a terminal")
            .hint("pass --all to add all of them; nothing was changed"));
    }
    let question = format!("Keys to add (such as 1,3 or all, up to {count}):");
    let chosen = prompt::choose(&question, count, &mut io::stdin().lock(), &mut io::stderr())?;
    chosen.ok_or_else(|| CliError::new("no key was chosen").hint("nothing was changed"))
}

fn read_key(args: &AddArgs) -> Result<Option<PublicKey>, CliError> {
    args.key.as_deref().map(|key| key_argument::read(key, &mut io::stdin().lock(), &environment)).transpose()
}

/// Makes an entry without optional fields.
fn blank(name: KeyName, key: PublicKey) -> DesiredKey {
    DesiredKey {
        name,
        key,
        account_name: None,
        primary: false,
        owner: None,
        expires: None,
        protect: false,
        exempt: Vec::new(),
        place: Place { file: Arc::from(Path::new("")), range: 0..0 },
    }
}

/// Returns the edit that makes another primary key an ordinary one, if the new entry takes its place.
fn demoted(new: &DesiredKey, session: &EditSession) -> Vec<Edit> {
    let keys = session.desired().keys.iter();
    let others = keys.filter(|key| new.primary && key.primary && key.place != new.place && key.name != new.name);
    others
        .map(|key| Edit::Update { name: key.name.clone(), key: Box::new(DesiredKey { primary: false, ..key.clone() }) })
        .collect()
}

fn refuse_known(key: &PublicKey, session: &EditSession) -> Result<(), CliError> {
    match known(key, session) {
        Some(why) => Err(CliError::new(format!("this key is {why}")).hint("nothing was changed")),
        None => Ok(()),
    }
}

/// Says where the manifest already has a key.
fn known(key: &PublicKey, session: &EditSession) -> Option<String> {
    let desired = session.desired();
    if let Some(known) = desired.keys.iter().find(|known| known.key.blob() == key.blob()) {
        return Some(format!("already listed as {} in {}", known.name, session.place_of(known)));
    }
    let fingerprint = key.blob().fingerprint();
    let revoked = desired.revoked.iter().find(|revoked| revoked.fingerprint == fingerprint)?;
    let place = &revoked.place;
    Some(format!("revoked in {}:{}", place.file.display(), session.editor.line(place)))
}

fn line_of(key: &PublicKey) -> String {
    let comment = if key.comment().is_empty() { String::new() } else { format!(" {}", escape(key.comment())) };
    format!("{} ({}){comment}", key.blob().fingerprint(), key.kind())
}

/// Says what was added and changed, one line each.
fn summary(edits: &[Edit], edited: &Edited) -> Vec<String> {
    let mut lines = Vec::new();
    for edit in edits {
        match edit {
            Edit::Add { keys, .. } => lines.extend(keys.iter().flat_map(|key| {
                [format!("Added {}", described(edited, &key.name)), format!("  {}", key.key.blob().fingerprint())]
            })),
            Edit::Update { name, key } => {
                let renamed = if *name == key.name { String::new() } else { format!(", named {name} before") };
                lines.push(format!("Changed {}{renamed}", described(edited, &key.name)));
            }
            Edit::Remove(_) | Edit::Revoke { .. } => {}
        }
    }
    lines
}

fn identifier(text: &str) -> Result<KeyName, String> {
    KeyName::new(text).map_err(|error| error.to_string())
}
