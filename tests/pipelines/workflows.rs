//! Runs GitHub's workflows as GitHub does: which ones an event starts, which jobs of them, which steps of those, with
//! which secrets and permissions. Unknown features fail, so that an example cannot use them untested.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_yaml::Value;

use crate::expression;
use crate::forge::Forge;
use crate::forge::github::GitHub;
use crate::job::{Ended, Machine};
use crate::repository::{Repository, git};
use crate::support::program::TOKEN;

/// The token that may push.
const DEPLOY_KEY: &str = "the deploy key";

/// An event in a repository.
#[derive(Default)]
pub struct Event {
    pub name: &'static str,
    /// The commit that was pushed, or the head of the pull request.
    pub commit: String,
    /// The number of the pull request.
    pub number: usize,
    /// The pull request comes from a fork.
    pub fork: bool,
    /// The files that were changed.
    pub changed: Vec<String>,
    /// Inputs of a person.
    pub inputs: BTreeMap<&'static str, String>,
    /// The workflow that a person started.
    pub workflow: Option<&'static str>,
}

pub struct Surroundings<'s> {
    pub repository: &'s Repository,
    pub forge: &'s Forge<GitHub>,
    pub endpoint: String,
}

struct Job<'j> {
    event: &'j Event,
    at: &'j Surroundings<'j>,
    environment: Option<&'j str>,
    permissions: String,
    failed: bool,
    outputs: RefCell<BTreeMap<String, String>>,
}

/// Runs the jobs that an event starts. Returns their results by name.
pub fn run(event: &Event, at: &Surroundings<'_>) -> BTreeMap<String, Ended> {
    let mut ended: BTreeMap<String, Ended> = BTreeMap::new();
    for (name, workflow) in workflows() {
        if !started(&workflow["on"], event) || event.workflow.is_some_and(|wanted| wanted != name) {
            continue;
        }
        for (name, job) in workflow["jobs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let needed = job["needs"].as_str();
            if needed.is_some_and(|needed| !ended.get(needed).is_some_and(|job| job.success)) {
                continue;
            }
            if let Some(job) = run_job(job, event, at) {
                ended.insert(name.to_owned(), job);
            }
        }
    }
    ended
}

/// All workflows of the example, by their file names.
pub fn workflows() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-actions/.github/workflows");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), read(path))).collect()
}

/// Reads a file of YAML.
pub fn read(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn started(on: &Value, event: &Event) -> bool {
    let Some(condition) = on.as_mapping().unwrap().get(event.name) else { return false };
    let texts = |name: &str| {
        let list = condition.get(name).and_then(Value::as_sequence);
        list.map(|list| list.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>())
    };
    // All events here concern main.
    assert!(texts("branches").is_none_or(|branches| branches == ["main"]));
    texts("paths").is_none_or(|paths| event.changed.iter().any(|file| paths.iter().any(|path| covers(path, file))))
}

/// Whether a pattern of paths, such as `keys/**`, covers a file.
pub fn covers(pattern: &str, file: &str) -> bool {
    pattern.split_once("**").map_or(pattern == file, |(start, _)| file.starts_with(start))
}

fn run_job(job: &Value, event: &Event, at: &Surroundings<'_>) -> Option<Ended> {
    let granted = job["permissions"].as_mapping().unwrap();
    let permission = |(name, level): (&Value, &Value)| {
        // The pull request of a fork never gets write permissions.
        let level = if event.fork { "read" } else { level.as_str().unwrap() };
        format!("{}: {level}", name.as_str().unwrap())
    };
    let permissions = granted.iter().map(permission).collect::<Vec<_>>().join(",");
    let environment = job["environment"].as_str();
    let mut run = Job { event, at, environment, permissions, failed: false, outputs: RefCell::default() };
    if job["if"].as_str().is_some_and(|condition| !expression::holds(condition, &|name| run.value(name))) {
        return None;
    }
    assert!(
        environment != Some("keyform-apply") || event.name != "pull_request",
        "the environment is open to main alone"
    );
    let mut machine = Machine::new(&at.endpoint);
    for (name, value) in [
        ("GITHUB_REPOSITORY", "acme/keys"),
        ("GITHUB_SERVER_URL", "https://github.example.com"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_SHA", &event.commit),
        ("GITHUB_API_URL", &at.forge.url()),
    ] {
        machine.set(name, value);
    }
    for name in ["OUTPUT", "PATH", "STEP_SUMMARY"] {
        let file = if name == "STEP_SUMMARY" { "summary" } else { name };
        let path = machine.file(file).display().to_string();
        machine.set(&format!("GITHUB_{name}"), path);
    }
    run.steps(&job["steps"], &mut machine);
    Some(machine.end(!run.failed))
}

impl Job<'_> {
    fn steps(&mut self, steps: &Value, machine: &mut Machine) {
        for step in steps.as_sequence().unwrap() {
            let condition = step["if"].as_str().unwrap_or("success()");
            let minds = ["success()", "failure()", "always()", "cancelled()"];
            let anyway = minds.iter().any(|word| condition.contains(word));
            if (anyway || !self.failed) && expression::holds(condition, &|name| self.value(name)) {
                let success = self.step(step, machine);
                self.failed |= !success;
            }
        }
    }

    fn step(&mut self, step: &Value, machine: &mut Machine) -> bool {
        let value = |name: &str| self.value(name);
        let texts = |field: &str| -> BTreeMap<String, String> {
            let Some(map) = step[field].as_mapping() else { return BTreeMap::new() };
            let text = |value: &Value| match value {
                Value::String(text) => expression::insert(text, &value_of(self)),
                other => serde_yaml::to_string(other).unwrap().trim_end().to_owned(),
            };
            map.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), text(value))).collect()
        };
        if let Some(script) = step["run"].as_str() {
            let options = if step["shell"].is_null() { "-e" } else { "-eo" };
            let success = machine.bash(options, &expression::insert(script, &value), &texts("env"));
            let outputs = machine.read("OUTPUT");
            for (name, value) in outputs.lines().filter_map(|line| line.split_once('=')) {
                let name = format!("steps.{}.outputs.{name}", step["id"].as_str().unwrap());
                self.outputs.borrow_mut().insert(name, value.to_owned());
            }
            fs::write(machine.file("OUTPUT"), "").unwrap();
            return success;
        }
        let with = texts("with");
        match step["uses"].as_str().unwrap() {
            checkout if checkout.starts_with("actions/checkout@") => self.check_out(&with, machine),
            cache if cache.starts_with("actions/cache@") => {
                let hit = format!("steps.{}.outputs.cache-hit", step["id"].as_str().unwrap());
                self.outputs.borrow_mut().insert(hit, "true".to_owned());
            }
            local if local.starts_with("./") => {
                let action = read(&machine.work().join(local).join("action.yaml"));
                self.steps(&action["runs"]["steps"], machine);
            }
            other => panic!("unknown: {other}"),
        }
        true
    }

    fn check_out(&self, with: &BTreeMap<String, String>, machine: &Machine) {
        let named = with.get("ref").map(|name| format!("origin/{name}"));
        let merged = named.is_none() && self.event.name == "pull_request";
        let repository = self.at.repository;
        repository.clone_into(&machine.work(), named.as_ref().unwrap_or(&self.event.commit), merged);
        match with.get("ssh-key") {
            Some(key) if key == DEPLOY_KEY => {
                git(&machine.work(), &["config", "--unset", "remote.origin.pushUrl"]);
            }
            Some(_) => panic!("a key that opens nothing"),
            None => assert_eq!(with.get("persist-credentials").map(String::as_str), Some("false")),
        }
    }

    /// The value of a name in an expression.
    fn value(&self, name: &str) -> String {
        let event = self.event;
        if let Some(input) = name.strip_prefix("inputs.") {
            return event.inputs.get(input).cloned().unwrap_or_default();
        }
        if let Some(secret) = name.strip_prefix("secrets.") {
            assert!(!event.fork, "a fork has no secrets");
            return match (secret, self.environment) {
                ("PRIME_API_KEY", Some("keyform-plan" | "keyform-apply")) => TOKEN.to_owned(),
                ("STATE_DEPLOY_KEY", Some("keyform-apply")) => DEPLOY_KEY.to_owned(),
                (secret, environment) => panic!("{secret} is not in {environment:?}"),
            };
        }
        if name.starts_with("steps.") {
            return self.outputs.borrow().get(name).cloned().unwrap_or_default();
        }
        match name {
            "success()" => (!self.failed).to_string(),
            "failure()" => self.failed.to_string(),
            "always()" => true.to_string(),
            "cancelled()" => false.to_string(),
            "runner.os" => "Linux".to_owned(),
            "runner.arch" => "X64".to_owned(),
            "github.event_name" => event.name.to_owned(),
            "github.repository" => "acme/keys".to_owned(),
            "github.token" => self.permissions.clone(),
            "github.event.pull_request.number" => event.number.to_string(),
            "github.event.pull_request.head.sha" => event.commit.clone(),
            "github.event.pull_request.head.repo.full_name" => {
                (if event.fork { "stranger/keys" } else { "acme/keys" }).to_owned()
            }
            other => panic!("unknown: {other}"),
        }
    }
}

fn value_of<'j>(job: &'j Job<'_>) -> impl Fn(&str) -> String + 'j {
    |name| job.value(name)
}
