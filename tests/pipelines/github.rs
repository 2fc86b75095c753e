//! A change on GitHub, from the branch to the account.

use std::collections::BTreeMap;

use keyform::emulator::{Emulator, Method};
use serde_json::json;

use crate::forge::Forge;
use crate::forge::github::GitHub;
use crate::job::{Ended, TOOLS, account_with_another_carol, digest};
use crate::repository::Repository;
use crate::support::program::{STATE, account, manifest};
use crate::support::tools;
use crate::workflows::{self, Event, Surroundings};

/// A repository with the example's workflows, and the account that it describes.
struct Project {
    repository: Repository,
    account: Emulator,
    forge: Forge<GitHub>,
}

impl Project {
    /// With an empty account, and a manifest on `main` that was never applied.
    fn new(keys: &str) -> Self {
        let repository = Repository::new("github-actions", &manifest(keys));
        Self { repository, account: account(), forge: Forge::start(GitHub::default()) }
    }

    /// With `main` applied.
    fn applied(keys: &str) -> Self {
        let project = Self::new("");
        let number = project.propose("first", keys);
        project.checked(number, "first");
        assert!(project.merged(number, "first")["apply"].success);
        project
    }

    /// Commits a manifest to a branch, and opens a pull request for it.
    fn propose(&self, branch: &str, keys: &str) -> usize {
        let commit = self.repository.commit(branch, &manifest(keys));
        self.forge.with(|forge| forge.open(&commit))
    }

    fn run(&self, event: &Event) -> BTreeMap<String, Ended> {
        let endpoint = self.account.url();
        workflows::run(event, &Surroundings { repository: &self.repository, forge: &self.forge, endpoint })
    }

    /// Runs the jobs of a pull request that was opened or pushed to.
    fn checked(&self, number: usize, branch: &str) -> BTreeMap<String, Ended> {
        let commit = self.head(number, branch);
        self.run(&Event { name: "pull_request", commit, number, ..Event::default() })
    }

    fn head(&self, number: usize, branch: &str) -> String {
        let commit = self.repository.head(branch);
        self.forge.with(|forge| forge.pull_request(number, "/head/sha", &commit));
        commit
    }

    /// Merges a pull request and runs its jobs.
    fn merged(&self, number: usize, branch: &str) -> BTreeMap<String, Ended> {
        self.head(number, branch);
        let commit = self.repository.merge(branch);
        self.forge.with(|forge| forge.pull_request(number, "/merge_commit_sha", &commit));
        self.pushed(commit)
    }

    fn pushed(&self, commit: String) -> BTreeMap<String, Ended> {
        let changed = self.repository.changed_by(&commit);
        self.run(&Event { name: "push", commit, changed, ..Event::default() })
    }

    /// Starts the apply by hand, with these inputs.
    fn by_hand(&self, inputs: &[(&'static str, &str)]) -> Ended {
        let inputs = inputs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let commit = self.repository.head("main");
        let workflow = Some("keyform-apply");
        let event = Event { name: "workflow_dispatch", commit, inputs, workflow, ..Event::default() };
        self.run(&event).remove("apply").unwrap()
    }

    fn night(&self) -> Ended {
        self.run(&Event { name: "schedule", commit: self.repository.head("main"), ..Event::default() })
            .remove("drift")
            .unwrap()
    }

    /// The names on the account.
    fn keys(&self) -> Vec<String> {
        let mut names: Vec<_> = self.account.api().rows().into_iter().map(|row| row.name).collect();
        names.sort();
        names
    }

    fn recorded(&self) -> Vec<String> {
        self.repository.recorded()
    }

    /// Number of requests that change the account.
    fn writes(&self) -> u64 {
        let stats = self.account.api().stats();
        [Method::POST, Method::PATCH, Method::DELETE].iter().map(|method| stats.count(method)).sum()
    }

    /// Number of requests to the forge.
    fn asked(&self) -> usize {
        self.forge.with(|forge| forge.asked.len())
    }

    fn comments(&self) -> Vec<String> {
        self.forge
            .with(|forge| forge.comments.iter().map(|comment| comment["body"].as_str().unwrap().to_owned()).collect())
    }

    /// Checks that the apply changes neither account nor repository. Returns the digest of the waiting plan.
    fn refuses(&self, apply: impl FnOnce(&Self) -> Ended, why: &str) -> String {
        let (rows, writes, state) = (self.account.api().rows(), self.writes(), self.repository.file(STATE));
        let ended = apply(self);
        assert!(!ended.success && ended.log.contains(why), "{}", ended.log);
        assert_eq!((self.account.api().rows(), self.writes(), self.repository.file(STATE)), (rows, writes, state));
        digest(&ended.summary)
    }
}

#[test]
fn a_merged_change_is_applied_as_it_was_approved_and_its_state_is_committed() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new("");
    let number = project.propose("add-alice", "alice=1*");
    project.forge.with(|forge| forge.comment(number, "mallory", "<!-- keyform:plan -->\nnothing to see here"));

    let jobs = project.checked(number, "add-alice");
    assert!(jobs["check"].success && jobs["plan"].success, "{jobs:?}");
    assert!(jobs["check"].summary.contains("alice") && jobs["plan"].summary.contains("alice"));
    assert_eq!(project.writes(), 0);
    let status = project.forge.with(|forge| forge.statuses[&project.repository.head("add-alice")][0].clone());
    assert_eq!((status["context"].as_str(), status["state"].as_str()), (Some("keyform/plan"), Some("success")));
    let comments = project.comments();
    assert_eq!((comments.len(), digest(&comments[1]).as_str()), (2, status["description"].as_str().unwrap()));

    // A push edits the comment, and puts another digest on another commit.
    project.repository.commit("add-alice", &manifest("alice=1* bob=2"));
    assert!(project.checked(number, "add-alice")["plan"].success);
    let edited = project.comments();
    assert!(edited.len() == 2 && edited[1].contains("bob") && edited[0] == comments[0], "{edited:?}");

    let apply = &project.merged(number, "add-alice")["apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!((project.keys(), project.recorded()), (["alice", "bob"].map(str::to_owned).into(), project.keys()));
    assert_eq!(project.repository.last_message(), "Record what keyform changed on the account [skip ci]");
    assert_eq!(project.repository.files(), ["keyform.state.json", "keyform.yaml"]);
    assert!(project.night().success);
    assert_eq!(project.forge.with(|forge| forge.issues.len()), 0);
}

#[test]
fn changes_that_do_not_touch_each_other_are_applied_one_after_the_other() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2 carol=3");
    let one = project.propose("one", "alice=4* bob=2 carol=3");
    let two = project.propose("two", "alice=1* bob=2 carol=3 dave=5");
    assert!(project.checked(one, "one")["plan"].success && project.checked(two, "two")["plan"].success);
    assert!(project.merged(one, "one")["apply"].success);
    let apply = &project.merged(two, "two")["apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.recorded(), ["alice", "bob", "carol", "dave"]);
}

#[test]
fn a_manifest_that_changed_after_the_approval_is_refused_until_somebody_has_seen_its_plan() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2 carol=3");
    let number = project.propose("add-dave", "alice=1* bob=2 carol=3 dave=5");
    assert!(project.checked(number, "add-dave")["plan"].success);
    project.repository.commit("main", &manifest("alice=6* bob=2 carol=3"));
    let merge = |project: &Project| project.merged(number, "add-dave").remove("apply").unwrap();
    let waits = project.refuses(merge, "this is not the plan that was approved");
    // Any other digest is refused.
    let other = format!("sha256:{}", "0".repeat(64));
    project.refuses(|project| project.by_hand(&[("digest", &other)]), "this is not the plan that was approved");
    let apply = project.by_hand(&[("digest", &waits)]);
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.recorded(), ["alice", "bob", "carol", "dave"]);
}

#[test]
fn commits_pushed_after_the_approval_are_not_approved() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    assert!(project.checked(number, "add-bob")["plan"].success);
    // Pushed and merged before there is a plan of it.
    project.repository.commit("add-bob", &manifest("alice=1* mallory=6"));
    let merge = |project: &Project| project.merged(number, "add-bob").remove("apply").unwrap();
    project.refuses(merge, "No plan was approved");

    let waits = project.refuses(|project| project.by_hand(&[("digest", "")]), "--plan-digest");

    // A digest that is not from the workflow is refused.
    let number = project.propose("forged", "alice=1* mallory=6 eve=7");
    let forged = json!({"context": "keyform/plan", "state": "success", "creator": {"login": "mallory"},
        "description": waits});
    project.forge.with(|forge| forge.statuses.insert(project.repository.head("forged"), vec![forged]));
    let merge = |project: &Project| project.merged(number, "forged").remove("apply").unwrap();
    project.refuses(merge, "No plan was approved");
}

#[test]
fn a_pull_request_from_a_fork_is_checked_without_secrets_and_applied_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("from-a-fork", "alice=1* bob=2");
    let (asked, listed) = (project.asked(), project.account.api().stats().received);
    let commit = project.repository.head("from-a-fork");
    let jobs = project.run(&Event { name: "pull_request", commit, number, fork: true, ..Event::default() });
    assert!(jobs["check"].success && jobs["check"].summary.contains("bob"), "{jobs:?}");
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["check"]);
    assert_eq!((project.asked(), project.account.api().stats().received), (asked, listed));

    let merge = |project: &Project| project.merged(number, "from-a-fork").remove("apply").unwrap();
    let waits = project.refuses(merge, "No plan was approved");
    assert!(project.by_hand(&[("digest", &waits)]).success);
    assert_eq!(project.recorded(), ["alice", "bob"]);
}

#[test]
fn a_manifest_that_is_wrong_gets_no_plan() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("wrong", "alice=1* bob=1");
    let jobs = project.checked(number, "wrong");
    assert!(!jobs["check"].success && jobs["check"].log.contains("::error file=keyform.yaml"), "{jobs:?}");
    assert!(!jobs["plan"].success && project.comments().last().unwrap().contains("There is no plan"), "{jobs:?}");
    let merge = |project: &Project| project.merged(number, "wrong").remove("apply").unwrap();
    assert!(!merge(&project).success);
    assert_eq!(project.keys(), ["alice"]);
}

#[test]
fn a_plan_that_a_guard_refuses_is_shown_and_takes_an_acknowledgement_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2 carol=3 dave=4");
    let number = project.propose("fewer", "alice=1*");
    let plan = &project.checked(number, "fewer")["plan"];
    assert!(!plan.success && plan.log.contains("--allow-deletes"), "{}", plan.log);
    assert!(plan.summary.contains("3 to delete") && project.comments().last().unwrap().contains("3 to delete"));
    let merge = |project: &Project| project.merged(number, "fewer").remove("apply").unwrap();
    let waits = project.refuses(merge, "No plan was approved");
    project.refuses(|project| project.by_hand(&[("digest", &waits)]), "--allow-deletes");
    assert!(project.by_hand(&[("digest", &waits), ("allow-deletes", "3")]).success);
    assert_eq!((project.keys(), project.recorded()), (vec!["alice".to_owned()], vec!["alice".to_owned()]));
}

#[test]
fn an_apply_that_fails_half_way_commits_what_it_knows() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let (account, row) = account_with_another_carol();
    let project = Project { account, ..Project::new("") };
    let number = project.propose("more", "bob=2 carol=3");
    project.checked(number, "more");
    let apply = &project.merged(number, "more")["apply"];
    assert!(!apply.success && apply.log.contains("422"), "{}", apply.log);
    assert_eq!(project.recorded(), ["bob"]);

    project.account.api().remove(&row.id).unwrap();
    assert!(project.by_hand(&[("digest", &digest(&apply.summary))]).success);
    assert_eq!(project.recorded(), ["bob", "carol"]);
}

#[test]
fn a_rejected_push_of_the_state_is_repeated_and_a_failed_one_fails_the_job() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    project.checked(number, "add-bob");
    // Merged first: the push of a person would be refused as well.
    project.repository.merge("add-bob");
    let commit = project.repository.head("main");
    project.forge.with(|forge| forge.pull_request(number, "/merge_commit_sha", &commit));
    project.repository.refuse_pushes(2);
    assert!(project.pushed(commit)["apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob"]);

    let number = project.propose("add-carol", "alice=1* bob=2 carol=3");
    project.checked(number, "add-carol");
    let commit = project.repository.merge("add-carol");
    project.forge.with(|forge| forge.pull_request(number, "/merge_commit_sha", &commit));
    project.repository.refuse_pushes(100);
    let apply = &project.pushed(commit)["apply"];
    assert!(!apply.success, "{}", apply.log);
    // The nightly run finds the key on the account.
    project.repository.refuse_pushes(0);
    let night = project.night();
    assert!(night.summary.contains("adopt") && night.summary.contains("carol"), "{}", night.summary);
    assert!(project.by_hand(&[("digest", &digest(&night.summary))]).success);
    assert_eq!((project.recorded().len(), project.keys().len()), (3, 3));
}

#[test]
fn an_old_run_that_is_started_again_brings_nothing_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    project.checked(number, "add-bob");
    assert!(project.merged(number, "add-bob")["apply"].success);
    let added = project.forge.with(|forge| forge.pull_requests[number - 1]["merge_commit_sha"].clone());
    let number = project.propose("drop-bob", "alice=1*");
    project.checked(number, "drop-bob");
    assert!(project.merged(number, "drop-bob")["apply"].success);
    let again = &project.pushed(added.as_str().unwrap().to_owned())["apply"];
    assert!(!again.success && again.log.contains("this is not the plan that was approved"), "{}", again.log);
    assert_eq!(project.keys(), ["alice"]);
}

#[test]
fn a_key_that_went_missing_opens_one_issue_which_is_closed_once_it_is_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2");
    let issues = || project.forge.with(|forge| forge.issues.clone());
    assert!(project.night().success && issues().is_empty());
    let bob = project.account.api().rows().into_iter().find(|row| row.name == "bob").unwrap();
    project.account.api().remove(&bob.id).unwrap();
    let night = project.night();
    assert!(night.success && night.summary.contains("bob"), "{}", night.log);
    project.repository.commit("main", &manifest("alice=1* bob=2 carol=3"));
    assert!(project.night().success);
    assert_eq!(issues().len(), 1);
    let body = issues()[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("carol") && issues()[0]["state"] == "open", "{body}");

    assert!(project.by_hand(&[("digest", &digest(&body))]).success);
    assert!(project.night().success);
    assert_eq!((issues().len(), &issues()[0]["state"]), (1, &json!("closed")));

    // An account that does not respond opens or closes no issue.
    let project = Project { account: account(), ..project };
    let night = project.night();
    assert!(!night.success, "{}", night.log);
}
