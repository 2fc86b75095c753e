//! Other events than a pull request of a member and its merge.

use keyform::emulator::NewRow;
use serde_json::json;

use super::{Place, Project, by_hand, merge};
use crate::job::TOOLS;
use crate::support::bucket_server::{BucketServer, ServerMode};
use crate::support::keys;
use crate::support::program::{STATE, manifest};
use crate::support::tools;
use crate::workflows::{CALLER, Event, writes};

#[test]
fn expired_keys_are_removed_at_night_and_are_no_drift() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in [Place::Committed, Place::Bucket(BucketServer::start(ServerMode::default()))] {
        let project = Project::new("", place);
        project.today.set("2026-11-20");
        let project = project.with("alice=1* bob=2~");
        let night = project.night();
        assert_eq!((night.len(), project.keys().len()), (1, 2), "{night:?}");
        project.today.set("2026-11-23");
        let night = project.night();
        assert!(night["drift"].success && night["expire"].success, "{night:?}");
        assert!(night["expire"].summary.contains("bob: deleted"), "{}", night["expire"].summary);
        assert_eq!((project.keys(), project.recorded()), (vec!["alice".to_owned()], vec!["alice".to_owned()]));
        assert_eq!(project.forge.with(|forge| forge.issues.len()), 0);
        assert_eq!(project.night().len(), 1);
    }
}

#[test]
fn a_key_that_nobody_manages_is_drift() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let row = NewRow { name: "web-page".to_owned(), public_key: keys::line(9), is_primary: false, is_user_key: true };
    let row = project.account.api().insert(row).unwrap();
    assert!(project.night()["drift"].success);
    let issues = || project.forge.with(|forge| forge.issues.clone());
    assert!(issues()[0]["body"].as_str().unwrap().contains("web-page"), "{:?}", issues());
    project.account.api().remove(&row.id).unwrap();
    assert!(project.night()["drift"].success);
    assert_eq!((issues().len(), &issues()[0]["state"]), (1, &json!("closed")));
}

#[test]
fn the_keys_of_an_account_without_a_state_are_adopted_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new("", Place::Bucket(BucketServer::start(ServerMode::default())));
    for (name, number) in [("alice", 1), ("bob", 2)] {
        let (name, public_key) = (name.to_owned(), keys::line(number));
        project.account.api().insert(NewRow { name, public_key, is_primary: number == 1, is_user_key: true }).unwrap();
    }
    let number = project.propose("import", "alice=1* bob=2");
    let jobs = project.checked(number, "import");
    assert!(jobs["check"].success && jobs["plan"].log.contains("--allow-new-state"), "{jobs:?}");
    let waits = project.refuses(merge(number, "import"), "No plan was approved");
    project.refuses(by_hand(&[("digest", &waits)]), "--allow-new-state");
    let apply = project.by_hand(&[("digest", &waits), ("flags", "--allow-new-state")]);
    assert!(apply.success, "{}", apply.log);
    assert_eq!((project.recorded(), writes(&project.account)), (project.keys(), 0));
}

#[test]
fn a_merge_queue_checks_and_plans_the_group_and_approves_nothing() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    assert!(project.checked(number, "add-bob")["plan"].success);
    let base = project.repository.head("main");
    // GitHub makes the commit, and moves `main` to it when the checks have succeeded.
    let commit = project.merge(number, "add-bob");
    let event = Event { name: "merge_group", commit: commit.clone(), base: base.clone(), number, ..Event::default() };
    let jobs = project.run(&event);
    assert!(jobs.len() == 2 && jobs["check"].success && jobs["plan"].success, "{jobs:?}");
    let status = project.forge.with(|forge| forge.statuses[&commit][0].clone());
    assert_eq!((&status["state"], &status["description"]), (&json!("success"), &json!("Plan of the merge queue")));
    assert!(project.pushed(commit)["apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob"]);

    // A group that changes the state.
    let base = project.repository.head("main");
    let commit = project.repository.change("group", STATE, "{}");
    let jobs = project.run(&Event { name: "merge_group", commit, base, number, ..Event::default() });
    assert!(!jobs["check"].success && jobs["check"].log.contains("only apply changes the state"), "{jobs:?}");
}

#[test]
fn dependabot_has_no_secrets_and_gets_no_plan() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1*");
    let (asked, comments) = (project.asked(), project.comments());
    let commit = project.repository.change("bump", "notes.txt", "a newer version");
    let number = project.forge.with(|forge| forge.open(&commit));
    let event = Event { name: "pull_request", commit, number, actor: "dependabot[bot]", ..Event::default() };
    let jobs = project.run(&event);
    assert!(jobs["check"].success && jobs["plan"].success, "{jobs:?}");
    assert!(jobs["plan"].log.contains("the pull requests of Dependabot have no secrets"), "{}", jobs["plan"].log);
    assert_eq!((project.asked(), project.comments()), (asked, comments));
    // It changes no key.
    assert!(project.merged(number, "bump")["apply"].success);
}

#[test]
fn a_pull_request_that_is_reopened_is_planned_again() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1* bob=2");
    let number = project.propose("add-carol", "alice=1* bob=2 carol=3");
    assert!(project.checked(number, "add-carol")["plan"].success);
    // Closed, and reopened when another change was applied.
    let other = project.propose("rotate", "alice=4* bob=2");
    project.checked(other, "rotate");
    assert!(project.merged(other, "rotate")["apply"].success);
    let jobs = project.checked(number, "add-carol");
    assert!(jobs["plan"].success, "{jobs:?}");
    let comments: Vec<_> = project.comments().into_iter().filter(|comment| comment.contains("carol")).collect();
    assert!(comments.len() == 1 && comments[0].contains("(serial 2)"), "{comments:?}");
    assert!(project.merged(number, "add-carol")["apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob", "carol"]);
}

#[test]
fn a_broken_state_is_rebuilt_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2");
    let recorded = project.recorded();
    project.repository.change("main", STATE, "<<<<<<< ours\n");
    assert!(!project.night()["drift"].success);
    let repair = project.by_hand(&[("repair", "true")]);
    assert!(repair.success && repair.summary.contains("2 keys"), "{repair:?}");
    assert_eq!(project.recorded(), recorded);
    assert!(project.night()["drift"].success);
    assert_eq!(project.repository.files(), ["keyform.state.json", "keyform.yaml"]);
}

#[test]
fn stacks_have_their_own_comments_statuses_issues_and_states() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new("", Place::Committed);
    // Each in its own folder, and on the same account: what one manages is unmanaged for the other.
    let text = project.repository.file(CALLER);
    let (head, job) = text.split_once("  keyform:\n").unwrap();
    let call = |stack: &str| {
        let with = format!("    with: {{ manifest: {stack}/keyform.yaml, stack: {stack} }}\n    secrets:");
        format!("  {stack}:\n{}\n", job.replace("    secrets:", &with))
    };
    let inputs = "    inputs:\n      stack: { description: Stack }";
    let head = head.replace("    inputs:", inputs);
    project.repository.change("main", CALLER, &format!("{head}{}{}", call("team-a"), call("team-b")));
    project.repository.change("main", "team-a/keyform.yaml", &manifest(""));
    project.repository.change("main", "team-b/keyform.yaml", &manifest(""));
    let commit = project.repository.change("add-alice", "team-a/keyform.yaml", &manifest("alice=1*"));
    let number = project.forge.with(|forge| forge.open(&commit));
    let jobs = project.checked(number, "add-alice");
    assert!(jobs["team-a / plan"].success && jobs["team-b / plan"].success && jobs.len() == 4, "{jobs:?}");
    let comments = project.comments();
    assert!(comments.len() == 1 && comments[0].starts_with("<!-- keyform:plan team-a -->"), "{comments:?}");
    let contexts = project.forge.with(|forge| {
        let statuses = forge.statuses[&commit].iter();
        statuses.map(|status| status["context"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(contexts, ["keyform/plan/team-b", "keyform/plan/team-a"]);
    let jobs = project.merged(number, "add-alice");
    assert!(jobs["team-a / apply"].success && jobs["team-b / apply"].success, "{jobs:?}");
    assert!(project.repository.file("team-a/keyform.state.json").contains("alice"));

    // The other one does not manage alice.
    assert_eq!(project.night().len(), 2);
    let issues = project.forge.with(|forge| forge.issues.clone());
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0]["title"], "The account differs from the manifest (team-b)");
    let inputs = [("stack", "team-a".to_owned())].into();
    let commit = project.repository.head("main");
    let jobs = project.run(&Event { name: "workflow_dispatch", commit, inputs, ..Event::default() });
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["team-a / drift"]);
}

#[test]
fn without_access_keys_the_job_proves_who_it_is() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    // The example as it is: roles, and no credentials. Only Amazon can give those for a role, so the plan fails.
    let project = Project::remote("alice=1*");
    let example = include_str!("../../../examples/github-actions/.github/workflows/keyform.yml");
    let nowhere = "AWS_REGION=eu-central-1\n        AWS_ENDPOINT_URL_STS=https://127.0.0.1:1";
    project.repository.change("main", CALLER, &example.replace("AWS_REGION=REGION", nowhere));
    let plan = &project.night()["drift"];
    assert!(!plan.success, "{}", plan.log);
    assert!(project.forge.with(|forge| forge.asked.contains(&"GET identity".to_owned())));
    assert!(!plan.log.contains("identity of plan") && plan.log.contains("s3://BUCKET/keyform"), "{}", plan.log);
}
