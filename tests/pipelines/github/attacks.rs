//! What somebody tries who can open pull requests, or push branches.

use std::fs;

use super::{Place, Project, by_hand, merge};
use crate::forge::github::GitHub;
use crate::job::TOOLS;
use crate::support::program::{STATE, manifest};
use crate::support::tools;
use crate::workflows::{CALLER, Event};

/// A program that must not run.
const DECOY: &str = "#!/bin/sh\necho DECOY\nexit 1\n";

#[test]
fn a_pull_request_is_planned_with_the_state_of_main_and_must_not_change_it() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied("alice=1* bob=2 carol=3");
    let number = project.propose("honest", "alice=1* bob=2 carol=3 dave=4");
    assert!(project.checked(number, "honest")["plan"].success);
    let (_, honest) = project.status("honest");
    // The same change, with states that record other keys, no keys, or one key twice.
    let state = project.state();
    let other = project.account.api().rows()[0].id.clone();
    let files: [(&str, String); 5] = [
        (STATE, state.replace("\"alice\"", "\"mallory\"")),
        (STATE, "{}".to_owned()),
        (STATE, state.replace(&other, "cm4xforeign")),
        ("keyform.state.json.journal", "{\"kind\":\"forgotten\"}\n".to_owned()),
        ("elsewhere/keyform.state.json", state.clone()),
    ];
    for (attempt, (path, content)) in files.into_iter().enumerate() {
        let branch = format!("attempt-{attempt}");
        let number = project.propose(&branch, "alice=1* bob=2 carol=3 dave=4");
        project.repository.change(&branch, path, &content);
        let jobs = project.checked(number, &branch);
        let check = &jobs["check"];
        assert!(
            !check.success && check.log.contains(&format!("{path}: only apply changes the state")),
            "{}",
            check.log
        );
        assert!(jobs["plan"].success, "{}", jobs["plan"].log);
        assert_eq!(project.status(&branch).1, honest, "{path}");
    }
}

#[test]
fn a_link_in_place_of_the_folder_of_the_state_is_refused() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new("", Place::Committed);
    let text =
        project.repository.file(CALLER).replace("    secrets:", "    with: { state: states/keys.json }\n    secrets:");
    project.repository.change("main", CALLER, &(text + "\n"));
    let number = project.propose("link", "alice=1*");
    project.repository.change("link", "other/keys.json", "{}");
    project.repository.link("link", "other", "states");
    let jobs = project.checked(number, "link");
    assert!(!jobs["check"].success && jobs["check"].log.contains("states: only apply changes the state"), "{jobs:?}");
    assert!(!jobs["plan"].success && jobs["plan"].log.contains("states must not be a link"), "{jobs:?}");
}

#[test]
fn the_state_is_committed_as_it_is_whatever_git_is_told_to_ignore_or_convert() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new("", Place::Committed);
    project.repository.change("main", ".gitignore", "*.json\n*.journal\n");
    project.repository.change(
        "main",
        ".gitattributes",
        "* text=auto eol=crlf ident filter=evil\n*.json working-tree-encoding=UTF-16LE\n",
    );
    let number = project.propose("first", "alice=1*");
    assert!(project.checked(number, "first")["plan"].success);
    let apply = &project.merged(number, "first")["apply"];
    assert!(apply.success, "{}", apply.log);
    assert!(!project.state().contains('\r'));
    assert_eq!(project.recorded(), ["alice"]);
    let number = project.propose("second", "alice=1* bob=2");
    let plan = &project.checked(number, "second")["plan"];
    assert!(plan.success && plan.summary.contains("1 unchanged"), "{plan:?}");
    assert!(project.merged(number, "second")["apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob"]);
}

#[test]
fn nothing_in_the_checkout_is_run_or_read_as_a_setting() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for project in [Project::applied("alice=1*"), Project::remote("alice=1*")] {
        let number = project.propose("decoys", "alice=1* bob=2");
        for program in
            ["keyform", "gh", "git", "jq", "curl", "bin/keyform", "target/debug/keyform", ".githooks/pre-push"]
        {
            project.repository.change_program("decoys", program, DECOY);
        }
        for (file, content) in [
            ("rust-toolchain.toml", "[toolchain]\npath = \"bin\"\n"),
            (".cargo/config.toml", "[build]\nrustc = \"bin/keyform\"\n"),
            (".keyform/config.toml", "endpoint = \"http://127.0.0.1:1\"\n"),
            (".env", "KEYFORM_ENDPOINT=http://127.0.0.1:1\nPATH=.\n"),
            (".prime/config.json", "{\"api_key\": \"x\", \"base_url\": \"http://127.0.0.1:1\"}\n"),
            (".gitconfig", "[core]\n\thooksPath = .githooks\n"),
            (".gitattributes", "*.yaml filter=decoy diff=decoy\n"),
            ("action.yml", "runs: { using: composite, steps: [{ run: exit 1, shell: bash }] }\n"),
            ("action/action.yml", "runs: { using: composite, steps: [{ run: exit 1, shell: bash }] }\n"),
        ] {
            project.repository.change("decoys", file, content);
        }
        let jobs = project.checked(number, "decoys");
        assert!(jobs["check"].success && jobs["plan"].success, "{jobs:?}");
        let apply = &project.merged(number, "decoys")["apply"];
        assert!(apply.success, "{}", apply.log);
        for log in [&jobs["check"].log, &jobs["plan"].log, &apply.log] {
            assert!(!log.contains("DECOY"), "{log}");
        }
        assert_eq!(project.recorded(), ["alice", "bob"]);
    }
}

#[test]
fn a_program_that_the_release_workflow_did_not_build_is_not_run() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new("", Place::Committed);
    let number = project.propose("first", "alice=1*");
    project.releases.pack(DECOY);
    let plan = &project.checked(number, "first")["plan"];
    assert!(!plan.success && plan.log.contains("does not have the checksum in SHA256SUMS"), "{}", plan.log);
    // With a checksum that fits.
    project.releases.write_checksums();
    let plan = &project.checked(number, "first")["plan"];
    assert!(
        !plan.success && plan.log.contains("was not built by the release workflow of OWNER/keyform"),
        "{}",
        plan.log
    );
    assert!(!plan.log.contains("DECOY"));
}

#[test]
fn a_plan_that_changed_on_an_approved_commit_needs_another_approval() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1* bob=2");
    let number = project.propose("add-carol", "alice=1* bob=2 carol=3");
    assert!(project.checked(number, "add-carol")["plan"].success);
    let (_, approved) = project.status("add-carol");
    project.forge.with(|forge| forge.approve(number, "erin"));
    // Somebody changes the account, and has the same commit planned again.
    let bob = project.account.api().rows().into_iter().find(|row| row.name == "bob").unwrap();
    project.account.api().remove(&bob.id).unwrap();
    let plan = &project.checked(number, "add-carol")["plan"];
    assert!(plan.log.contains("The plan changed after the approval of erin"), "{}", plan.log);
    let (state, description) = project.status("add-carol");
    assert!(state == "failure" && !description.contains(&approved), "{description}");
    let reopen = |project: &Project| project.checked(number, "add-carol");
    // To approve once more is not enough for somebody else's approval.
    project.forge.with(|forge| forge.approve(number, "frank"));
    reopen(&project);
    assert_eq!(project.status("add-carol").0, "failure");
    project.forge.with(|forge| forge.approve(number, "erin"));
    reopen(&project);
    assert_eq!(project.status("add-carol").0, "success");
    let apply = &project.merged(number, "add-carol")["apply"];
    assert!(apply.success, "{}", apply.log);
}

#[test]
fn apply_does_not_rely_on_the_status_alone() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    // Approved before there was a plan.
    project.forge.with(|forge| forge.approve(number, "erin"));
    project.checked(number, "add-bob");
    let digest = project.status("add-bob").1[..71].to_owned();
    project.forge.with(|forge: &mut GitHub| {
        forge.statuses.values_mut().flatten().for_each(|status| {
            status["state"] = "success".into();
            status["description"] = digest.clone().into();
        });
    });
    project.refuses(merge(number, "add-bob"), "it changed after the approval of erin");
}

#[test]
fn an_old_run_that_is_started_again_does_not_replace_the_comment() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1*");
    let number = project.propose("add-bob", "alice=1* bob=2");
    project.checked(number, "add-bob");
    let old = project.repository.head("add-bob");
    project.repository.commit("add-bob", &manifest("alice=1* mallory=6"));
    project.checked(number, "add-bob");
    let comments = project.comments();
    let again = project.run(&Event { name: "pull_request", commit: old, number, ..Event::default() });
    assert!(again["plan"].success, "{again:?}");
    assert_eq!(project.comments(), comments);
}

#[test]
fn a_person_can_only_add_what_a_guard_asks_for() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::remote("alice=1*");
    let digest = format!("sha256:{}", "0".repeat(64));
    for flags in
        ["--endpoint http://127.0.0.1:1", "--allow-deletes", "--allow-deletes --destroy", "-y", "--state x", "$(id)"]
    {
        let apply = project.by_hand(&[("digest", &digest), ("flags", flags)]);
        assert!(!apply.success && apply.log.contains("::error"), "{flags}: {}", apply.log);
        assert!(!apply.log.contains("not the plan that was approved"), "{}", apply.log);
    }
    let apply = project.by_hand(&[("digest", "sha256:$(touch x)")]);
    assert!(!apply.success && apply.log.contains("not the digest of a plan"), "{}", apply.log);
    // Without a change there would be nothing to approve.
    project.repository.commit("main", &manifest("alice=1* bob=2"));
    project
        .refuses(by_hand(&[("digest", &digest), ("flags", "--allow-primary-loss")]), "not the plan that was approved");
    // Nor for another branch.
    let commit = project.repository.commit("own", &manifest("mallory=6*"));
    let inputs = [("digest", digest), ("repair", "true".to_owned())].into();
    let event = Event { name: "workflow_dispatch", commit, inputs, branch: "own", ..Event::default() };
    assert!(project.run(&event).is_empty());
}

#[test]
fn a_workflow_of_the_branch_cannot_use_the_environment() {
    let called = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.github/workflows/keyform.yml")).unwrap();
    let (_, jobs) = called.split_once("\njobs:\n").unwrap();
    for job in jobs.split("\n\n").filter(|job| job.contains("    environment:")) {
        assert!(
            job.contains("github.ref_name == github.event.repository.default_branch")
                || job.contains("github.event_name == 'schedule'"),
            "{job}"
        );
    }
}
