//! Changes that are not applied, until somebody has seen their plan.

use serde_json::json;

use super::{Project, by_hand, merge};
use crate::job::TOOLS;
use crate::support::program::manifest;
use crate::support::tools;

#[test]
fn a_manifest_that_changed_after_the_approval_is_refused_until_somebody_has_seen_its_plan() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for project in [Project::applied("alice=1* bob=2 carol=3"), Project::remote("alice=1* bob=2 carol=3")] {
        let number = project.propose("add-dave", "alice=1* bob=2 carol=3 dave=5");
        assert!(project.checked(number, "add-dave")["plan"].success);
        project.repository.commit("main", &manifest("alice=6* bob=2 carol=3"));
        let waits = project.refuses(merge(number, "add-dave"), "this is not the plan that was approved");
        // Any other digest is refused.
        let other = format!("sha256:{}", "0".repeat(64));
        project.refuses(by_hand(&[("digest", &other)]), "this is not the plan that was approved");
        let apply = project.by_hand(&[("digest", &waits)]);
        assert!(apply.success, "{}", apply.log);
        assert_eq!(project.recorded(), ["alice", "bob", "carol", "dave"]);
    }
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
    let waits = project.refuses(merge(number, "add-bob"), "No plan was approved");

    // A digest that is not from the workflow is refused.
    let number = project.propose("forged", "alice=1* mallory=6 eve=7");
    let forged = json!({"context": "keyform/plan", "state": "success", "creator": {"login": "mallory"},
        "created_at": "2026-11-23T12:00:00Z", "description": waits});
    project.forge.with(|forge| forge.statuses.insert(project.repository.head("forged"), vec![forged]));
    project.refuses(merge(number, "forged"), "No plan was approved");
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
    assert_eq!(project.status("wrong"), ("failure".to_owned(), "There is no plan".to_owned()));
    assert!(!project.merged(number, "wrong")["apply"].success);
    assert_eq!(project.keys(), ["alice"]);
}

#[test]
fn a_plan_that_a_guard_refuses_is_shown_and_takes_an_acknowledgement_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1* bob=2 carol=3 dave=4");
    let number = project.propose("fewer", "alice=1*");
    let plan = &project.checked(number, "fewer")["plan"];
    assert!(!plan.success && plan.log.contains("--allow-deletes"), "{plan:?}");
    assert!(plan.summary.contains("3 to delete") && project.comments().last().unwrap().contains("3 to delete"));
    assert_eq!(project.status("fewer"), ("failure".to_owned(), "A guard or policy refuses the plan".to_owned()));
    let waits = project.refuses(merge(number, "fewer"), "No plan was approved");
    project.refuses(by_hand(&[("digest", &waits)]), "--allow-deletes");
    let apply = project.by_hand(&[("digest", &waits), ("flags", "--allow-deletes 3")]);
    assert!(apply.success, "{}", apply.log);
    assert_eq!((project.keys(), project.recorded()), (vec!["alice".to_owned()], vec!["alice".to_owned()]));
}

#[test]
fn an_old_run_that_is_started_again_brings_nothing_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    project.checked(number, "add-bob");
    let added = project.merge(number, "add-bob");
    assert!(project.pushed(added.clone())["apply"].success);
    let number = project.propose("drop-bob", "alice=1*");
    project.checked(number, "drop-bob");
    assert!(project.merged(number, "drop-bob")["apply"].success);
    // The tip of `main` is applied, and that is done.
    let again = &project.pushed(added)["apply"];
    assert!(again.success && again.log.contains("No changes"), "{}", again.log);
    assert_eq!(project.keys(), ["alice"]);
}

#[test]
fn the_difference_to_the_approved_plan_is_printed_after_two_merges() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1* bob=2 carol=3");
    let one = project.propose("one", "alice=4* bob=2 carol=3");
    let two = project.propose("two", "alice=1* bob=2 carol=3 dave=5");
    assert!(project.checked(one, "one")["plan"].success && project.checked(two, "two")["plan"].success);
    // The job of the first merge waits, and is replaced by that of the second.
    project.merge(one, "one");
    let waits = project.refuses(merge(two, "two"), "this is not the plan that was approved");
    let outcome = project.comments().pop().unwrap();
    let changed = outcome.split("What changed since the approval").nth(1).unwrap();
    assert!(changed.contains("+  ± alice") && !changed.contains("dave"), "{outcome}");
    let apply = project.by_hand(&[("digest", &waits)]);
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.recorded(), ["alice", "bob", "carol", "dave"]);
}
