//! A change on GitLab, from the branch to the account.

use std::collections::BTreeMap;

use keyform::emulator::{Emulator, Method, StoredRow};

use crate::forge::Forge;
use crate::forge::gitlab::GitLab;
use crate::job::{Ended, TOOLS, account_with_another_carol, digest};
use crate::pipeline::{self, Event, Surroundings};
use crate::repository::Repository;
use crate::support::program::{STATE, account, manifest};
use crate::support::tools;

/// A project with the example's pipeline, and the account that it describes.
struct Project {
    repository: Repository,
    account: Emulator,
    forge: Forge<GitLab>,
}

impl Project {
    /// With an empty account, and a manifest on `main` that was never applied.
    fn new() -> Self {
        let repository = Repository::new("gitlab-ci", &manifest(""));
        Self { repository, account: account(), forge: Forge::start(GitLab::default()) }
    }

    /// With `main` applied.
    fn applied(keys: &str) -> Self {
        let project = Self::new();
        let request = project.propose("first", keys);
        project.checked(request, "first");
        let apply = &project.merged(request, "first")["apply"];
        assert!(apply.success, "{}", apply.log);
        project
    }

    fn propose(&self, branch: &str, keys: &str) -> usize {
        let commit = self.repository.commit(branch, &manifest(keys));
        self.forge.with(|forge| forge.open(&commit))
    }

    fn run(&self, event: &Event) -> BTreeMap<String, Ended> {
        let endpoint = self.account.url();
        pipeline::run(event, &Surroundings { repository: &self.repository, forge: &self.forge, endpoint })
    }

    fn checked(&self, request: usize, branch: &str) -> BTreeMap<String, Ended> {
        let commit = self.repository.head(branch);
        self.forge.with(|forge| forge.moved(request, &commit));
        self.run(&Event { source: "merge_request_event", commit, request, ..Event::default() })
    }

    fn merged(&self, request: usize, branch: &str) -> BTreeMap<String, Ended> {
        let head = self.repository.head(branch);
        let commit = self.repository.merge(branch);
        self.forge.with(|forge| {
            forge.moved(request, &head);
            forge.merged(request, &commit);
        });
        self.pushed(commit)
    }

    fn pushed(&self, commit: String) -> BTreeMap<String, Ended> {
        let changed = self.repository.changed_by(&commit);
        self.run(&Event { source: "push", commit, changed, ..Event::default() })
    }

    /// Starts the pipeline by hand, with these variables.
    fn by_hand(&self, variables: &[(&str, &str)]) -> BTreeMap<String, Ended> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.run(&Event { source: "web", commit: self.repository.head("main"), variables, ..Event::default() })
    }

    fn night(&self) -> Ended {
        let event = Event { source: "schedule", commit: self.repository.head("main"), ..Event::default() };
        self.run(&event).remove("drift").unwrap()
    }

    fn recorded(&self) -> Vec<String> {
        self.repository.recorded()
    }

    /// Checks that the apply changes neither account nor repository. Returns the digest of the waiting plan.
    fn refuses(&self, apply: &Ended, rows: &[StoredRow], why: &str) -> String {
        assert!(!apply.success && apply.log.contains(why), "{}", apply.log);
        assert_eq!(self.account.api().rows(), rows);
        let waiting = apply.log.split("The waiting plan").nth(1).unwrap();
        digest(waiting)
    }
}

#[test]
fn a_merged_change_is_applied_as_it_was_approved_and_its_state_is_committed() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new();
    let request = project.propose("add-alice", "alice=1*");
    project.forge.with(|forge| forge.note(request, 66, "<!-- keyform:plan -->\nnothing to see here"));
    let jobs = project.checked(request, "add-alice");
    assert!(jobs["check"].success && jobs["plan"].success, "{jobs:?}");
    let stats = project.account.api().stats();
    assert_eq!(stats.count(&Method::POST), 0);
    project.repository.commit("add-alice", &manifest("alice=1* bob=2"));
    assert!(project.checked(request, "add-alice")["plan"].success);
    let notes = project.forge.with(|forge| forge.notes.clone());
    assert!(notes.len() == 2 && notes[1]["body"].as_str().unwrap().contains("bob"), "{notes:?}");

    let apply = &project.merged(request, "add-alice")["apply"];
    assert!(apply.success, "{}", apply.log);
    assert!(apply.log.contains(&digest(&notes[1]["body"].to_string())));
    assert_eq!(project.recorded(), ["alice", "bob"]);
    assert_eq!(project.repository.last_message(), "Record what keyform changed on the account [skip ci]");
    assert_eq!(project.repository.files(), ["keyform.state.json", "keyform.yaml"]);
    let night = project.night();
    assert!(night.success, "{}", night.log);
    assert_eq!(project.forge.with(|forge| forge.issues.len()), 0);
}

#[test]
fn a_manifest_that_changed_after_the_approval_is_refused_until_somebody_has_seen_its_plan() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2 carol=3");
    let request = project.propose("add-dave", "alice=1* bob=2 carol=3 dave=5");
    assert!(project.checked(request, "add-dave")["plan"].success);
    project.repository.commit("main", &manifest("alice=6* bob=2 carol=3"));
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "add-dave")["apply"];
    let waits = project.refuses(apply, &rows, "this is not the plan that was approved");
    assert!(project.by_hand(&[("APPROVED_DIGEST", &waits)])["apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob", "carol", "dave"]);
    // Without a digest no job starts.
    assert!(project.by_hand(&[]).is_empty());
}

#[test]
fn commits_pushed_after_the_approval_are_not_approved() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    assert!(project.checked(request, "add-bob")["plan"].success);
    project.repository.commit("add-bob", &manifest("alice=1* mallory=6"));
    let rows = project.account.api().rows();
    project.refuses(&project.merged(request, "add-bob")["apply"], &rows, "No plan was approved");
}

#[test]
fn a_merge_request_from_a_fork_is_checked_without_secrets_wherever_its_pipeline_runs() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let request = project.propose("from-a-fork", "alice=1* bob=2");
    let asked = project.forge.with(|forge| forge.asked.len());
    let received = project.account.api().stats().received;
    for adopted in [false, true] {
        let commit = project.repository.head("from-a-fork");
        let event = Event { source: "merge_request_event", commit, request, fork: true, adopted, ..Event::default() };
        let jobs = project.run(&event);
        assert!(jobs["check"].success && jobs["check"].log.contains("bob"), "{jobs:?}");
        assert_eq!(jobs.keys().collect::<Vec<_>>(), ["check"]);
    }
    assert_eq!(project.forge.with(|forge| forge.asked.len()), asked);
    assert_eq!(project.account.api().stats().received, received);
    let rows = project.account.api().rows();
    project.refuses(&project.merged(request, "from-a-fork")["apply"], &rows, "No plan was approved");
}

#[test]
fn a_plan_that_a_guard_refuses_is_shown_and_takes_an_acknowledgement_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2 carol=3 dave=4");
    let request = project.propose("fewer", "alice=1*");
    let plan = &project.checked(request, "fewer")["plan"];
    assert!(!plan.success && plan.log.contains("--allow-deletes"), "{}", plan.log);
    assert!(project.forge.with(|forge| forge.notes.last().unwrap().to_string().contains("3 to delete")));
    let rows = project.account.api().rows();
    let waits = project.refuses(&project.merged(request, "fewer")["apply"], &rows, "No plan was approved");
    assert!(project.by_hand(&[("APPROVED_DIGEST", &waits), ("ALLOW_DELETES", "3")])["apply"].success);
    assert_eq!(project.recorded(), ["alice"]);
}

#[test]
fn an_apply_that_fails_half_way_commits_what_it_knows() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let (account, _) = account_with_another_carol();
    let project = Project { account, ..Project::new() };
    let request = project.propose("more", "bob=2 carol=3");
    project.checked(request, "more");
    let apply = &project.merged(request, "more")["apply"];
    assert!(!apply.success && apply.log.contains("422"), "{}", apply.log);
    assert_eq!(project.recorded(), ["bob"]);
    assert!(project.forge.with(|forge| forge.artifacts.keys().any(|(_, path)| path == STATE)));
}

#[test]
fn an_old_job_that_is_started_again_brings_nothing_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    project.checked(request, "add-bob");
    assert!(project.merged(request, "add-bob")["apply"].success);
    let added = project.forge.with(|forge| forge.merge_requests[request - 1]["merge_commit_sha"].clone());
    let request = project.propose("drop-bob", "alice=1*");
    project.checked(request, "drop-bob");
    assert!(project.merged(request, "drop-bob")["apply"].success);
    let rows = project.account.api().rows();
    let again = &project.pushed(added.as_str().unwrap().to_owned())["apply"];
    project.refuses(again, &rows, "this is not the plan that was approved");
}

#[test]
fn a_state_that_cannot_be_pushed_is_kept_as_an_artifact_of_a_job_that_failed() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    project.repository.commit("main", &manifest("alice=1* bob=2"));
    project.repository.refuse_pushes(1);
    let waits = digest(&project.night().log);
    assert!(project.by_hand(&[("APPROVED_DIGEST", &waits)])["apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob"]);

    project.repository.commit("main", &manifest("alice=1* bob=2 carol=3"));
    project.repository.refuse_pushes(100);
    let waits = digest(&project.night().log);
    assert!(!project.by_hand(&[("APPROVED_DIGEST", &waits)])["apply"].success);
    let (_, kept) = project.forge.with(|forge| forge.artifacts.pop_last().unwrap());
    assert!(kept.contains("carol"), "{kept}");
}

#[test]
fn a_key_that_went_missing_opens_one_issue_which_is_closed_once_it_is_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2");
    let issues = || project.forge.with(|forge| forge.issues.clone());
    let bob = project.account.api().rows().into_iter().find(|row| row.name == "bob").unwrap();
    project.account.api().remove(&bob.id).unwrap();
    for night in [project.night(), project.night()] {
        assert!(night.success && issues().len() == 1, "{}", night.log);
    }
    let body = issues()[0]["description"].as_str().unwrap().to_owned();
    assert!(body.contains("bob") && issues()[0]["state"] == "opened", "{body}");
    assert!(project.by_hand(&[("APPROVED_DIGEST", &digest(&body))])["apply"].success);
    assert!(project.night().success);
    assert_eq!((issues().len(), issues()[0]["state"].as_str()), (1, Some("closed")));
}
