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

const GITHUB: &[StarterFile] = &[example!("github-actions", ".github/workflows/keyform.yml")];
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

/// What stands in the files for what their readers have to fill in.
const PLACEHOLDERS: [&str; 7] =
    ["ACCOUNT", "BUCKET", "GROUP", "OWNER", "REGION", "@example-org/access", "@example-org/security"];

/// What stands in examples for the repository of keyform.
const REPOSITORY: &str = "OWNER/keyform";

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

    /// Writes the pipeline and the code owners. Returns whether one of them still has placeholders.
    pub(super) fn write_into(self, root: &Path, report: &mut StarterReport) -> Result<bool, CliError> {
        let earlier = report.files.len();
        let (pipeline, owners) = match self {
            Self::Github => (GITHUB, GITHUB_OWNERS),
            Self::Gitlab => (GITLAB, GITLAB_OWNERS),
            Self::None => return Ok(false),
        };
        for &(path, text) in pipeline {
            write_new(root, (path, &with_repository(text)), report)?;
        }
        match OTHER_OWNERS.into_iter().find(|path| root.join(path).exists()) {
            Some(path) => {
                let found = files::read(&root.join(path), MAX_BYTES).unwrap_or_default();
                report.files.push((path, compare(owners.1, &found)));
            }
            None => write_new(root, owners, report)?,
        }
        let has_placeholders = |outcome| matches!(outcome, FileOutcome::Created | FileOutcome::Unchanged);
        Ok(report.files.iter().skip(earlier).any(|&(_, outcome)| has_placeholders(outcome)))
    }
}

/// Names the repository of this program, if it has been released, instead of the placeholder.
fn with_repository(text: &str) -> String {
    let released = env!("CARGO_PKG_REPOSITORY").strip_prefix("https://github.com/");
    released.map_or_else(|| text.to_owned(), |repository| text.replace(REPOSITORY, repository))
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
            compare(text, &files::read(&file, MAX_BYTES).unwrap_or_default())
        }
        Err(error) => return Err(cannot_write(path, &error)),
    };
    report.files.push((path, outcome));
    Ok(())
}

/// Compares a file that exists with what `init` would write.
fn compare(text: &str, found: &[u8]) -> FileOutcome {
    if found == text.as_bytes() {
        return FileOutcome::Unchanged;
    }
    let found = String::from_utf8_lossy(found);
    let relevant = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('#');
    let lines: Vec<_> = found.lines().map(str::trim_end).filter(relevant).collect();
    let has = |line: &str| lines.iter().any(|found| is_filled_in(line, found));
    if text.lines().filter(relevant).all(has) { FileOutcome::FilledIn } else { FileOutcome::Kept }
}

/// Whether `found` is this line with something in place of each placeholder.
fn is_filled_in(line: &str, found: &str) -> bool {
    let first = PLACEHOLDERS.into_iter().filter_map(|word| Some((line.find(word)?, word))).min();
    let Some((before, after)) = first.and_then(|(_, word)| line.split_once(word)) else { return line == found };
    let Some(found) = found.strip_prefix(before) else { return false };
    let ends = found.char_indices().skip(1).map(|(at, _)| at).chain([found.len()]);
    !found.is_empty() && ends.filter_map(|at| found.get(at..)).any(|rest| is_filled_in(after, rest))
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
    fn a_file_is_filled_in_if_only_its_placeholders_differ() {
        let text = "# Replace it.\nuses: OWNER/keyform@v1\n/keys/  @example-org/access\nAWS_REGION=REGION\n";
        for (found, expected) in [
            (text, FileOutcome::Unchanged),
            ("uses: acme/keyform@v1\n/keys/  @acme/a @acme/b\nAWS_REGION=eu-west-1\n", FileOutcome::FilledIn),
            ("own\n\nuses: acme/keyform@v1\n/keys/  @a\nAWS_REGION=eu  \n", FileOutcome::FilledIn),
            ("uses: acme/keyform@v2\n/keys/  @a\nAWS_REGION=eu\n", FileOutcome::Kept),
            ("uses: /keyform@v1\n/keys/  @a\nAWS_REGION=eu\n", FileOutcome::Kept),
            ("uses: acme/keyform@v1\n# /keys/  @a\nAWS_REGION=eu\n", FileOutcome::Kept),
            ("", FileOutcome::Kept),
        ] {
            assert_eq!(compare(text, found.as_bytes()), expected, "{found}");
        }
    }

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
