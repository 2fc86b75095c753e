//! What the commands that edit a manifest share.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use jiff::civil::Date;

use super::args::{DayArgs, ManifestArgs, WorkspaceArgs};
use super::context::Context;
use super::error::{CliError, Exit, Hints};
use super::ui::Ui;
use crate::manifest::edit::{Edit, EditError, Edited, Editor, WriteError};
use crate::manifest::{Desired, DesiredKey, Severity};
use crate::names::KeyName;
use crate::report::{edits, problems};
use crate::terminal::escape::escape;
use crate::terminal::nearest::nearest;
use crate::terminal::style::{BAD, paint};

#[derive(Debug, Clone, Args)]
pub(super) struct EditArgs {
    /// Print the change as a unified diff, and write nothing
    #[arg(long)]
    pub(super) diff: bool,
    #[command(flatten)]
    pub(super) day: DayArgs,
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
}

impl EditArgs {
    pub(super) fn open(&self, ui: Ui) -> Result<EditSession, CliError> {
        let context = Context::new(WorkspaceArgs { manifest: self.manifest.clone(), ..WorkspaceArgs::default() }, ui);
        EditSession::open(&context, self.day.resolve(), self.diff)
    }
}

/// The manifest of a command that edits it.
pub(super) struct EditSession {
    pub(super) editor: Editor,
    pub(super) today: Date,
    ui: Ui,
    is_diff: bool,
}

impl Hints for EditError {
    fn hints(&self) -> Vec<String> {
        vec![self.help()]
    }
}

impl Hints for WriteError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Changed { .. } => vec!["run the command again".to_owned()],
            Self::Io { .. } => Vec::new(),
        }
    }
}

impl EditSession {
    pub(super) fn open(context: &Context, today: Date, is_diff: bool) -> Result<Self, CliError> {
        let editor = Editor::open(context.manifest_paths()?, today).map_err(|mut report| {
            report.diagnostics.retain(|problem| problem.severity == Severity::Error);
            CliError::invalid_manifest(problems::text(&report)).hint("correct the manifest first; nothing was changed")
        })?;
        Ok(Self { editor, today, ui: context.ui, is_diff })
    }

    pub(super) fn desired(&self) -> &Desired {
        self.editor.desired()
    }

    /// Says where an entry is: `keyform.yaml:12`.
    pub(super) fn place_of(&self, key: &DesiredKey) -> String {
        format!("{}:{}", key.place.file.display(), self.editor.line(&key.place))
    }

    /// Finds the entry with a name, or suggests the nearest name.
    pub(super) fn named(&self, name: &str) -> Result<&DesiredKey, CliError> {
        let keys = &self.desired().keys;
        keys.iter().find(|key| key.name.as_str() == name).ok_or_else(|| {
            let error = CliError::new(format!("the manifest has no key named {name}"));
            match nearest(name, keys.iter().map(|key| key.name.as_str())) {
                Some(nearest) => error.hint(format!("did you mean {nearest}?")),
                None => error,
            }
        })
    }

    /// Chooses the file for new entries of a list: the one that was named, or the only one that can be meant.
    pub(super) fn file_for(&self, list: &str, named: Option<&Path>) -> Result<Arc<Path>, CliError> {
        let files: Vec<_> = self.editor.files().cloned().collect();
        if let Some(named) = named {
            let is_same = |file: &&Arc<Path>| match (file.canonicalize(), named.canonicalize()) {
                (Ok(file), Ok(named)) => file == named,
                _ => false,
            };
            return files.iter().find(is_same).cloned().ok_or_else(|| {
                CliError::new(format!("{} is not a file of the manifest", named.display())).hint(listed(&files))
            });
        }
        let with_list = self.editor.files_with(list);
        match (files.as_slice(), with_list.as_slice()) {
            ([only], _) | (_, [only]) => Ok(Arc::clone(only)),
            _ => Err(CliError::new("the manifest has several files")
                .hint(format!("choose one with --to FILE; {}", listed(&files)))),
        }
    }

    /// Checks edits, then writes the files or prints the diff. `describe` gives the lines that say what was changed.
    pub(super) fn finish(
        &self,
        edits: &[Edit],
        describe: impl FnOnce(&Edited) -> Vec<String>,
    ) -> Result<Exit, CliError> {
        let edited = self.editor.edit(edits).map_err(|error| match error {
            EditError::Invalid(mut report) => {
                report.diagnostics.retain(|problem| problem.severity == Severity::Error);
                CliError::invalid_manifest(problems::text(&report)).hint("nothing was changed")
            }
            error => CliError::of(&error),
        })?;
        self.ui.tell(&problems::text(&edited.report));
        if let Some(first) = edited.new_violations.first() {
            let names: Vec<_> = edited.new_violations.iter().map(|violation| violation.name.as_str()).collect();
            self.ui.tell(&format!("{} {}\n", paint(BAD, "refused:"), escape(&refusal(&names))));
            self.ui.tell(&format!("  help: {}\n", escape(&first.help)));
            return Ok(Exit::Refused);
        }
        if self.is_diff {
            self.ui.result(&edits::diff(&edited.changes))?;
            return Ok(Exit::Done);
        }
        for change in &edited.changes {
            change.write()?;
        }
        let lines: String = describe(&edited).iter().map(|line| format!("{}\n", escape(line))).collect();
        self.ui.result(&lines)?;
        for file in &edited.unused_key_files {
            self.ui.status(&format!("No entry uses {} now; delete it", escape(&file.display().to_string())));
        }
        Ok(Exit::Done)
    }
}

/// Describes an entry of the edited manifest: `alice (ED25519 256) in keyform.yaml:12`.
pub(super) fn described(edited: &Edited, name: &KeyName) -> String {
    match edited.desired.keys.iter().find(|key| key.name == *name) {
        Some(key) => format!("{name} ({}) in {}:{}", key.key.kind(), key.place.file.display(), edited.line(&key.place)),
        None => name.to_string(),
    }
}

fn refusal(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.dedup();
    format!("the policy of the manifest does not allow the change of {}; nothing was changed", names.join(", "))
}

fn listed(files: &[Arc<Path>]) -> String {
    const MAX_LISTED: usize = 10;
    let shown: Vec<_> = files.iter().take(MAX_LISTED).map(|file| file.display().to_string()).collect();
    let more = files.len().saturating_sub(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("its files are {}{more}", shown.join(", "))
}
