//! A change on GitHub, from the branch to the account.

mod attacks;
mod changes;
mod events;
mod refusals;

use std::cell::Cell;
use std::collections::BTreeMap;

use keyform::emulator::Emulator;
use regex::Regex;

use crate::forge::Forge;
use crate::forge::github::GitHub;
use crate::job::{Ended, digest};
use crate::releases::Releases;
use crate::repository::Repository;
use crate::support::bucket_server::{BUCKET, BucketServer, S3_READER, S3_WRITER, ServerMode};
use crate::support::program::{STATE, account, manifest};
use crate::workflows::{self, CALLER, Event, Surroundings, writes};

/// Where the state is.
pub enum Place {
    Committed,
    Bucket(BucketServer),
    /// A server of others with the API of S3, by its URL.
    Server(String),
}

/// A repository with the example's workflow, and the account that it describes.
pub struct Project {
    pub repository: Repository,
    pub account: Emulator,
    pub forge: Forge<GitHub>,
    pub releases: Releases,
    pub place: Place,
    /// The day on which jobs run.
    pub today: Cell<&'static str>,
}

impl Project {
    /// With an empty account, and a manifest on `main` that was never applied.
    pub fn new(keys: &str, place: Place) -> Self {
        let repository = Repository::new("github-actions", &manifest(keys));
        let (forge, today) = (Forge::start(GitHub::default()), Cell::new("2026-11-23"));
        let project = Self { repository, account: account(), forge, releases: Releases::new(), place, today };
        project.repository.change("main", CALLER, &project.workflow());
        project
    }

    /// With a committed state, and `main` applied.
    pub fn applied(keys: &str) -> Self {
        Self::new("", Place::Committed).with(keys)
    }

    /// With a state in a bucket, and `main` applied.
    pub fn remote(keys: &str) -> Self {
        Self::new("", Place::Bucket(BucketServer::start(ServerMode::default()))).with(keys)
    }

    /// Applies a manifest.
    pub fn with(self, keys: &str) -> Self {
        let number = self.propose("first", keys);
        let plan = &self.checked(number, "first")["plan"];
        assert!(plan.success, "{}", plan.log);
        let apply = &self.merged(number, "first")["apply"];
        assert!(apply.success, "{}", apply.log);
        self
    }

    /// The example, as its README says how to fill it in.
    fn workflow(&self) -> String {
        let text = self.repository.file(CALLER) + "\n";
        match &self.place {
            Place::Committed => {
                let without = Regex::new("(?s)    with:.*    secrets: .*").unwrap();
                let secrets = "    secrets:\n      PRIME_API_KEY: ${{ secrets.PRIME_API_KEY }}\n      STATE_DEPLOY_KEY: ${{ secrets.STATE_DEPLOY_KEY }}\n";
                without.replace(&text, regex::NoExpand(secrets)).into_owned()
            }
            Place::Server(url) => {
                let folder = format!("{BUCKET}/{}", uuid::Uuid::new_v4());
                let role = Regex::new("AWS_ROLE_ARN=.*").unwrap();
                let server = format!(
                    "AWS_REGION=us-east-1\n        AWS_ENDPOINT_URL={url}\n        AWS_SECRET_ACCESS_KEY=testsecret"
                );
                let text = text.replace("BUCKET", &folder).replace("AWS_REGION=REGION", &server);
                role.replace_all(&text, "AWS_ACCESS_KEY_ID=test").into_owned()
            }
            Place::Bucket(server) => {
                let key = |key: &str| format!("AWS_ACCESS_KEY_ID={key}");
                let role = |name: &str| format!("AWS_ROLE_ARN=arn:aws:iam::ACCOUNT:role/{name}");
                let server = format!("AWS_ENDPOINT_URL={}\n        AWS_SECRET_ACCESS_KEY=secret", server.url());
                text.replace("BUCKET", BUCKET)
                    .replace("AWS_REGION=REGION", &format!("AWS_REGION=eu-central-1\n        {server}"))
                    .replace(&role("keyform-plan"), &key(S3_READER))
                    .replace(&role("keyform-apply"), &key(S3_WRITER))
            }
        }
    }

    /// Commits a manifest to a branch, and opens a pull request for it.
    pub fn propose(&self, branch: &str, keys: &str) -> usize {
        let commit = self.repository.commit(branch, &manifest(keys));
        self.forge.with(|forge| forge.open(&commit))
    }

    pub fn run(&self, event: &Event) -> BTreeMap<String, Ended> {
        let Self { repository, account, forge, releases, place: _, today } = self;
        let today = today.get();
        workflows::run(event, &Surroundings { repository, forge, account, releases, today })
    }

    /// Runs the jobs of a pull request that was opened or pushed to.
    pub fn checked(&self, number: usize, branch: &str) -> BTreeMap<String, Ended> {
        let commit = self.head(number, branch);
        self.run(&Event { name: "pull_request", commit, number, ..Event::default() })
    }

    pub fn head(&self, number: usize, branch: &str) -> String {
        let commit = self.repository.head(branch);
        self.forge.with(|forge| forge.pull_request(number, "/head/sha", &commit));
        commit
    }

    /// Merges a pull request, and runs no job.
    pub fn merge(&self, number: usize, branch: &str) -> String {
        self.head(number, branch);
        let commit = self.repository.merge(branch);
        self.forge.with(|forge| forge.pull_request(number, "/merge_commit_sha", &commit));
        commit
    }

    /// Merges a pull request and runs its jobs.
    pub fn merged(&self, number: usize, branch: &str) -> BTreeMap<String, Ended> {
        self.pushed(self.merge(number, branch))
    }

    pub fn pushed(&self, commit: String) -> BTreeMap<String, Ended> {
        self.run(&Event { name: "push", commit, ..Event::default() })
    }

    /// Starts the workflow by hand, with these inputs. Only one job runs.
    pub fn by_hand(&self, inputs: &[(&'static str, &str)]) -> Ended {
        let inputs = inputs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let commit = self.repository.head("main");
        let mut jobs = self.run(&Event { name: "workflow_dispatch", commit, inputs, ..Event::default() });
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.pop_first().unwrap().1
    }

    pub fn night(&self) -> BTreeMap<String, Ended> {
        self.run(&Event { name: "schedule", commit: self.repository.head("main"), ..Event::default() })
    }

    /// The names on the account.
    pub fn keys(&self) -> Vec<String> {
        let mut names: Vec<_> = self.account.api().rows().into_iter().map(|row| row.name).collect();
        names.sort();
        names
    }

    /// The names in the state.
    pub fn recorded(&self) -> Vec<String> {
        let state: serde_json::Value = self.state().parse().unwrap();
        state["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The state, or nothing.
    pub fn state(&self) -> String {
        match &self.place {
            Place::Committed if self.repository.files().contains(&STATE.to_owned()) => self.repository.file(STATE),
            Place::Committed | Place::Server(_) => String::new(),
            Place::Bucket(server) => {
                // Only a state is directly in the folder.
                let objects = server.served.lock().unwrap().objects.clone();
                let newest = objects.into_iter().rfind(|(name, _)| name.matches('/').count() == 1);
                newest.map(|(_, state)| String::from_utf8(state).unwrap()).unwrap_or_default()
            }
        }
    }

    /// Number of requests to the forge.
    pub fn asked(&self) -> usize {
        self.forge.with(|forge| forge.asked.len())
    }

    pub fn comments(&self) -> Vec<String> {
        self.forge
            .with(|forge| forge.comments.iter().map(|comment| comment["body"].as_str().unwrap().to_owned()).collect())
    }

    /// The newest status of a branch, as its state and its description.
    pub fn status(&self, branch: &str) -> (String, String) {
        let status = self.forge.with(|forge| forge.statuses[&self.repository.head(branch)][0].clone());
        let text = |field: &str| status[field].as_str().unwrap().to_owned();
        (text("state"), text("description"))
    }

    /// Checks that the apply changes neither account nor state. Returns the digest of the waiting plan.
    pub fn refuses(&self, apply: impl FnOnce(&Self) -> Ended, why: &str) -> String {
        let (rows, requests, state) = (self.account.api().rows(), writes(&self.account), self.state());
        let ended = apply(self);
        assert!(!ended.success && ended.log.contains(why), "{}", ended.log);
        assert_eq!((self.account.api().rows(), writes(&self.account), self.state()), (rows, requests, state));
        digest(ended.summary.split("The waiting plan").nth(1).unwrap_or_default())
    }
}

/// Merges a pull request and returns its apply.
pub fn merge(number: usize, branch: &str) -> impl FnOnce(&Project) -> Ended {
    move |project| project.merged(number, branch).remove("apply").unwrap()
}

/// Starts the workflow by hand.
pub fn by_hand(inputs: &[(&'static str, &str)]) -> impl FnOnce(&Project) -> Ended {
    move |project| project.by_hand(inputs)
}
