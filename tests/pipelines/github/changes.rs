//! Changes that are applied.

use serde_json::json;

use super::{Place, Project, merge};
use crate::job::{TOOLS, account_with_another_carol, digest};
use crate::support::bucket_server::{BucketServer, ServerMode};
use crate::support::program::{account, manifest};
use crate::support::tools;
use crate::workflows::{Event, writes};

fn places() -> [Place; 2] {
    [Place::Committed, Place::Bucket(BucketServer::start(ServerMode::default()))]
}

#[test]
fn a_merged_change_is_applied_as_it_was_approved_and_its_outcome_is_shown() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in places() {
        let is_committed = matches!(place, Place::Committed);
        let project = Project::new("", place);
        let number = project.propose("add-alice", "alice=1*");
        project.forge.with(|forge| forge.comment(number, "mallory", "<!-- keyform:plan -->\nnothing to see here"));

        let jobs = project.checked(number, "add-alice");
        assert!(jobs["check"].success && jobs["plan"].success, "{jobs:?}");
        let expected = if is_committed { "alice" } else { "a check has no credentials for the state" };
        assert!(jobs["check"].summary.contains(expected) && jobs["plan"].summary.contains("alice"), "{jobs:?}");
        assert_eq!(writes(&project.account), 0);
        let comments = project.comments();
        assert_eq!((comments.len(), project.status("add-alice")), (2, ("success".to_owned(), digest(&comments[1]))));

        // A push edits the comment, and puts another digest on another commit.
        project.repository.commit("add-alice", &manifest("alice=1* bob=2"));
        assert!(project.checked(number, "add-alice")["plan"].success);
        let edited = project.comments();
        assert!(edited.len() == 2 && edited[1].contains("bob") && edited[0] == comments[0], "{edited:?}");
        project.forge.with(|forge| forge.approve(number, "erin"));

        let jobs = project.merged(number, "add-alice");
        assert!(jobs["apply"].success && jobs.len() == 1, "{jobs:?}");
        assert_eq!((project.keys(), project.recorded()), (["alice", "bob"].map(str::to_owned).into(), project.keys()));
        let outcome = project.comments().pop().unwrap();
        assert!(
            outcome.contains("keyform: applied") && outcome.contains("Applied: 2 uploaded, 1 promoted"),
            "{outcome}"
        );
        if is_committed {
            assert_eq!(project.repository.last_message(), "Record what keyform changed on the account [skip ci]");
            assert_eq!(project.repository.files(), ["keyform.state.json", "keyform.yaml"]);
        } else {
            assert_eq!(project.repository.files(), ["keyform.yaml"]);
        }
        let night = project.night();
        assert!(night["drift"].success && night.len() == 1, "{night:?}");
        assert_eq!(project.forge.with(|forge| forge.issues.len()), 0);
    }
}

#[test]
fn someone_leaves() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for project in [Project::applied("alice=1* bob=2"), Project::remote("alice=1* bob=2")] {
        let number = project.propose("drop-bob", "alice=1*");
        let jobs = project.checked(number, "drop-bob");
        assert!(jobs["plan"].success && jobs["plan"].summary.contains("1 key loses access"), "{jobs:?}");
        let apply = &project.merged(number, "drop-bob")["apply"];
        assert!(apply.success, "{}", apply.log);
        assert_eq!((project.keys(), project.recorded()), (vec!["alice".to_owned()], vec!["alice".to_owned()]));
    }
}

#[test]
fn a_push_without_changes_needs_no_approval_and_no_comment() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let comments = project.comments().len();
    let commit = project.repository.change("docs", "notes.txt", "nothing about keys");
    let number = project.forge.with(|forge| forge.open(&commit));
    assert!(project.checked(number, "docs")["plan"].success);
    let apply = &project.merged(number, "docs")["apply"];
    assert!(apply.success, "{}", apply.log);
    let commit = project.repository.change("main", "notes.txt", "pushed without a pull request");
    let apply = &project.pushed(commit)["apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.comments().len(), comments);
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
fn a_pull_request_from_a_fork_is_checked_without_secrets_and_applied_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for project in [Project::applied("alice=1*"), Project::remote("alice=1*")] {
        let number = project.propose("from-a-fork", "alice=1* bob=2");
        let (asked, listed) = (project.asked(), project.account.api().stats().received);
        let commit = project.repository.head("from-a-fork");
        let jobs = project.run(&Event { name: "pull_request", commit, number, fork: true, ..Event::default() });
        assert_eq!(jobs.keys().collect::<Vec<_>>(), ["check"]);
        assert!(jobs["check"].success, "{jobs:?}");
        let summary = &jobs["check"].summary;
        assert!(summary.contains("bob") || summary.contains("a check has no credentials for the state"), "{summary}");
        assert_eq!((project.asked(), project.account.api().stats().received), (asked, listed));

        let waits = project.refuses(merge(number, "from-a-fork"), "No plan was approved");
        let comment = project.comments().pop().unwrap();
        assert!(comment.contains("keyform: not applied") && comment.contains("by hand with its digest"), "{comment}");
        let apply = project.by_hand(&[("digest", &waits)]);
        assert!(apply.success, "{}", apply.log);
        assert_eq!(project.recorded(), ["alice", "bob"]);
        // The outcome takes the place of the refusal.
        assert!(project.comments().pop().unwrap().contains("keyform: applied"));
    }
}

#[test]
fn an_apply_that_fails_half_way_keeps_what_it_knows() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in places() {
        let (account, row) = account_with_another_carol();
        let project = Project { account, ..Project::new("", place) };
        let number = project.propose("more", "bob=2 carol=3");
        project.checked(number, "more");
        let apply = &project.merged(number, "more")["apply"];
        assert!(!apply.success && apply.log.contains("422"), "{}", apply.log);
        assert_eq!(project.recorded(), ["bob"]);
        let outcome = project.comments().pop().unwrap();
        assert!(outcome.contains("keyform: failed") && outcome.contains("422"), "{outcome}");

        project.account.api().remove(&row.id).unwrap();
        let waits = digest(apply.summary.split("The waiting plan").nth(1).unwrap());
        assert!(project.by_hand(&[("digest", &waits)]).success);
        assert_eq!(project.recorded(), ["bob", "carol"]);
    }
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
    let commit = project.merge(number, "add-bob");
    project.repository.refuse_pushes(2);
    let apply = &project.pushed(commit)["apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.recorded(), ["alice", "bob"]);

    let number = project.propose("add-carol", "alice=1* bob=2 carol=3");
    project.checked(number, "add-carol");
    let commit = project.merge(number, "add-carol");
    project.repository.refuse_pushes(100);
    let apply = &project.pushed(commit)["apply"];
    assert!(!apply.success && apply.log.contains("the state was not committed"), "{}", apply.log);
    // The nightly run finds the key on the account.
    project.repository.refuse_pushes(0);
    let night = &project.night()["drift"];
    assert!(night.summary.contains("adopt") && night.summary.contains("carol"), "{}", night.summary);
    assert!(project.by_hand(&[("digest", &digest(&night.summary))]).success);
    assert_eq!((project.recorded().len(), project.keys().len()), (3, 3));
}

#[test]
fn a_key_that_went_missing_opens_one_issue_which_is_closed_once_it_is_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1* bob=2");
    let issues = || project.forge.with(|forge| forge.issues.clone());
    assert!(project.night()["drift"].success && issues().is_empty());
    let bob = project.account.api().rows().into_iter().find(|row| row.name == "bob").unwrap();
    project.account.api().remove(&bob.id).unwrap();
    let night = &project.night()["drift"];
    assert!(night.success && night.summary.contains("bob"), "{}", night.log);
    project.repository.commit("main", &manifest("alice=1* bob=2 carol=3"));
    assert!(project.night()["drift"].success);
    assert_eq!(issues().len(), 1);
    let body = issues()[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("carol") && issues()[0]["state"] == "open", "{body}");

    assert!(project.by_hand(&[("digest", &digest(&body))]).success);
    // By hand, without a digest.
    assert!(project.by_hand(&[]).success);
    assert_eq!((issues().len(), &issues()[0]["state"]), (1, &json!("closed")));

    // An account that does not respond opens or closes no issue.
    let project = Project { account: account(), ..project };
    let night = &project.night()["drift"];
    assert!(!night.success, "{}", night.log);
}

#[test]
fn a_state_on_a_server_of_others_is_used() {
    let Some(url) = tools::server("moto", "KEYFORM_TEST_MOTO") else { return };
    let project = Project::new("", Place::Server(url)).with("alice=1* bob=2");
    let number = project.propose("drop-bob", "alice=1*");
    assert!(project.checked(number, "drop-bob")["plan"].summary.contains("1 key loses access"));
    assert!(project.merged(number, "drop-bob")["apply"].success);
    assert_eq!(project.keys(), ["alice"]);
    let night = project.night();
    assert!(night["drift"].success && night["drift"].summary.contains("(serial 2)"), "{night:?}");
}
