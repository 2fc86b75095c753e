//! The files that `init` writes, and how it writes them: none is replaced.

use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum;

use super::error::CliError;
use crate::files;
use crate::manifest::schema_line;
use crate::report::starter::{FileOutcome, StarterReport};

/// The forge whose pipeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PipelineKind {
    /// Workflows for GitHub Actions
    Github,
    /// A pipeline for GitLab CI
    Gitlab,
    /// No pipeline
    None,
}

/// A path and its content.
type StarterFile = (&'static str, &'static str);

macro_rules! example {
    ($folder:literal, $path:literal) => {
        ($path, include_str!(concat!("../../examples/", $folder, "/", $path)))
    };
}

const GITHUB: &[StarterFile] = &[
    example!("github-actions", ".github/actions/keyform/action.yaml"),
    example!("github-actions", ".github/workflows/keyform-pull-request.yaml"),
    example!("github-actions", ".github/workflows/keyform-apply.yaml"),
    example!("github-actions", ".github/workflows/keyform-drift.yaml"),
];
const GITHUB_OWNERS: StarterFile = example!("github-actions", ".github/CODEOWNERS");

const GITLAB: &[StarterFile] = &[example!("gitlab-ci", ".gitlab-ci.yml")];
const GITLAB_OWNERS: StarterFile = example!("gitlab-ci", ".gitlab/CODEOWNERS");

/// Where else the forges look for code owners.
const OTHER_OWNERS: [&str; 2] = ["CODEOWNERS", "docs/CODEOWNERS"];

/// The keys of the quickstart's manifest.
pub(super) const QUICKSTART_KEYS: [StarterFile; 2] =
    [example!("quickstart", "keys/bob.pub"), example!("quickstart", "keys/build.pub")];
const QUICKSTART: StarterFile = example!("quickstart", "keyform.yaml");

const NO_KEYS: &str =
    "version: 1\nkeys: []\n#  - name: alice-laptop\n#    publicKey: ssh-ed25519 AAAA… alice@example.com\n";

const IGNORED: [&str; 4] = [".keyform/", ".keyform-*.tmp", "keyform.state.json.lock", "plan.json"];

const MAX_BYTES: u64 = 1 << 20;

impl PipelineKind {
    /// Returns the forge of the repository whose root is `root`: that of its remotes, or else of the files in it.
    pub(super) fn find(root: &Path) -> Self {
        let config = files::read(&root.join(".git/config"), MAX_BYTES).unwrap_or_default();
        let config = String::from_utf8_lossy(&config).to_lowercase();
        let hosts: Vec<_> = config.lines().filter_map(host_of).collect();
        let is_of = |name: &str| hosts.iter().any(|host| host.contains(name));
        if is_of("github") || root.join(".github").is_dir() && !is_of("gitlab") {
            Self::Github
        } else if is_of("gitlab") || root.join(".gitlab-ci.yml").exists() {
            Self::Gitlab
        } else {
            Self::None
        }
    }

    /// Writes the pipeline and the code owners. Names what is left to do for them.
    pub(super) fn write_into(self, root: &Path, report: &mut StarterReport) -> Result<(), CliError> {
        let (pipeline, owners) = match self {
            Self::Github => (GITHUB, GITHUB_OWNERS),
            Self::Gitlab => (GITLAB, GITLAB_OWNERS),
            Self::None => return Ok(()),
        };
        for &file in pipeline {
            write_new(root, file, report)?;
        }
        match OTHER_OWNERS.into_iter().find(|path| root.join(path).exists()) {
            Some(path) => report.files.push((path, FileOutcome::Kept)),
            None => write_new(root, owners, report)?,
        }
        Ok(())
    }
}

/// Returns the host in a line of Git's configuration that has the URL of a remote.
fn host_of(line: &str) -> Option<&str> {
    let (key, url) = line.split_once('=')?;
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (key.trim() == "url").then_some(host)
}

/// Returns a manifest of the given keys, with the line that names its schema to editors.
pub(super) fn manifest(keys: Option<&str>) -> String {
    let text = keys.unwrap_or(NO_KEYS);
    with_schema(text)
}

/// Returns the manifest of the quickstart, without the comment at its start: that is for its own folder.
pub(super) fn quickstart() -> String {
    let (_, text) = QUICKSTART;
    with_schema(text)
}

/// Replaces what is above the first field by the line that names the schema.
fn with_schema(text: &str) -> String {
    let fields = text.find("version:").map_or(text, |start| text.split_at(start).1);
    format!("{}{fields}", schema_line())
}

/// Writes a file, and the folders above it, unless it exists.
pub(super) fn write_new(
    root: &Path,
    (path, text): (&'static str, &str),
    report: &mut StarterReport,
) -> Result<(), CliError> {
    let file = root.join(path);
    let written = fs::create_dir_all(files::folder_of(&file)).and_then(|()| files::create(&file, text.as_bytes()));
    let outcome = match written {
        Ok(()) => FileOutcome::Created,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_same = files::read(&file, MAX_BYTES).is_ok_and(|found| found == text.as_bytes());
            if is_same { FileOutcome::Unchanged } else { FileOutcome::Kept }
        }
        Err(error) => return Err(cannot_write(path, &error)),
    };
    report.files.push((path, outcome));
    Ok(())
}

/// Appends to `.gitignore` what it lacks.
pub(super) fn extend_gitignore(root: &Path, report: &mut StarterReport) -> Result<(), CliError> {
    let path = ".gitignore";
    let file = root.join(path);
    let mut text = match files::read(&file, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return write_new(root, (path, &lines(&IGNORED)), report);
        }
        Err(error) => return Err(cannot_write(path, &error)),
    };
    let present = String::from_utf8_lossy(&text).into_owned();
    let missing: Vec<_> =
        IGNORED.into_iter().filter(|&line| present.lines().all(|found| found.trim() != line)).collect();
    if missing.is_empty() {
        report.files.push((path, FileOutcome::Unchanged));
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(lines(&missing).as_bytes());
    files::replace(&file, &text).map_err(|error| cannot_write(path, &error))?;
    report.files.push((path, FileOutcome::Extended(missing.len())));
    Ok(())
}

fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn cannot_write(path: &str, error: &io::Error) -> CliError {
    CliError::new(format!("cannot write {path}: {error}"))
        .hint("correct that and run `keyform init` again; it keeps the files that exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forge_is_that_of_the_remote() {
        for (url, expected) in [
            ("git@github.com:acme/gitlab-keys.git", PipelineKind::Github),
            ("ssh://git@github.example.com:22/acme/keys", PipelineKind::Github),
            ("https://user:secret@gitlab.com/acme/github-keys.git", PipelineKind::Gitlab),
            ("https://git.example.com/github/keys.git", PipelineKind::None),
        ] {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join(".git")).unwrap();
            fs::write(root.path().join(".git/config"), format!("[remote \"origin\"]\n\turl = {url}\n")).unwrap();
            assert_eq!(PipelineKind::find(root.path()), expected, "{url}");
        }
    }
}
