//! A change on GitLab, from the branch to the account.

use keyform::emulator::{Method, NewRow};

use crate::job::{TOOLS, account_with_another_carol, digest};
use crate::pipeline::Event;
use crate::project::{Place, Project};
use crate::support::program::{STATE, manifest};
use crate::support::{keys, tools};

const PLACES: [Place; 2] = [Place::GitLab, Place::Committed];

#[test]
fn a_merged_change_is_applied_as_it_was_approved() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in PLACES {
        let project = Project::new(place);
        let request = project.propose("add-alice", "alice=1*");
        project.forge.with(|forge| forge.note(request, 66, "<!-- keyform:plan -->\nnothing to see here"));
        let jobs = project.checked(request, "add-alice");
        assert_eq!(jobs.keys().collect::<Vec<_>>(), ["keyform-check", "keyform-plan"]);
        assert!(jobs.values().all(|job| job.success), "{jobs:?}");
        assert_eq!(project.account.api().stats().count(&Method::POST), 0);
        project.repository.commit("add-alice", &manifest("alice=1* bob=2"));
        assert!(project.checked(request, "add-alice")["keyform-plan"].success);
        let notes = project.forge.with(|forge| forge.own_notes(request));
        assert!(notes.len() == 1 && notes[0].contains("bob"), "{notes:?}");
        assert!(notes[0].contains(&format!("Commit `{}`", project.repository.head("add-alice"))), "{notes:?}");

        let apply = &project.merged(request, "add-alice")["keyform-apply"];
        assert!(apply.success, "{}", apply.log);
        assert_eq!(project.recorded(), ["alice", "bob"]);
        assert_eq!(project.names(), ["alice", "bob"]);
        let notes = project.forge.with(|forge| forge.own_notes(request));
        assert!(
            notes.len() == 2 && notes[1].starts_with("<!-- keyform:apply -->\n### keyform: applied\n"),
            "{notes:?}"
        );
        assert!(notes[1].contains("    Applied: 2 uploaded, 1 promoted."), "{notes:?}");
        let files: &[_] = if place == Place::Committed {
            assert_eq!(project.repository.last_message(), "Record what keyform changed on the account [skip ci]");
            &[STATE, "keyform.yaml"]
        } else {
            &["keyform.yaml"]
        };
        assert_eq!(project.repository.files(), files);
        let night = project.night();
        assert!(night.values().all(|job| job.success), "{night:?}");
        assert_eq!(project.forge.with(|forge| forge.issues.len()), 0);
        // The same pipeline again finds nothing to do.
        let request = project.propose_file("words", "README.md", "Keys.\n");
        assert!(project.checked(request, "words")["keyform-plan"].success);
        let apply = &project.merged(request, "words")["keyform-apply"];
        assert!(apply.success && apply.log.contains("No changes"), "{}", apply.log);
    }
}

#[test]
fn a_colleague_who_leaves_loses_access() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    // The component's default image has no bash.
    let project = Project { shell: "sh", ..Project::applied(Place::GitLab, "alice=1* bob=2 carol=3") };
    let request = project.propose("drop-bob", "alice=1* carol=3");
    let jobs = project.checked(request, "drop-bob");
    assert!(jobs.values().all(|job| job.success), "{jobs:?}");
    assert!(project.forge.with(|forge| forge.own_notes(request)[0].contains("1 key loses access")));
    let apply = &project.merged(request, "drop-bob")["keyform-apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.names(), ["alice", "carol"]);
    assert_eq!(project.recorded(), ["alice", "carol"]);
    let night = project.night();
    assert!(night.values().all(|job| job.success), "{night:?}");
}

#[test]
fn a_manifest_that_changed_after_the_approval_is_refused_until_somebody_has_seen_its_plan() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in PLACES {
        let project = Project::applied(place, "alice=1* bob=2 carol=3");
        let request = project.propose("add-dave", "alice=1* bob=2 carol=3 dave=5");
        assert!(project.checked(request, "add-dave")["keyform-plan"].success);
        project.repository.commit("main", &manifest("alice=6* bob=2 carol=3"));
        let rows = project.account.api().rows();
        let apply = &project.merged(request, "add-dave")["keyform-apply"];
        let waits = project.refuses(apply, &rows, "This is not the plan that was approved");
        let notes = project.forge.with(|forge| forge.own_notes(request));
        assert!(notes[1].contains("### keyform: not applied"), "{notes:?}");
        assert!(project.by_hand(&waits)["keyform-apply"].success);
        assert_eq!(project.recorded(), ["alice", "bob", "carol", "dave"]);
        // Without a digest no job starts.
        assert!(project.by_hand("").is_empty());
    }
}

#[test]
fn after_two_merges_before_an_apply_the_difference_to_what_was_approved_is_printed() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let requests = [project.propose("add-bob", "alice=1* bob=2"), project.propose("drop-alice", "")];
    assert!(project.checked(requests[0], "add-bob")["keyform-plan"].success);
    project.checked(requests[1], "drop-alice");
    let first = project.merge(requests[0], "add-bob");
    project.repository.commit("main", &manifest("alice=1* bob=2 mallory=6"));
    let rows = project.account.api().rows();
    let apply = &project.run(&first)["keyform-apply"];
    let waits = project.refuses(apply, &rows, "How the plan that was approved (-) and the waiting one (+) differ:");
    let difference: Vec<_> = apply.log.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    assert!(difference.len() == 1 && difference[0].starts_with("+  + mallory "), "{}", apply.log);
    assert!(project.by_hand(&waits)["keyform-apply"].success);
    assert_eq!(project.names(), ["alice", "bob", "mallory"]);
}

#[test]
fn commits_pushed_after_the_approval_are_not_approved() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    assert!(project.checked(request, "add-bob")["keyform-plan"].success);
    project.repository.commit("add-bob", &manifest("alice=1* mallory=6"));
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "add-bob")["keyform-apply"];
    project.refuses(apply, &rows, "The last commit of the merge request has no plan.");
}

#[test]
fn a_direct_push_is_not_applied() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let (before, rows) = (project.repository.head("main"), project.account.api().rows());
    let commit = project.repository.commit("main", &manifest("alice=1* mallory=6"));
    let changed = vec!["keyform.yaml".to_owned()];
    let apply = &project.run(&Event { source: "push", commit, before, changed, ..Event::default() })["keyform-apply"];
    project.refuses(apply, &rows, "No merge request has brought this commit.");
}

#[test]
fn a_merge_request_from_a_fork_is_checked_without_secrets_wherever_its_pipeline_runs() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("from-a-fork", "alice=1* bob=2");
    let asked = project.forge.with(|forge| forge.asked.len());
    let received = project.account.api().stats().received;
    for adopted in [false, true] {
        let event = Event { fork: true, adopted, ..project.pushed_to(request, "from-a-fork") };
        let jobs = project.run(&event);
        assert_eq!(jobs.keys().collect::<Vec<_>>(), ["keyform-check"]);
        let check = &jobs["keyform-check"];
        assert!(
            check.success && check.log.contains("There is no plan: this merge request comes from a fork"),
            "{jobs:?}"
        );
    }
    assert_eq!(project.forge.with(|forge| forge.asked.len()), asked);
    assert_eq!(project.account.api().stats().received, received);
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "from-a-fork")["keyform-apply"];
    project.refuses(apply, &rows, "The last commit of the merge request has no plan.");
}

#[test]
fn a_plan_that_a_guard_refuses_is_shown_and_takes_an_acknowledgement_by_hand() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1* bob=2 carol=3 dave=4");
    let request = project.propose("fewer", "alice=1*");
    let plan = &project.checked(request, "fewer")["keyform-plan"];
    assert!(!plan.success && plan.log.contains("--allow-deletes"), "{}", plan.log);
    assert!(project.forge.with(|forge| forge.own_notes(request)[0].contains("3 to delete")));
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "fewer")["keyform-apply"];
    let waits = project.refuses(apply, &rows, "The last commit of the merge request has no plan.");
    project.refuses(&project.by_hand(&waits)["keyform-apply"], &rows, "--allow-deletes");
    assert!(project.by_hand(&format!("{waits} --allow-deletes 3"))["keyform-apply"].success);
    assert_eq!(project.recorded(), ["alice"]);
}

#[test]
fn an_apply_that_fails_half_way_records_what_it_knows() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in PLACES {
        let (account, _) = account_with_another_carol();
        let project = Project { account, ..Project::new(place) };
        let request = project.propose("more", "bob=2 carol=3");
        project.checked(request, "more");
        let apply = &project.merged(request, "more")["keyform-apply"];
        assert!(!apply.success && apply.log.contains("422"), "{}", apply.log);
        assert_eq!(project.recorded(), ["bob"]);
        let notes = project.forge.with(|forge| forge.own_notes(request));
        assert!(
            notes[1].contains("### keyform: failed") && notes[1].contains("      ! carol: upload failed: "),
            "{notes:?}"
        );
    }
}

#[test]
fn an_old_job_that_is_started_again_brings_nothing_back() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    project.checked(request, "add-bob");
    let added = project.merge(request, "add-bob");
    assert!(project.run(&added)["keyform-apply"].success);
    let request = project.propose("drop-bob", "alice=1*");
    project.checked(request, "drop-bob");
    assert!(project.merged(request, "drop-bob")["keyform-apply"].success);
    let again = &project.run(&added)["keyform-apply"];
    assert!(again.success && again.log.contains("No changes"), "{}", again.log);
    assert_eq!(project.names(), ["alice"]);
}

#[test]
fn a_state_that_cannot_be_pushed_is_kept_as_an_artifact_of_a_job_that_failed() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::Committed, "alice=1*");
    project.repository.commit("main", &manifest("alice=1* bob=2"));
    project.repository.refuse_pushes(1);
    let waits = digest(&project.night()["keyform-drift"].log);
    assert!(project.by_hand(&waits)["keyform-apply"].success);
    assert_eq!(project.recorded(), ["alice", "bob"]);

    project.repository.commit("main", &manifest("alice=1* bob=2 carol=3"));
    project.repository.refuse_pushes(100);
    let waits = digest(&project.night()["keyform-drift"].log);
    assert!(!project.by_hand(&waits)["keyform-apply"].success);
    let (_, kept) = project.forge.with(|forge| forge.artifacts.pop_last().unwrap());
    assert!(kept.contains("carol"), "{kept}");
}

#[test]
fn what_differs_opens_one_issue_which_is_closed_once_nothing_does() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1* bob=2");
    let issues = || project.forge.with(|forge| forge.issues.clone());
    let bob = project.account.api().rows().into_iter().find(|row| row.name == "bob").unwrap();
    project.account.api().remove(&bob.id).unwrap();
    for night in [project.night(), project.night()] {
        assert!(night["keyform-drift"].success && issues().len() == 1, "{night:?}");
    }
    let body = issues()[0]["description"].as_str().unwrap().to_owned();
    assert!(body.contains("bob") && issues()[0]["state"] == "opened", "{body}");
    assert!(project.by_hand(&digest(&body))["keyform-apply"].success);
    // A key that somebody has added by hand differs too, although no plan changes it.
    let (name, public_key) = ("by hand".to_owned(), keys::line(9));
    let row = NewRow { name, public_key, is_primary: false, is_user_key: true };
    let row = project.account.api().insert(row).unwrap();
    assert!(project.night()["keyform-drift"].success);
    let body = issues()[0]["description"].as_str().unwrap().to_owned();
    assert!(issues().len() == 1 && issues()[0]["state"] == "opened" && body.contains("by hand"), "{body}");
    project.account.api().remove(&row.id).unwrap();
    assert!(project.night()["keyform-drift"].success);
    assert_eq!((issues().len(), issues()[0]["state"].as_str()), (1, Some("closed")));
}

#[test]
fn a_key_whose_recorded_expiry_has_passed_is_removed_at_night() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    for place in PLACES {
        let project = Project::new(place);
        let expires = manifest("alice=1* bob=2") + "    expires: 2026-11-30\n";
        let request = project.propose_file("bob-for-a-week", "keyform.yaml", &expires);
        project.checked(request, "bob-for-a-week");
        assert!(project.merged(request, "bob-for-a-week")["keyform-apply"].success);
        project.night_of("2026-11-30");
        assert_eq!(project.names(), ["alice", "bob"]);
        let night = project.night_of("2026-12-01");
        assert!(night.values().all(|job| job.success), "{night:?}");
        assert_eq!(project.names(), ["alice"]);
        assert_eq!(project.recorded(), ["alice"]);
        assert_eq!(project.forge.with(|forge| forge.issues.len()), 0);
    }
}

#[test]
fn stacks_have_jobs_states_notes_and_issues_of_their_own() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new(Place::GitLab);
    let include = |stack: &str, other: &str| {
        format!(
            "  - component: $CI_SERVER_FQDN/GROUP/keyform/keyform@0.1.0\n    inputs:\n      stack: {stack}\n      \
             manifest: {stack}/keyform.yaml\n      data: {other}\n      paths: [\"{stack}/**/*\"]\n"
        )
    };
    project.repository.change(
        "main",
        ".gitlab-ci.yml",
        &format!("include:\n{}{}", include("eu", "us"), include("us", "eu")),
    );
    // Both have one account here, so each sees the keys of the other, unmanaged.
    let row = NewRow { name: "ci".to_owned(), public_key: keys::line(9), is_primary: true, is_user_key: true };
    project.account.api().insert(row).unwrap();
    let request = project.propose_file("teams", "eu/keyform.yaml", &manifest("alice=1"));
    project.repository.change("teams", "us/keyform.yaml", &manifest("bob=2"));
    let changed = vec!["eu/keyform.yaml".to_owned(), "us/keyform.yaml".to_owned()];
    let jobs = project.run(&Event { changed, ..project.pushed_to(request, "teams") });
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["eu-check", "eu-plan", "us-check", "us-plan"]);
    let notes = project.forge.with(|forge| forge.own_notes(request));
    assert!(notes[0].starts_with("<!-- keyform:plan eu -->") && notes[0].contains("alice"), "{notes:?}");
    assert!(notes[1].starts_with("<!-- keyform:plan us -->") && notes[1].contains("bob"), "{notes:?}");
    let jobs = project.merged(request, "teams");
    assert!(jobs["eu-apply"].success && jobs["us-apply"].success, "{jobs:?}");
    for (state, name) in [("keyform-eu", "alice"), ("keyform-us", "bob")] {
        let state = project.forge.with(|forge| forge.states.state(state)).unwrap().json();
        assert_eq!(state["keys"][0]["name"], name);
    }
    project.night();
    let titles =
        project.forge.with(|forge| forge.issues.iter().map(|issue| issue["title"].clone()).collect::<Vec<_>>());
    assert_eq!(titles, ["The account differs from the manifest of eu", "The account differs from the manifest of us"]);
    // A change of one stack starts no job of the other.
    let request = project.propose_file("eu-only", "eu/keyform.yaml", &manifest("alice=1 carol=3"));
    let changed = vec!["eu/keyform.yaml".to_owned()];
    let jobs = project.run(&Event { changed, ..project.pushed_to(request, "eu-only") });
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["eu-check", "eu-plan"]);
    assert_eq!(project.merged(request, "eu-only").keys().collect::<Vec<_>>(), ["eu-apply"]);
}

#[test]
fn a_pipeline_for_the_merged_result_counts_for_the_commit_that_it_merges() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    let event = project.pushed_to(request, "add-bob");
    let result = project.repository.trial_merge("add-bob");
    let parents = [project.repository.head("main"), event.commit.clone()];
    project.forge.with(|forge| forge.parents.insert(result.clone(), parents));
    let jobs = project.run(&Event { merged_result: Some(result), ..event });
    assert!(jobs["keyform-plan"].success, "{jobs:?}");
    let apply = &project.merged(request, "add-bob")["keyform-apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.names(), ["alice", "bob"]);
}
