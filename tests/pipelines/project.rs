//! A project on GitLab whose pipeline is the component.

use std::collections::BTreeMap;

use keyform::emulator::{Emulator, StoredRow};
use serde_json::Value;

use crate::component::Inputs;
use crate::forge::Forge;
use crate::forge::gitlab::GitLab;
use crate::job::{Ended, digest};
use crate::pipeline::{self, Event, Surroundings};
use crate::repository::Repository;
use crate::support::program::{STATE, account, manifest};

/// Where a project has its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    GitLab,
    Committed,
}

pub struct Project {
    pub repository: Repository,
    pub account: Emulator,
    pub forge: Forge<GitLab>,
    pub place: Place,
    pub shell: &'static str,
}

impl Project {
    /// With an empty account, and a manifest on `main` that was never applied.
    pub fn new(place: Place) -> Self {
        let repository = Repository::new("gitlab-ci", &manifest(""));
        if place == Place::Committed {
            let file = repository.file(".gitlab-ci.yml");
            let file =
                file.replace("    inputs:\n      run:", &format!("    inputs:\n      state: {STATE}\n      run:"));
            assert!(file.contains(STATE));
            repository.change("main", ".gitlab-ci.yml", &(file + "\n"));
        }
        Self { repository, account: account(), forge: Forge::start(GitLab::default()), place, shell: "bash" }
    }

    /// With `main` applied.
    pub fn applied(place: Place, keys: &str) -> Self {
        let project = Self::new(place);
        let request = project.propose("first", keys);
        project.checked(request, "first");
        let apply = &project.merged(request, "first")["keyform-apply"];
        assert!(apply.success, "{}", apply.log);
        project
    }

    pub fn propose(&self, branch: &str, keys: &str) -> usize {
        self.propose_file(branch, "keyform.yaml", &manifest(keys))
    }

    /// Opens a merge request that changes one file.
    pub fn propose_file(&self, branch: &str, file: &str, content: &str) -> usize {
        let commit = self.repository.change(branch, file, content);
        self.forge.with(|forge| forge.open(&commit))
    }

    pub fn run(&self, event: &Event) -> BTreeMap<String, Ended> {
        let endpoint = self.account.url();
        let at = Surroundings { repository: &self.repository, forge: &self.forge, endpoint, shell: self.shell };
        pipeline::run(event, &at)
    }

    /// The event of a new commit in a merge request.
    pub fn pushed_to(&self, request: usize, branch: &str) -> Event {
        let commit = self.repository.head(branch);
        self.forge.with(|forge| forge.moved(request, &commit));
        self.repository.point(&format!("refs/merge-requests/{request}/head"), &commit);
        let changed = vec!["keyform.yaml".to_owned()];
        Event { source: "merge_request_event", commit, request, changed, ..Event::default() }
    }

    pub fn checked(&self, request: usize, branch: &str) -> BTreeMap<String, Ended> {
        self.run(&self.pushed_to(request, branch))
    }

    /// Merges, and runs the pipeline of `main`.
    pub fn merged(&self, request: usize, branch: &str) -> BTreeMap<String, Ended> {
        self.run(&self.merge(request, branch))
    }

    pub fn merge(&self, request: usize, branch: &str) -> Event {
        let (before, head) = (self.repository.head("main"), self.repository.head(branch));
        self.repository.point(&format!("refs/merge-requests/{request}/head"), &head);
        let commit = self.repository.merge(branch);
        self.forge.with(|forge| {
            forge.moved(request, &head);
            forge.merged(request, &commit);
        });
        let changed = self.repository.changed_by(&commit);
        Event { source: "push", commit, before, changed, ..Event::default() }
    }

    /// Starts the pipeline of `main` by hand.
    pub fn by_hand(&self, run: &str) -> BTreeMap<String, Ended> {
        let inputs = Inputs::from([("run".to_owned(), run.into())]);
        self.run(&Event { source: "web", commit: self.repository.head("main"), inputs, ..Event::default() })
    }

    pub fn night(&self) -> BTreeMap<String, Ended> {
        self.night_of("2026-11-23")
    }

    pub fn night_of(&self, today: &str) -> BTreeMap<String, Ended> {
        let commit = self.repository.head("main");
        let variables = [("KEYFORM_TODAY".to_owned(), today.to_owned())].into();
        self.run(&Event { source: "schedule", commit, variables, ..Event::default() })
    }

    /// The names in the state.
    pub fn recorded(&self) -> Vec<String> {
        let state: Value = match self.place {
            Place::Committed => self.repository.file(STATE).parse().unwrap(),
            Place::GitLab => self.forge.with(|forge| forge.states.state("keyform")).unwrap().json(),
        };
        state["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The names on the account.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.account.api().rows().into_iter().map(|row| row.name).collect();
        names.sort();
        names
    }

    /// Checks that an apply changed nothing on the account. Returns the digest of the waiting plan.
    pub fn refuses(&self, apply: &Ended, rows: &[StoredRow], why: &str) -> String {
        assert!(!apply.success && apply.log.contains(why), "{}", apply.log);
        assert_eq!(self.account.api().rows(), rows);
        digest(apply.log.split("To apply the waiting plan").nth(1).unwrap())
    }
}
