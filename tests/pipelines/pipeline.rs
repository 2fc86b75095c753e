//! Runs GitLab's pipeline as GitLab does: which jobs an event starts, with which variables and artifacts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use serde_yaml::Value;

use crate::expression;
use crate::forge::Forge;
use crate::forge::gitlab::{APPLY_TOKEN, GitLab, PLAN_TOKEN};
use crate::job::{Ended, Machine};
use crate::repository::{Repository, git};
use crate::support::program::TOKEN;
use crate::workflows::{covers, read};

/// An event in a project.
#[derive(Default)]
pub struct Event {
    /// `push`, `web`, `schedule`, `merge_request_event`.
    pub source: &'static str,
    pub commit: String,
    /// The number of the merge request.
    pub request: usize,
    /// The merge request comes from a fork, in whose project the pipeline runs.
    pub fork: bool,
    /// A member had the pipeline of a fork run in this project.
    pub adopted: bool,
    /// The files that were changed.
    pub changed: Vec<String>,
    /// Inputs of a person.
    pub variables: BTreeMap<String, String>,
}

pub struct Surroundings<'s> {
    pub repository: &'s Repository,
    pub forge: &'s Forge<GitLab>,
    pub endpoint: String,
}

/// The example.
pub fn file() -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitlab-ci/.gitlab-ci.yml"))
}

/// Runs the jobs that an event starts. Returns their results by name.
pub fn run(event: &Event, at: &Surroundings<'_>) -> BTreeMap<String, Ended> {
    let file = file();
    let variables = variables(event, at);
    let mut ended = BTreeMap::new();
    if !applies(&file["workflow"]["rules"], event, &variables) {
        return ended;
    }
    let pipeline = at.forge.with(|forge| {
        let pipeline = forge.jobs.len() + 1000;
        if event.source == "merge_request_event" {
            forge.merge_requests[event.request - 1]["head_pipeline"] = json!({"id": pipeline});
        }
        pipeline
    });
    for (name, job) in file.as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        if name.starts_with('.') || ["workflow", "default"].contains(&name) {
            continue;
        }
        let base = job["extends"].as_str().map(|base| file[base].clone()).unwrap_or_default();
        if applies(&job["rules"], event, &variables) {
            ended.insert(name.to_owned(), run_job(name, job, &base, pipeline, event, &variables, at));
        }
    }
    ended
}

fn variables(event: &Event, at: &Surroundings<'_>) -> BTreeMap<String, String> {
    let project = if event.fork && !event.adopted { "8" } else { "7" };
    let mut variables: BTreeMap<String, String> = [
        ("CI_PIPELINE_SOURCE", event.source.to_owned()),
        ("CI_COMMIT_SHA", event.commit.clone()),
        ("CI_DEFAULT_BRANCH", "main".to_owned()),
        ("CI_PROJECT_ID", project.to_owned()),
        ("CI_PROJECT_URL", at.repository.url()),
        ("CI_API_V4_URL", at.forge.url()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let more = if event.source == "merge_request_event" {
        vec![
            ("CI_MERGE_REQUEST_IID", event.request.to_string()),
            ("CI_MERGE_REQUEST_PROJECT_ID", "7".to_owned()),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", if event.fork { "8" } else { "7" }.to_owned()),
        ]
    } else {
        vec![("CI_COMMIT_BRANCH", "main".to_owned())]
    };
    variables.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    variables.extend(event.variables.clone());
    variables
}

fn applies(rules: &Value, event: &Event, variables: &BTreeMap<String, String>) -> bool {
    let value = |name: &str| variables.get(name.strip_prefix('$').unwrap()).cloned().unwrap_or_default();
    rules.as_sequence().unwrap().iter().any(|rule| {
        let covered = |paths: &Vec<Value>| {
            paths.iter().any(|path| event.changed.iter().any(|file| covers(path.as_str().unwrap(), file)))
        };
        expression::holds(rule["if"].as_str().unwrap(), &value) && rule["changes"].as_sequence().is_none_or(covered)
    })
}

fn run_job(
    name: &str,
    job: &Value,
    base: &Value,
    pipeline: usize,
    event: &Event,
    variables: &BTreeMap<String, String>,
    at: &Surroundings<'_>,
) -> Ended {
    let mut machine = Machine::new(&at.endpoint);
    let work = machine.work();
    at.repository.clone_into(&work, &event.commit, false);
    git(&work, &["config", "core.hooksPath", "/dev/null"]);
    let mut environment = variables.clone();
    environment.insert("CI_PROJECT_DIR".to_owned(), work.display().to_string());
    let token = match job["environment"]["name"].as_str() {
        Some("keyform-plan") => PLAN_TOKEN,
        Some("keyform-apply") => {
            assert!(variables.contains_key("CI_COMMIT_BRANCH"), "the environment is open to main alone");
            APPLY_TOKEN
        }
        Some(other) => panic!("unknown: {other}"),
        None => "",
    };
    assert!(!event.fork || token.is_empty(), "a fork has no secrets");
    if !token.is_empty() {
        environment.insert("PRIME_API_KEY".to_owned(), TOKEN.to_owned());
        environment.insert("KEYFORM_GITLAB_TOKEN".to_owned(), token.to_owned());
    }
    let lines = [&base["before_script"], &job["script"]].into_iter().flat_map(|part| part.as_sequence().unwrap());
    let script: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
    let success = machine.bash("-eo", &script.join("\n"), &environment);
    at.forge.with(|forge| {
        let id = forge.jobs.len() + 1;
        let status = if success { "success" } else { "failed" };
        forge.jobs.push(json!({"id": id, "name": name, "status": status, "pipeline": pipeline}));
        let kept = job["artifacts"]["paths"].as_sequence().filter(|_| success || job["artifacts"]["when"] == "always");
        for path in kept.into_iter().flatten().map(|path| path.as_str().unwrap()) {
            if let Ok(content) = fs::read_to_string(work.join(path)) {
                forge.artifacts.insert((id, path.to_owned()), content);
            }
        }
    });
    machine.end(success)
}
