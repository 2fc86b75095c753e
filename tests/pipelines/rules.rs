//! Rules for the text of the examples.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_yaml::Value;

use crate::workflows::{CALLER, called, read};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn action() -> Value {
    read(&root().join("action.yml"))
}

fn example() -> String {
    fs::read_to_string(root().join("examples/github-actions").join(CALLER)).unwrap()
}

#[test]
fn actions_of_others_are_pinned_to_a_commit_and_name_their_version() {
    let pinned = Regex::new(r"uses: (\$/|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)").unwrap();
    for file in ["action.yml", ".github/workflows/keyform.yml"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for line in text.lines().filter(|line| line.trim_start_matches([' ', '-']).starts_with("uses:")) {
            assert!(pinned.is_match(line), "{file}: {line}");
        }
    }
}

#[test]
fn a_repository_needs_one_workflow_of_at_most_thirty_lines_that_calls_this_version() {
    let text = example();
    assert!(text.lines().count() <= 30);
    let files = fs::read_dir(root().join("examples/github-actions/.github/workflows")).unwrap();
    assert_eq!(files.count(), 1);
    let version = concat!("uses: OWNER/keyform/.github/workflows/keyform.yml@v", env!("CARGO_PKG_VERSION"), " ");
    assert!(text.contains(version), "{text}");
}

#[test]
fn each_job_has_only_the_permissions_that_it_needs() {
    let example: Value = serde_yaml::from_str(&example()).unwrap();
    let called = called();
    for workflow in [&example, &called] {
        assert_eq!(workflow["permissions"], Value::Mapping(serde_yaml::Mapping::new()));
        assert!(workflow["on"].get("pull_request_target").is_none());
    }
    let list = |job: &Value| {
        let permissions = job["permissions"].as_mapping().unwrap();
        let permission =
            |(name, level): (&Value, &Value)| format!("{} {}", name.as_str().unwrap(), level.as_str().unwrap());
        permissions.iter().map(permission).collect::<Vec<_>>().join(", ")
    };
    let jobs = called["jobs"].as_mapping().unwrap().iter();
    let mut all: Vec<_> = jobs.map(|(name, job)| format!("{}: {}", name.as_str().unwrap(), list(job))).collect();
    all.push(format!("caller: {}", list(&example["jobs"]["keyform"])));
    insta::assert_snapshot!(all.join("\n"));
}

/// A secret is given to the step that needs it, and that step runs nothing but keyform.
#[test]
fn the_token_is_given_to_the_one_step_that_runs_keyform() {
    let action = action();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let with_token = |step: &&Value| serde_yaml::to_string(step).unwrap().contains("inputs.token");
    let given: Vec<_> = steps.iter().filter(with_token).map(|step| step["run"].as_str().unwrap()).collect();
    assert_eq!(given, ["exec bash \"$SCRIPTS/keyform.sh\""]);
    assert!(steps.iter().all(|step| step["env"]["PRIME_API_KEY"].is_null() || step["env"]["GH_TOKEN"].is_null()));
}

/// The name of a branch, a title or a label must not become a part of a script.
#[test]
fn no_expression_is_in_a_script() {
    let mut steps = vec![action()["runs"]["steps"].clone()];
    steps.extend(called()["jobs"].as_mapping().unwrap().values().map(|job| job["steps"].clone()));
    for step in steps.iter().flat_map(|steps| steps.as_sequence().unwrap()) {
        assert!(step["run"].as_str().is_none_or(|script| !script.contains("${{")), "{step:?}");
    }
}

/// A branch could put another program into a cache or into a folder that is searched for programs.
#[test]
fn the_action_uses_no_cache_and_changes_no_path() {
    let mut texts = vec![fs::read_to_string(root().join("action.yml")).unwrap()];
    texts.push(fs::read_to_string(root().join(".github/workflows/keyform.yml")).unwrap());
    texts.extend(
        fs::read_dir(root().join("action")).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()),
    );
    for text in texts {
        for word in ["actions/cache", "GITHUB_PATH", "GITHUB_ENV", "rustup", "cargo install"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

#[test]
fn two_applies_never_run_at_once_and_neither_is_cancelled() {
    let called = called();
    let jobs = called["jobs"].as_mapping().unwrap().iter().filter(|(_, job)| !job["environment"].is_null());
    let groups: BTreeMap<_, _> = jobs
        .map(|(name, job)| {
            let concurrency = &job["concurrency"];
            assert_eq!(concurrency["cancel-in-progress"].as_bool(), Some(false));
            (name.as_str().unwrap(), concurrency["group"].as_str().unwrap())
        })
        .collect();
    let group = "keyform-apply-${{ inputs.stack }}";
    assert_eq!(groups, [("apply", group), ("expire", group), ("repair", group)].into());
}
