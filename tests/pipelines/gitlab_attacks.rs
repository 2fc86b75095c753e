//! What the author of a merge request may try on GitLab.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::component::{self, Inputs};
use crate::job::{TOOLS, digest};
use crate::pipeline::Event;
use crate::project::{Place, Project};
use crate::support::program::{STATE, manifest};
use crate::support::tools;

/// A job named as the plan that keeps any digest.
fn forged(digest: &str) -> String {
    format!(
        "keyform-plan:\n  rules: [{{if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'}}]\n  environment: {{name: keyform-plan}}\n  \
         script: ['echo ''{{\"digest\": \"{digest}\"}}'' > plan.json']\n  artifacts: {{paths: [plan.json]}}\n"
    )
}

/// The digest of the plan that a merge of the branch would make, which a colleague can compute.
fn digest_of(project: &Project, request: usize, branch: &str) -> String {
    project.checked(request, branch);
    project.forge.with(|forge| digest(&forge.own_notes(request)[0]))
}

#[test]
fn a_digest_from_a_pipeline_that_the_branch_has_changed_does_not_count() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("forge", "alice=1* mallory=6");
    let digest = digest_of(&project, request, "forge");
    let file = format!("{}\n{}", project.repository.file(".gitlab-ci.yml"), forged(&digest));
    project.repository.change("forge", ".gitlab-ci.yml", &file);
    assert!(project.checked(request, "forge")["keyform-plan"].success);
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "forge")["keyform-apply"];
    project.refuses(apply, &rows, "Its plan does not count");
    assert!(apply.log.contains(".gitlab-ci.yml"), "{}", apply.log);
}

#[test]
fn a_digest_from_an_included_file_that_the_branch_has_changed_does_not_count() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    project.repository.change("main", "jobs.yml", "other:\n  rules: [{if: '$NEVER'}]\n  script: ['true']\n");
    let file = project.repository.file(".gitlab-ci.yml") + "\n  - local: jobs.yml\n";
    project.repository.change("main", ".gitlab-ci.yml", &file);
    let request = project.propose("forge", "alice=1* mallory=6");
    let digest = digest_of(&project, request, "forge");
    project.repository.change("forge", "jobs.yml", &forged(&digest));
    assert!(project.checked(request, "forge")["keyform-plan"].success);
    let rows = project.account.api().rows();
    let event = project.merge(request, "forge");
    // Somebody notices, and restores the file, before the job starts.
    let apply = &project.run(&event)["keyform-apply"];
    project.refuses(apply, &rows, "Its plan does not count: the branch changed the pipeline or the state");
    assert!(apply.log.contains("jobs.yml"), "{}", apply.log);
}

#[test]
fn a_digest_from_a_pipeline_of_an_earlier_commit_does_not_count() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("forge", "alice=1* mallory=6");
    let digest = digest_of(&project, request, "forge");
    let file = project.repository.file(".gitlab-ci.yml") + "\n";
    project.repository.change("forge", ".gitlab-ci.yml", &forged(&digest));
    assert!(project.checked(request, "forge")["keyform-plan"].success);
    // The last commit has the pipeline of `main`, and its own pipeline did not run.
    project.repository.change("forge", ".gitlab-ci.yml", &file);
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "forge")["keyform-apply"];
    project.refuses(apply, &rows, "The last commit of the merge request has no plan.");
}

#[test]
fn an_old_job_that_is_started_again_does_not_bring_back_its_note() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("swap", "alice=1* bob=2");
    let first = project.pushed_to(request, "swap");
    assert!(project.run(&first)["keyform-plan"].success);
    project.repository.commit("swap", &manifest("alice=1* mallory=6"));
    assert!(project.checked(request, "swap")["keyform-plan"].success);
    let again = &project.run(&first)["keyform-plan"];
    assert!(!again.success && again.log.contains("The merge request has a newer commit"), "{}", again.log);
    let note = project.forge.with(|forge| forge.own_notes(request)[0].clone());
    assert!(note.contains("mallory") && !note.contains("bob"), "{note}");
}

#[test]
fn a_branch_with_an_older_pipeline_is_refused_and_told_so() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("old", "alice=1* bob=2");
    let file = project.repository.file(".gitlab-ci.yml");
    project.repository.change("main", ".gitlab-ci.yml", &(file + "\n# Reviewed\n"));
    assert!(project.checked(request, "old")["keyform-plan"].success);
    let note = project.forge.with(|forge| forge.own_notes(request)[0].clone());
    assert!(note.contains("> **The merge will not apply this plan") && note.contains(".gitlab-ci.yml"), "{note}");
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "old")["keyform-apply"];
    project.refuses(apply, &rows, "did not have the pipeline of main: .gitlab-ci.yml");
}

#[test]
fn a_plan_that_changed_on_an_approved_commit_needs_a_new_commit() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1* bob=2");
    let request = project.propose("add-carol", "alice=1* bob=2 carol=3");
    assert!(project.checked(request, "add-carol")["keyform-plan"].success);
    // Approved. Then bob's key vanishes, and the author has the job run again.
    let bob = project.account.api().rows().into_iter().find(|row| row.name == "bob").unwrap();
    project.account.api().remove(&bob.id).unwrap();
    let again = &project.checked(request, "add-carol")["keyform-plan"];
    assert!(!again.success && again.log.contains("The plan of this commit has changed."), "{}", again.log);
    let note = project.forge.with(|forge| forge.own_notes(request)[0].clone());
    assert!(note.contains("> **The plan of this commit has changed. It needs a new approval"), "{note}");
    // Without the plan that was approved, a third run would be the first.
    let first = project.forge.with(|forge| forge.artifacts.pop_last().unwrap());
    let third = &project.checked(request, "add-carol")["keyform-plan"];
    assert!(!third.success && third.log.contains("was deleted or has expired"), "{}", third.log);
    project.forge.with(|forge| forge.artifacts.insert(first.0, first.1));
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "add-carol")["keyform-apply"];
    project.refuses(apply, &rows, "This is not the plan that was approved");
}

#[test]
fn a_merge_request_that_changes_the_state_fails_its_check_and_is_planned_with_the_state_of_main() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::Committed, "alice=1* bob=2");
    let good = project.repository.file(STATE);
    for (branch, file, content) in [
        ("state", STATE, good.replace("bob", "bobby") + "\n"),
        ("journal", "keyform.state.json.journal", "{}\n".to_owned()),
    ] {
        let request = project.propose_file(branch, file, &content);
        let jobs = project.checked(request, branch);
        let check = &jobs["keyform-check"];
        assert!(!check.success && check.log.contains(&format!("This merge request changes {file}")), "{}", check.log);
        // What the branch says of the state does not matter.
        let note = project.forge.with(|forge| forge.own_notes(request)[0].clone());
        assert!(jobs["keyform-plan"].success && note.contains("keyform: no changes"), "{note}");
        assert!(note.contains("> **The merge will not apply this plan"), "{note}");
    }
    // It is merged all the same.
    let request = project.propose_file("state", STATE, &(good.replace("\"bob\"", "\"mallory\"") + "\n"));
    project.repository.change("state", "keyform.yaml", &manifest("alice=1*"));
    project.checked(request, "state");
    let rows = project.account.api().rows();
    let apply = &project.merged(request, "state")["keyform-apply"];
    project.refuses(apply, &rows, "Its plan does not count");
    let repair = &project.by_hand("repair")["keyform-repair"];
    assert!(repair.success, "{}", repair.log);
    assert_eq!(project.recorded(), ["alice"]);
}

#[test]
fn a_state_is_committed_byte_for_byte_even_if_git_ignores_or_changes_such_files() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::new(Place::Committed);
    let request = project.propose_file("ignore", ".gitignore", "*.json\n");
    project.repository.commit("ignore", &manifest("alice=1*"));
    project.checked(request, "ignore");
    assert!(project.merged(request, "ignore")["keyform-apply"].success);
    assert_eq!(project.recorded(), ["alice"]);

    let project = Project::new(Place::Committed);
    let request = project.propose_file("encode", ".gitattributes", "*.json working-tree-encoding=UTF-16LE\n");
    project.repository.commit("encode", &manifest("bob=2"));
    project.checked(request, "encode");
    let apply = &project.merged(request, "encode")["keyform-apply"];
    assert!(apply.success, "{}", apply.log);
    assert_eq!(project.recorded(), ["bob"]);
}

#[test]
fn a_state_that_was_changed_on_main_during_an_apply_is_not_overwritten() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::Committed, "alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    project.checked(request, "add-bob");
    let event = project.merge(request, "add-bob");
    let state = project.repository.file(STATE).replace("alice", "alicia") + "\n";
    project.repository.change_with_next_push(STATE, &state);
    let apply = &project.run(&event)["keyform-apply"];
    assert!(!apply.success && apply.log.contains("has been changed on main"), "{}", apply.log);
    assert_eq!(project.recorded(), ["alicia"]);
    let kept = project.forge.with(|forge| forge.artifacts.pop_last().unwrap());
    assert!(kept.0.1 == format!("keyform-state/{STATE}") && kept.1.contains("bob"), "{kept:?}");
}

#[test]
fn nothing_in_the_checkout_runs_or_configures_a_job_with_a_token() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("traps", "alice=1* bob=2");
    let trap = "#!/bin/sh\necho \"trapped $PRIME_API_KEY\" >&2\nexit 1\n";
    for name in ["keyform", "git", "jq", "curl", "pip", "sleep", "head", "sed", "sort", "mktemp"] {
        project.repository.change_program("traps", name, trap);
    }
    for (name, content) in [
        ("plan.json", "{\"digest\": \"none\"}"),
        (".curlrc", "url = \"http://127.0.0.1:9/\"\n"),
        (".netrc", "machine 127.0.0.1 login mallory password x\n"),
        ("pip.conf", "[global]\nindex-url = http://127.0.0.1:9/\n"),
        (".env", "PRIME_API_BASE_URL=http://127.0.0.1:9\n"),
        (".gitattributes", "* filter=trap merge=trap\n"),
    ] {
        project.repository.change("traps", name, content);
    }
    for jobs in [project.checked(request, "traps"), project.merged(request, "traps")] {
        for (name, job) in jobs {
            assert!(job.success && !job.log.contains("trapped"), "{name}: {}", job.log);
        }
    }
    assert_eq!(project.names(), ["alice", "bob"]);
}

#[test]
fn jobs_with_a_token_take_nothing_from_other_jobs() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let include = project.repository.file(".gitlab-ci.yml");
    let include = include.split_once("---\n").unwrap().1.replace("$[[ inputs.run ]]", "''");
    let file = format!(
        "default:\n  after_script: [sh ./clean]\n\
         build:\n  stage: build\n  rules: [{{if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'}}]\n  \
         script: [sh ./build]\n  artifacts: {{reports: {{dotenv: build.env}}}}\n{include}\n"
    );
    project.repository.change("main", ".gitlab-ci.yml", &file);
    let request = project.propose("build", "alice=1* bob=2");
    project.repository.change("build", "build", "echo PRIME_API_BASE_URL=http://127.0.0.1:9 > build.env\n");
    project.repository.change("build", "clean", "echo trapped $PRIME_API_KEY\n");
    let jobs = project.checked(request, "build");
    assert!(jobs["build"].success && jobs["build"].log.contains("trapped"), "{jobs:?}");
    assert!(jobs["keyform-plan"].success && !jobs["keyform-plan"].log.contains("trapped"), "{jobs:?}");
}

#[test]
fn a_job_of_a_branch_that_names_the_environment_of_apply_has_no_token() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("grab", "alice=1* mallory=6");
    let grab = "grab:\n  rules: [{if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'}]\n  environment: {name: keyform-apply}\n  \
                script: ['keyform apply --auto-approve --state elsewhere.json --allow-new-state']\n";
    project.repository.change("grab", ".gitlab-ci.yml", grab);
    let rows = project.account.api().rows();
    let jobs = project.checked(request, "grab");
    assert!(!jobs["grab"].success && jobs["grab"].log.contains("token"), "{jobs:?}");
    assert_eq!(project.account.api().rows(), rows);
}

#[test]
fn a_token_that_every_job_has_is_noticed() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let project = Project::applied(Place::GitLab, "alice=1*");
    let request = project.propose("add-bob", "alice=1* bob=2");
    let variables = [("PRIME_API_KEY".to_owned(), "of everybody".to_owned())].into();
    let event = Event { variables, ..project.pushed_to(request, "add-bob") };
    let check = &project.run(&event)["keyform-check"];
    assert!(!check.success && check.log.contains("available to every job"), "{}", check.log);
}

/// A person who starts a pipeline, or the author of a configuration, cannot put commands into a script.
#[test]
fn every_input_in_a_script_has_a_pattern_that_no_command_matches() {
    let patterns = component::declared();
    let file = component::with_inputs(&Inputs::new()).unwrap();
    assert!(file.keys().any(|name| name == "keyform-plan"));
    let scripts: String = component::text().lines().filter(|line| line.starts_with("      ")).collect();
    let mut used = component::inputs_in(&scripts);
    used.retain(|name| !["paths", "comment"].contains(&name.as_str()));
    assert!(used.contains(&"run".to_owned()) && used.contains(&"state".to_owned()), "{used:?}");
    for name in used {
        assert!(patterns[&name].is_some(), "{name}");
        for value in ["'; id; '", "$(id)", "a b; c", "`id`", "-x", "sha256:0 --allow-protected a", "x\ny"] {
            let inputs = Inputs::from([(name.clone(), value.into())]);
            assert!(
                component::with_inputs(&inputs).is_err() || name == "manifest" && value == "a b",
                "{name}: {value}"
            );
        }
    }
}

#[test]
fn keyform_is_installed_in_the_version_of_the_component_from_outside_of_the_checkout() {
    if !tools::are_installed(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("bin")).unwrap();
    let pip = "#!/bin/sh\npwd\nfor word; do :; done\ncat \"$word\"\n";
    fs::write(folder.path().join("bin/pip"), pip).unwrap();
    fs::set_permissions(folder.path().join("bin/pip"), Permissions::from_mode(0o755)).unwrap();
    let sha256 = "ab".repeat(32);
    let inputs = Inputs::from([("sha256".to_owned(), sha256.as_str().into())]);
    let script = component::with_inputs(&inputs).unwrap()[".keyform"]["before_script"][0].as_str().unwrap().to_owned();
    let path = format!("{}:{}", folder.path().join("bin").display(), tools::path());
    let mut command = Command::new("sh");
    command.args(["-ec", &script]).env_clear().env("PATH", path).env("CI_PROJECT_DIR", folder.path());
    let output = command.current_dir(folder.path()).output().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("/\nkeyform=={version} --hash=sha256:{sha256}\n"));
}

#[test]
fn the_page_has_every_input_with_its_default() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitlab-ci/README.md");
    let page = fs::read_to_string(page).unwrap();
    let table = page.split("## Inputs").nth(1).unwrap();
    let names: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let declared = component::declared();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), declared.keys().map(String::as_str).collect());
    for (name, default) in component::defaults() {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap();
        let is_said = default.as_str().is_none_or(|text| text.is_empty() || row.contains(text) || name == "version");
        assert!(is_said && default.as_bool().is_none_or(|is| row.contains(&format!("`{is}`"))), "{row}");
    }
}

#[test]
fn the_version_that_is_installed_is_the_one_of_the_component() {
    let text = component::text();
    let default = text.split("    version:\n      default: \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(default, env!("CARGO_PKG_VERSION"));
    let example =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitlab-ci/.gitlab-ci.yml"));
    assert!(example.unwrap().contains(&format!("/keyform/keyform@{}\n", env!("CARGO_PKG_VERSION"))));
}

/// The push in the tests goes to a folder, which needs no password. So the password that git would get is checked here.
#[test]
fn the_credential_helper_gives_git_the_token() {
    let text = component::text();
    let helper = text.split("-c credential.helper='").nth(1).unwrap().split('\'').next().unwrap();
    let fill = format!(
        "git -c credential.helper= -c credential.helper='{helper}' credential fill <<< \
         $'protocol=https\nhost=gitlab.example.com\n'"
    );
    let output = Command::new("bash").args(["-c", &fill]).env("KEYFORM_GITLAB_TOKEN", "t0k3n").output().unwrap();
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(message.contains("username=keyform\npassword=t0k3n\n"), "{message}");
}

#[test]
fn two_applies_never_run_at_once_and_neither_is_cancelled() {
    let inputs = Inputs::from([("stack".to_owned(), "eu".into())]);
    let file = component::with_inputs(&inputs).unwrap();
    let base = &file[".eu"];
    assert_eq!(base["interruptible"].as_bool(), Some(false));
    for (name, job) in &file {
        let writes = job["environment"]["name"] == "eu-apply";
        assert_eq!(job["resource_group"].as_str(), writes.then_some("eu"), "{name:?}");
    }
}
