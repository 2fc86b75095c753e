//! A repository on a server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

use tempfile::TempDir;

use crate::support::files::copy_folder;
use crate::support::tools;

/// A bare repository with one clone in which people work.
pub struct Repository {
    folder: TempDir,
}

/// Runs git in a folder, without the configuration of the person who runs the test.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env_clear().env("PATH", tools::path()).envs(environment());
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("these tests need git: {error}"));
    assert!(output.status.success(), "git {}: {}", arguments.join(" "), str::from_utf8(&output.stderr).unwrap());
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Makes git the same on every machine.
fn environment() -> [(&'static str, &'static str); 7] {
    [
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "Somebody"),
        ("GIT_AUTHOR_EMAIL", "somebody@example.com"),
        ("GIT_COMMITTER_NAME", "Somebody"),
        ("GIT_COMMITTER_EMAIL", "somebody@example.com"),
    ]
}

impl Repository {
    /// Commits an example and a manifest to `main`.
    pub fn new(example: &str, manifest: &str) -> Self {
        let folder = TempDir::new().unwrap();
        git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "origin.git"]);
        git(folder.path(), &["clone", "--quiet", "origin.git", "work"]);
        let repository = Self { folder };
        git(&repository.work(), &["checkout", "--quiet", "-B", "main"]);
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example), &repository.work());
        git(&repository.work(), &["add", "--all"]);
        repository.commit("main", manifest);
        repository
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The address to push to, without `.git`.
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.path().join("origin").display())
    }

    /// Commits a manifest to a branch, which starts at `main` if it is new, and pushes it.
    pub fn commit(&self, branch: &str, manifest: &str) -> String {
        self.change(branch, "keyform.yaml", manifest)
    }

    /// Commits a file to a branch, which starts at `main` if it is new, and pushes it.
    pub fn change(&self, branch: &str, file: &str, content: &str) -> String {
        let work = self.work();
        self.check_out(branch);
        fs::create_dir_all(work.join(file).parent().unwrap()).unwrap();
        fs::write(work.join(file), content).unwrap();
        git(&work, &["add", "--force", "--", file]);
        git(&work, &["commit", "--quiet", "--message", &format!("Change {file}")]);
        git(&work, &["push", "--quiet", "origin", branch]);
        git(&work, &["rev-parse", "HEAD"])
    }

    /// Commits a program to a branch.
    pub fn change_program(&self, branch: &str, file: &str, content: &str) {
        self.change(branch, file, content);
        git(&self.work(), &["update-index", "--chmod=+x", file]);
        git(&self.work(), &["commit", "--quiet", "--message", &format!("Make {file} a program")]);
        git(&self.work(), &["push", "--quiet", "origin", branch]);
        git(&self.work(), &["checkout", "--quiet", "--force", branch]);
    }

    /// Makes a name refer to a commit, as a forge does for its requests.
    pub fn point(&self, name: &str, commit: &str) {
        git(&self.origin(), &["update-ref", name, commit]);
    }

    /// The commit at which two branches parted.
    pub fn merge_base(&self, one: &str, other: &str) -> String {
        git(&self.origin(), &["merge-base", one, other])
    }

    /// A merge of a branch into `main` that moves no branch.
    pub fn trial_merge(&self, branch: &str) -> String {
        let tree = git(&self.origin(), &["merge-tree", "--write-tree", "main", branch]);
        let commit = git(&self.origin(), &["commit-tree", "-p", "main", "-p", branch, "-m", "Trial", &tree]);
        self.point("refs/heads/trial", &commit);
        commit
    }

    fn origin(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    /// Commits a link to a branch, and pushes it.
    pub fn link(&self, branch: &str, target: &str, link: &str) {
        self.check_out(branch);
        std::os::unix::fs::symlink(target, self.work().join(link)).unwrap();
        git(&self.work(), &["add", "--force", "--", link]);
        git(&self.work(), &["commit", "--quiet", "--message", &format!("Link {link}")]);
        git(&self.work(), &["push", "--quiet", "origin", branch]);
    }

    /// Merges a branch into `main` and returns the commit.
    pub fn merge(&self, branch: &str) -> String {
        let work = self.work();
        self.check_out("main");
        git(&work, &["merge", "--quiet", "--no-ff", "--message", &format!("Merge {branch}"), branch]);
        git(&work, &["push", "--quiet", "origin", "main"]);
        git(&work, &["rev-parse", "HEAD"])
    }

    fn check_out(&self, branch: &str) {
        let work = self.work();
        if work.join(".git/refs/remotes/origin/main").exists() {
            git(&work, &["fetch", "--quiet", "origin"]);
            let known = git(&work, &["branch", "--remotes", "--list", &format!("origin/{branch}")]);
            let start = if known.is_empty() { "origin/main".to_owned() } else { format!("origin/{branch}") };
            git(&work, &["checkout", "--quiet", "--no-track", "-B", branch, &start]);
        }
    }

    /// Makes the next `count` pushes fail, as if somebody else had just merged.
    pub fn refuse_pushes(&self, count: usize) {
        let other = git(&self.origin(), &["commit-tree", "-p", "main", "-m", "Somebody else's", "main^{tree}"]);
        self.refuse_pushes_after(count, &other);
    }

    /// Makes the next push fail, because somebody has just changed a file on `main`.
    pub fn change_with_next_push(&self, file: &str, content: &str) {
        let other = self.change("meanwhile", file, content);
        self.refuse_pushes_after(1, &other);
    }

    /// Makes the next `count` pushes fail, and `main` be at `other`.
    fn refuse_pushes_after(&self, count: usize, other: &str) {
        let origin = self.origin();
        fs::write(origin.join("refusals"), "x".repeat(count)).unwrap();
        // A hook may not move a branch, unless it does not know that it is one.
        let hook = format!(
            "#!/bin/sh\nleft=$(cat refusals)\nprintf %s \"${{left#x}}\" > refusals\n[ -n \"$left\" ] || exit 0\n\
             env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main {other}\nexit 1\n"
        );
        let path = origin.join("hooks/pre-receive");
        fs::write(&path, hook).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The commit that a branch is at.
    pub fn head(&self, branch: &str) -> String {
        git(&self.folder.path().join("origin.git"), &["rev-parse", branch])
    }

    /// The files that differ between a commit and its first parent.
    pub fn changed_by(&self, commit: &str) -> Vec<String> {
        let range = format!("{commit}^1..{commit}");
        let names = git(&self.folder.path().join("origin.git"), &["diff", "--name-only", &range]);
        names.lines().map(str::to_owned).collect()
    }

    /// A file in a commit.
    pub fn file_at(&self, commit: &str, name: &str) -> String {
        git(&self.folder.path().join("origin.git"), &["show", &format!("{commit}:{name}")])
    }

    /// A file as `main` has it.
    pub fn file(&self, name: &str) -> String {
        git(&self.folder.path().join("origin.git"), &["show", &format!("main:{name}")])
    }

    /// The files that `main` has at its top, the hidden ones aside.
    pub fn files(&self) -> Vec<String> {
        let names = git(&self.folder.path().join("origin.git"), &["ls-tree", "--name-only", "main"]);
        names.lines().filter(|name| !name.starts_with('.') && *name != "README.md").map(str::to_owned).collect()
    }

    /// The subject of the newest commit on `main`.
    pub fn last_message(&self) -> String {
        git(&self.folder.path().join("origin.git"), &["log", "-1", "--format=%s", "main"])
    }

    /// A fresh clone at a commit, or at a merge of it into `main`, that cannot push.
    pub fn clone_into(&self, folder: &Path, commit: &str, merged: bool) {
        let origin = format!("{}.git", self.url());
        git(folder, &["clone", "--quiet", &origin, "."]);
        git(folder, &["config", "remote.origin.pushUrl", "/nonexistent/no-credentials"]);
        if merged {
            git(folder, &["checkout", "--quiet", "--detach", "origin/main"]);
            git(folder, &["merge", "--quiet", "--no-ff", "--no-edit", commit]);
        } else {
            git(folder, &["checkout", "--quiet", "--detach", commit]);
        }
    }
}
