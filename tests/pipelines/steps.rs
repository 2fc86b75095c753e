//! The steps of a job of GitHub, and those of the action.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use serde_yaml::Value;

use crate::expression::{self, Lookup};
use crate::job::Machine;
use crate::repository::git;
use crate::support::files::copy_folder;
use crate::workflows::{DEPLOY_KEY, Event, Surroundings, read};

/// A run of a job.
pub struct Run<'r> {
    pub event: &'r Event,
    pub at: &'r Surroundings<'r>,
    pub id: usize,
    /// The token of the job: its permissions.
    pub permissions: String,
    pub secrets: BTreeMap<String, String>,
}

/// What expressions in a list of steps can refer to.
pub struct Scope {
    pub inputs: BTreeMap<String, String>,
    /// Of steps that have ended, and of jobs: `steps.ID.outputs.NAME`.
    pub values: BTreeMap<String, String>,
    /// The folder of the action, if these are its steps.
    action: Option<PathBuf>,
    pub failed: bool,
}

impl Scope {
    pub fn of(inputs: BTreeMap<String, String>) -> Self {
        Self { inputs, values: BTreeMap::new(), action: None, failed: false }
    }
}

/// The texts in a mapping, with their expressions evaluated.
pub fn texts(map: &Value, lookup: Lookup<'_>) -> BTreeMap<String, String> {
    let Some(map) = map.as_mapping() else { return BTreeMap::new() };
    let text = |value: &Value| expression::insert(&expression::text(value), lookup);
    map.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), text(value))).collect()
}

impl Run<'_> {
    /// Sets the variables of every step.
    pub fn set_up(&self, machine: &mut Machine) {
        for (name, value) in [
            ("GITHUB_REPOSITORY", "acme/keys"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_RUN_ID", &self.id.to_string()),
            ("GITHUB_SHA", &self.event.commit),
            ("GITHUB_REF_NAME", &self.event.ref_name()),
            ("GITHUB_EVENT_NAME", self.event.name),
            ("GITHUB_ACTOR", if self.event.actor.is_empty() { "somebody" } else { self.event.actor }),
            ("GITHUB_API_URL", &self.at.forge.url()),
            ("KEYFORM_TODAY", self.at.today),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
            ("RELEASES", self.at.releases.path().to_str().unwrap()),
        ] {
            machine.set(name, value);
        }
        if self.permissions.contains("id-token: write") {
            machine.set("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/identity?version=1", self.at.forge.url()));
            machine.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", self.permissions.clone());
        }
        machine.set("RUNNER_TEMP", machine.folder("temp").display().to_string());
        for name in ["OUTPUT", "PATH", "ENV", "STEP_SUMMARY"] {
            let file = if name == "STEP_SUMMARY" { "summary" } else { name };
            let path = machine.file(file).display().to_string();
            machine.set(&format!("GITHUB_{name}"), path);
        }
    }

    pub fn steps(&self, steps: &Value, mut scope: Scope, machine: &mut Machine) -> Scope {
        for step in steps.as_sequence().unwrap() {
            let condition = step["if"].as_str().unwrap_or("success()");
            let minds = ["success()", "failure()", "always()", "cancelled()"];
            let anyway = minds.iter().any(|word| condition.contains(word));
            let runs = (anyway || !scope.failed) && expression::holds(condition, &|name| self.value(&scope, name));
            let success = !runs || self.step(step, &mut scope, machine);
            scope.failed |= !success;
            if let Some(id) = step["id"].as_str() {
                let outcome = if !runs {
                    "skipped"
                } else if success {
                    "success"
                } else {
                    "failure"
                };
                scope.values.insert(format!("steps.{id}.outcome"), outcome.to_owned());
            }
        }
        scope
    }

    fn step(&self, step: &Value, scope: &mut Scope, machine: &mut Machine) -> bool {
        let value = |name: &str| self.value(scope, name);
        if let Some(script) = step["run"].as_str() {
            let options = if step["shell"].is_null() { "-e" } else { "-eo" };
            let folder = expression::insert(step["working-directory"].as_str().unwrap_or("."), &value);
            assert!(!script.contains("${{"), "text of strangers must not become a part of a script");
            let success = machine.bash_in(&folder, options, script, &texts(&step["env"], &value));
            let outputs = machine.read("OUTPUT");
            for (name, value) in outputs.lines().filter_map(|line| line.split_once('=')) {
                scope.values.insert(format!("steps.{}.outputs.{name}", step["id"].as_str().unwrap()), value.to_owned());
            }
            fs::write(machine.file("OUTPUT"), "").unwrap();
            return success;
        }
        let with = texts(&step["with"], &value);
        match step["uses"].as_str().unwrap() {
            checkout if checkout.starts_with("actions/checkout@") => self.check_out(&with, machine),
            upload if upload.starts_with("actions/upload-artifact@") => {
                let path = Path::new(&with["path"]);
                let name = path.file_name().unwrap().to_str().unwrap();
                let artifact = json!({"name": name, "content": fs::read_to_string(path).unwrap()});
                self.at.forge.with(|forge| forge.artifacts.insert((self.id, with["name"].clone()), artifact));
            }
            own if own.starts_with("$/") => {
                let (outputs, success) = self.action(&own[2..], &with, machine);
                if let Some(id) = step["id"].as_str() {
                    let named = |(name, value)| (format!("steps.{id}.outputs.{name}"), value);
                    scope.values.extend(outputs.into_iter().map(named));
                }
                return success;
            }
            other => panic!("unknown: {other}"),
        }
        true
    }

    /// Runs an action of keyform's own repository. Returns its outputs, and whether it succeeded.
    fn action(
        &self,
        path: &str,
        with: &BTreeMap<String, String>,
        machine: &mut Machine,
    ) -> (BTreeMap<String, String>, bool) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = machine.folder("_actions/OWNER/keyform/commit");
        copy_folder(&source.join("action"), &copy.join("action"));
        fs::copy(source.join("Cargo.toml"), copy.join("Cargo.toml")).unwrap();
        let folder = copy.join(path);
        let action = read(&folder.join("action.yml"));
        let declared = action["inputs"].as_mapping().unwrap();
        assert!(with.keys().all(|name| declared.contains_key(name.as_str())), "unknown inputs: {with:?}");
        let mut scope = Scope { action: Some(folder), ..Scope::of(BTreeMap::new()) };
        for (name, input) in declared {
            let name = name.as_str().unwrap();
            let default = expression::insert(&expression::text(&input["default"]), &|name| self.value(&scope, name));
            assert!(input["required"] != true || with.contains_key(name), "{name} is required");
            scope.inputs.insert(name.to_owned(), with.get(name).cloned().unwrap_or(default));
        }
        let scope = self.steps(&action["runs"]["steps"], scope, machine);
        let outputs = action["outputs"].as_mapping().unwrap().iter();
        let value =
            |output: &Value| expression::insert(output["value"].as_str().unwrap(), &|name| self.value(&scope, name));
        (outputs.map(|(name, output)| (name.as_str().unwrap().to_owned(), value(output))).collect(), !scope.failed)
    }

    fn check_out(&self, with: &BTreeMap<String, String>, machine: &Machine) {
        let named = with.get("ref").map(|name| format!("origin/{name}"));
        let merged = named.is_none() && self.event.name == "pull_request";
        let repository = self.at.repository;
        repository.clone_into(&machine.work(), named.as_ref().unwrap_or(&self.event.commit), merged);
        let key = with.get("ssh-key").map_or("", String::as_str);
        let persists = with["persist-credentials"].as_str();
        match (key, persists) {
            (DEPLOY_KEY, "true") => {
                git(&machine.work(), &["config", "--unset", "remote.origin.pushUrl"]);
            }
            ("", "false") => {}
            other => panic!("the wrong credentials: {other:?}"),
        }
    }

    /// The value of a name in an expression.
    pub fn value(&self, scope: &Scope, name: &str) -> String {
        let event = self.event;
        if let Some(input) = name.strip_prefix("github.event.inputs.") {
            return event.inputs.get(input).cloned().unwrap_or_default();
        }
        if let Some(input) = name.strip_prefix("inputs.") {
            return scope.inputs.get(input).unwrap_or_else(|| panic!("unknown: {name}")).clone();
        }
        if let Some(secret) = name.strip_prefix("secrets.") {
            assert!(scope.action.is_none(), "an action has no secrets");
            return self.secrets.get(secret).cloned().unwrap_or_default();
        }
        if name.starts_with("steps.") || name.starts_with("needs.") {
            return scope.values.get(name).cloned().unwrap_or_default();
        }
        let of = |kind: &str, value: &str| if event.name == kind { value.to_owned() } else { String::new() };
        match name {
            "success()" => (!scope.failed).to_string(),
            "failure()" => scope.failed.to_string(),
            "always()" => true.to_string(),
            "cancelled()" => false.to_string(),
            "github.event_name" => event.name.to_owned(),
            "github.repository" => "acme/keys".to_owned(),
            "github.token" => self.permissions.clone(),
            "github.sha" => event.commit.clone(),
            "github.ref" => format!("refs/{}", event.ref_name()),
            "github.ref_name" => event.ref_name(),
            "github.ref_type" => "branch".to_owned(),
            "github.action_path" => scope.action.as_ref().unwrap().display().to_string(),
            "github.action_repository" => scope.action.as_ref().map_or("", |_| "OWNER/keyform").to_owned(),
            // It is not in the event of a schedule.
            "github.event.repository.default_branch" if event.name == "schedule" => String::new(),
            "github.event.repository.default_branch" => "main".to_owned(),
            "github.event.merge_group.base_sha" => of("merge_group", &event.base),
            "github.event.pull_request.number" => of("pull_request", &event.number.to_string()),
            "github.event.pull_request.head.sha" => of("pull_request", &event.commit),
            "github.event.pull_request.base.ref" => of("pull_request", "main"),
            "github.event.pull_request.head.repo.full_name" => {
                of("pull_request", if event.fork { "stranger/keys" } else { "acme/keys" })
            }
            other => panic!("unknown: {other}"),
        }
    }
}
