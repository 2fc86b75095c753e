//! Runs GitLab's pipelines as GitLab does: which jobs an event starts, with which variables, tokens and artifacts. Unknown
//! features fail, so that the component cannot use them untested.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use serde_yaml::{Mapping, Value};

use crate::component::{Inputs, configuration};
use crate::expression;
use crate::forge::Forge;
use crate::forge::gitlab::{APPLY_TOKEN, GitLab, PLAN_TOKEN};
use crate::job::{Ended, Machine};
use crate::repository::Repository;
use crate::support::files::files_below;
use crate::support::program::TOKEN;
use crate::support::state_server::{DEVELOPER, JOB_TOKEN};

/// What a file can have besides jobs.
const GLOBAL: [&str; 5] = ["default", "include", "stages", "variables", "workflow"];
/// What a job can have.
const OF_A_JOB: [&str; 17] = [
    "after_script",
    "artifacts",
    "before_script",
    "cache",
    "dependencies",
    "environment",
    "extends",
    "image",
    "inherit",
    "interruptible",
    "needs",
    "resource_group",
    "rules",
    "script",
    "stage",
    "timeout",
    "variables",
];

/// The stages that every pipeline has, in their order.
const STAGES: [&str; 5] = [".pre", "build", "test", "deploy", ".post"];

/// An event in a project.
#[derive(Default)]
pub struct Event {
    /// `push`, `web`, `schedule`, `merge_request_event`.
    pub source: &'static str,
    pub commit: String,
    /// The tip of the branch before a push.
    pub before: String,
    /// The number of the merge request.
    pub request: usize,
    /// The merge request comes from a fork, in whose project the pipeline runs.
    pub fork: bool,
    /// A member had the pipeline of a fork run in this project.
    pub adopted: bool,
    /// The pipeline runs for this merge of the commit into `main`.
    pub merged_result: Option<String>,
    /// The files that were changed.
    pub changed: Vec<String>,
    /// Inputs of a person.
    pub inputs: Inputs,
    /// Variables of the project that are limited to no environment.
    pub variables: BTreeMap<String, String>,
}

pub struct Surroundings<'s> {
    pub repository: &'s Repository,
    pub forge: &'s Forge<GitLab>,
    pub endpoint: String,
    /// The shell in the image.
    pub shell: &'static str,
}

struct Pipeline<'p> {
    id: usize,
    event: &'p Event,
    at: &'p Surroundings<'p>,
    file: Mapping,
    variables: BTreeMap<String, String>,
    /// The variables in reports of jobs that have ended.
    reported: BTreeMap<String, String>,
}

/// Runs the jobs that an event starts. Returns their results by name.
pub fn run(event: &Event, at: &Surroundings<'_>) -> BTreeMap<String, Ended> {
    let commit = event.merged_result.as_ref().unwrap_or(&event.commit);
    let file = configuration(&|path| at.repository.file_at(commit, path), &event.inputs).unwrap();
    let id = at.forge.with(|forge| {
        let reference = if event.merged_result.is_some() { "merge" } else { "head" };
        let id = forge.pipelines.len() + 1000;
        let reference = format!("refs/merge-requests/{}/{reference}", event.request);
        let is_here = !event.fork || event.adopted;
        let request = if is_here { event.request } else { 0 };
        forge
            .pipelines
            .push(json!({"id": id, "request": request, "sha": commit, "ref": reference, "source": event.source}));
        id
    });
    let mut pipeline = Pipeline { id, event, at, file, variables: variables(event, at), reported: BTreeMap::new() };
    let named: Vec<_> = pipeline.file.iter().map(|(name, job)| (name.as_str().unwrap().to_owned(), job)).collect();
    let named = named.into_iter().filter(|(name, _)| !name.starts_with('.') && !GLOBAL.contains(&name.as_str()));
    let mut jobs: Vec<_> = named.map(|(name, job)| (name, pipeline.extended(job))).collect();
    let stage = |job: &Value| STAGES.iter().position(|stage| *stage == job["stage"].as_str().unwrap_or("test"));
    jobs.sort_by_key(|(_, job)| stage(job).unwrap());
    let started: Vec<_> = jobs.into_iter().filter(|(_, job)| pipeline.starts(job)).collect();
    started.into_iter().map(|(name, job)| (name.clone(), pipeline.run(&name, &job))).collect()
}

fn variables(event: &Event, at: &Surroundings<'_>) -> BTreeMap<String, String> {
    let project = if event.fork && !event.adopted { "8" } else { "7" };
    let commit = event.merged_result.as_ref().unwrap_or(&event.commit);
    let mut all = vec![
        ("CI_PIPELINE_SOURCE", event.source.to_owned()),
        ("CI_COMMIT_SHA", commit.clone()),
        ("CI_DEFAULT_BRANCH", "main".to_owned()),
        ("CI_CONFIG_PATH", ".gitlab-ci.yml".to_owned()),
        ("CI_PROJECT_ID", project.to_owned()),
        ("CI_PROJECT_URL", at.repository.url()),
        ("CI_API_V4_URL", format!("{}/api/v4", at.forge.url())),
    ];
    if event.source == "merge_request_event" {
        let base = at.repository.merge_base("main", &event.commit);
        let result = event.merged_result.as_ref();
        all.extend([
            ("CI_JOB_TOKEN", if event.fork { "of a stranger" } else { DEVELOPER }.to_owned()),
            ("CI_MERGE_REQUEST_IID", event.request.to_string()),
            ("CI_MERGE_REQUEST_PROJECT_ID", "7".to_owned()),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", if event.fork { "8" } else { "7" }.to_owned()),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main".to_owned()),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
            ("CI_MERGE_REQUEST_EVENT_TYPE", if result.is_some() { "merged_result" } else { "detached" }.to_owned()),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", result.map_or_else(String::new, |_| event.commit.clone())),
        ]);
    } else {
        all.extend([
            ("CI_JOB_TOKEN", JOB_TOKEN.to_owned()),
            ("CI_COMMIT_BRANCH", "main".to_owned()),
            ("CI_COMMIT_BEFORE_SHA", event.before.clone()),
        ]);
    }
    let all = all.into_iter().map(|(name, value)| (name.to_owned(), value));
    all.chain(event.variables.clone()).collect()
}

/// Whether a pattern of `changes`, such as `keys/**/*`, covers a file.
fn covers(pattern: &str, file: &str) -> bool {
    pattern.split_once("**").map_or(pattern == file, |(start, _)| file.starts_with(start))
}

/// Puts the fields of `job` over those of `base`.
fn over(base: &Value, job: &Value) -> Value {
    match (base, job) {
        (Value::Mapping(base), Value::Mapping(job)) => {
            let mut all = base.clone();
            for (name, value) in job {
                let value = base.get(name).map_or_else(|| value.clone(), |base| over(base, value));
                all.insert(name.clone(), value);
            }
            Value::Mapping(all)
        }
        _ => job.clone(),
    }
}

impl Pipeline<'_> {
    fn extended(&self, job: &Value) -> Value {
        let base = job["extends"].as_str().map(|base| self.file[base].clone());
        let job = base.map_or_else(|| job.clone(), |base| over(&base, job));
        for name in job.as_mapping().unwrap().keys().map(|name| name.as_str().unwrap()) {
            assert!(OF_A_JOB.contains(&name), "unknown: {name}");
        }
        if job["inherit"]["default"].as_bool() == Some(false) {
            return job;
        }
        let default = self.file.get("default").cloned().unwrap_or_else(|| Mapping::new().into());
        over(&default, &job)
    }

    fn starts(&self, job: &Value) -> bool {
        let value = |name: &str| {
            let Some(name) = name.strip_prefix('$') else { panic!("unknown: {name}") };
            self.variables.get(name).cloned().unwrap_or_default()
        };
        // Without rules, a job does not run for merge requests.
        let Some(rules) = job["rules"].as_sequence() else { return self.event.source != "merge_request_event" };
        rules.iter().any(|rule| {
            let covered = |paths: &Vec<Value>| {
                paths.iter().any(|path| self.event.changed.iter().any(|file| covers(path.as_str().unwrap(), file)))
            };
            let is_push = ["push", "merge_request_event"].contains(&self.event.source);
            expression::holds(rule["if"].as_str().unwrap(), &value)
                && (!is_push || rule["changes"].as_sequence().is_none_or(covered))
        })
    }

    fn run(&mut self, name: &str, job: &Value) -> Ended {
        let Self { event, at, .. } = *self;
        let mut machine = Machine::new(&at.endpoint);
        let work = machine.work();
        at.repository.clone_into(&work, &self.variables["CI_COMMIT_SHA"], false);
        let id = at.forge.with(|forge| forge.jobs.len() + 1);
        let mut environment = self.variables.clone();
        for (name, value) in job["variables"].as_mapping().into_iter().flatten() {
            environment.insert(name.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned());
        }
        if job["dependencies"].is_null() {
            environment.extend(self.reported.clone());
        }
        environment.insert("CI_PROJECT_DIR".to_owned(), work.display().to_string());
        environment.insert("CI_JOB_ID".to_owned(), id.to_string());
        environment.insert("CI_JOB_URL".to_owned(), format!("https://gitlab.example.com/jobs/{id}"));
        for (name, value) in secrets(job, event) {
            environment.insert(name.to_owned(), value.to_owned());
        }
        let lines = [&job["before_script"], &job["script"]].into_iter().filter_map(Value::as_sequence).flatten();
        let script: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
        let file = machine.file("job");
        fs::write(&file, script.join("\n")).unwrap();
        let options = if at.shell == "bash" { "-eo pipefail" } else { "-e" };
        let success = machine.bash("-eo", &format!("exec {} {options} '{}'", at.shell, file.display()), &environment);
        for line in job["after_script"].as_sequence().into_iter().flatten() {
            machine.bash("-eo", line.as_str().unwrap(), &environment);
        }
        self.keep(id, name, job, success, &work);
        machine.end(success)
    }

    fn keep(&mut self, id: usize, name: &str, job: &Value, success: bool, work: &Path) {
        let status = if success { "success" } else { "failed" };
        let pipeline = self.id;
        let kept = job["artifacts"]["paths"].as_sequence().filter(|_| success || job["artifacts"]["when"] == "always");
        let patterns = kept.into_iter().flatten().map(|path| path.as_str().unwrap());
        let patterns: Vec<_> = patterns.collect();
        self.at.forge.with(|forge| {
            forge.jobs.push(json!({"id": id, "name": name, "status": status, "pipeline": pipeline}));
            for (path, content) in files_below(work) {
                if patterns
                    .iter()
                    .any(|pattern| path == *pattern || pattern.ends_with('/') && path.starts_with(pattern))
                {
                    forge.artifacts.insert((id, path), String::from_utf8(content).unwrap());
                }
            }
        });
        if let Some(report) = job["artifacts"]["reports"]["dotenv"].as_str() {
            let lines = fs::read_to_string(work.join(report)).unwrap();
            let reported = lines.lines().filter_map(|line| line.split_once('='));
            self.reported.extend(reported.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
}

/// The variables that are limited to the environment of a job. Those for apply are protected: only `main` has them.
fn secrets(job: &Value, event: &Event) -> Vec<(&'static str, &'static str)> {
    let is_main = event.source != "merge_request_event";
    let name = job["environment"]["name"].as_str().unwrap_or_default();
    let token = match name.rsplit_once('-') {
        Some((_, "plan")) => PLAN_TOKEN,
        Some((_, "apply")) if is_main => APPLY_TOKEN,
        _ => return Vec::new(),
    };
    assert!(!event.fork || event.adopted, "a fork has no secrets");
    vec![("PRIME_API_KEY", TOKEN), ("KEYFORM_GITLAB_TOKEN", token)]
}
