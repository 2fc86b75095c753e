//! Rules for the text of the examples.

use std::fs;
use std::path::Path;

use regex::Regex;
use serde_yaml::Value;

use crate::workflows::{read, workflows};

/// All jobs of the workflows, each with the name of its workflow.
fn jobs() -> Vec<(String, Value)> {
    let jobs = |(name, workflow): (String, Value)| {
        let jobs: Vec<_> = workflow["jobs"].as_mapping().unwrap().values().cloned().collect();
        jobs.into_iter().map(move |job| (name.clone(), job))
    };
    workflows().into_iter().flat_map(jobs).collect()
}

fn action() -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-actions/.github/actions/keyform/action.yaml"))
}

#[test]
fn actions_of_others_are_pinned_to_a_commit_and_name_their_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-actions/.github");
    let pinned = Regex::new(r"uses: (\./|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)").unwrap();
    let mut files: Vec<_> = fs::read_dir(folder.join("workflows")).unwrap().map(|file| file.unwrap().path()).collect();
    files.push(folder.join("actions/keyform/action.yaml"));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| line.trim_start_matches([' ', '-']).starts_with("uses:")) {
            assert!(pinned.is_match(line), "{}: {line}", file.display());
        }
    }
}

#[test]
fn each_job_has_only_the_permissions_that_it_needs() {
    for (_, workflow) in workflows() {
        assert_eq!(workflow["permissions"], Value::Mapping(serde_yaml::Mapping::new()));
        assert!(workflow["on"].get("pull_request_target").is_none());
    }
    let writes = |job: &Value| {
        let permissions = job["permissions"].as_mapping().unwrap();
        let writes = permissions.iter().filter(|(_, level)| *level == "write");
        writes.map(|(name, _)| name.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let all: Vec<_> = jobs().iter().map(|(name, job)| format!("{name}: {}", writes(job))).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    keyform-apply: 
    keyform-drift: issues
    keyform-pull-request: 
    keyform-pull-request: pull-requests statuses
    ");
}

/// Text from a stranger, such as the name of a branch, must not become a part of a script.
#[test]
fn no_expression_stands_in_a_script() {
    let mut steps = vec![action()["runs"]["steps"].clone()];
    steps.extend(jobs().iter().map(|(_, job)| job["steps"].clone()));
    for step in steps.iter().flat_map(|steps| steps.as_sequence().unwrap()) {
        assert!(step["run"].as_str().is_none_or(|script| !script.contains("${{")), "{step:?}");
    }
}

/// A secret is given to the step that needs it, not to the whole job.
#[test]
fn the_token_is_given_to_steps_that_run_keyform_and_nothing_else() {
    let mut given = 0;
    for (name, job) in jobs() {
        assert!(job["env"].is_null());
        for step in job["steps"].as_sequence().unwrap().iter().filter(|step| !step["env"]["PRIME_API_KEY"].is_null()) {
            given += 1;
            let script = step["run"].as_str().unwrap();
            assert!(script.contains("keyform plan") || script.contains("keyform apply"), "{name}: {script}");
        }
    }
    assert_eq!(given, 4);
}

#[test]
fn two_applies_never_run_at_once_and_neither_is_cancelled() {
    let apply = workflows().into_iter().find(|(name, _)| name == "keyform-apply").unwrap().1;
    assert_eq!(
        (apply["concurrency"]["group"].as_str(), apply["concurrency"]["cancel-in-progress"].as_bool()),
        (Some("keyform-apply"), Some(false))
    );
}
