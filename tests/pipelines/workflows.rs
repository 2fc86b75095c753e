//! Runs GitHub's workflows as GitHub does: which jobs an event starts, through a reusable workflow, with which secrets and
//! permissions. Unknown features fail, so that nothing is used untested.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_yaml::Value;

use crate::expression;
use crate::forge::Forge;
use crate::forge::github::GitHub;
use crate::job::{Ended, Machine};
use crate::releases::Releases;
use crate::repository::Repository;
use crate::steps::{Run, Scope, texts};
use crate::support::program::TOKEN;

use keyform::emulator::Emulator;
use keyform::emulator::Method;

/// The key that may push.
pub const DEPLOY_KEY: &str = "the deploy key";

/// The only environment of the repository. Only `main` may use it.
const ENVIRONMENT: &str = "keyform";

/// The workflow of a user.
pub const CALLER: &str = ".github/workflows/keyform.yml";

/// An event in a repository.
#[derive(Default)]
pub struct Event {
    pub name: &'static str,
    /// The commit that was pushed, or the head of the pull request or of the merge group.
    pub commit: String,
    /// The commit of `main` on which the merge group is based.
    pub base: String,
    /// The number of the pull request.
    pub number: usize,
    /// The pull request comes from a fork.
    pub fork: bool,
    /// Who caused it, if that is not a member.
    pub actor: &'static str,
    /// Inputs of a person.
    pub inputs: BTreeMap<&'static str, String>,
    /// The branch for which a person started it, if it is not `main`.
    pub branch: &'static str,
}

pub struct Surroundings<'s> {
    pub repository: &'s Repository,
    pub forge: &'s Forge<GitHub>,
    pub account: &'s Emulator,
    pub releases: &'s Releases,
    /// The day on which jobs run.
    pub today: &'static str,
}

/// A job that calls a reusable workflow.
struct Call<'c> {
    inputs: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    granted: &'c Value,
}

impl Event {
    /// Whether GitHub gives its jobs no secrets, and a token that can only read.
    pub fn is_untrusted(&self) -> bool {
        self.fork || self.actor == "dependabot[bot]"
    }

    pub fn ref_name(&self) -> String {
        match (self.name, self.branch) {
            ("pull_request", _) => format!("{}/merge", self.number),
            ("merge_group", _) => format!("gh-readonly-queue/main/pr-{}", self.number),
            (_, "") => "main".to_owned(),
            (_, branch) => branch.to_owned(),
        }
    }
}

/// Reads a file of YAML.
pub fn read(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The reusable workflow.
pub fn called() -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows/keyform.yml"))
}

/// Runs the jobs that an event starts. Returns their results by name; with several calls, `CALL / JOB`.
pub fn run(event: &Event, at: &Surroundings<'_>) -> BTreeMap<String, Ended> {
    let text = at.repository.file_at(&event.commit, CALLER);
    let caller: Value = serde_yaml::from_str(&text).unwrap();
    let mut ended = BTreeMap::new();
    if !is_started(&caller["on"], event) {
        return ended;
    }
    let version = concat!("OWNER/keyform/.github/workflows/keyform.yml@v", env!("CARGO_PKG_VERSION"));
    let calls = caller["jobs"].as_mapping().unwrap();
    let run_id = at.forge.with(|forge| {
        forge.runs += 1;
        forge.runs
    });
    for (name, job) in calls {
        assert_eq!(job["uses"], version);
        let prefix = if calls.len() == 1 { String::new() } else { format!("{} / ", name.as_str().unwrap()) };
        for (name, job) in run_called(job, event, run_id, at) {
            ended.insert(format!("{prefix}{name}"), job);
        }
    }
    ended
}

fn is_started(on: &Value, event: &Event) -> bool {
    let Some(condition) = on.as_mapping().unwrap().get(event.name) else { return false };
    if let Some(inputs) = condition.get("inputs").and_then(Value::as_mapping) {
        assert!(event.inputs.keys().all(|name| inputs.contains_key(*name)), "an unknown input");
    }
    let branches = condition.get("branches").and_then(Value::as_sequence);
    assert!(condition.get("paths").is_none() && branches.is_none_or(|branches| branches == &["main"]));
    true
}

fn run_called(job: &Value, event: &Event, run_id: usize, at: &Surroundings<'_>) -> BTreeMap<String, Ended> {
    let workflow = called();
    let declared = &workflow["on"]["workflow_call"];
    let secret = |name: &str| match name {
        "secrets.PRIME_API_KEY" if !event.is_untrusted() => TOKEN.to_owned(),
        "secrets.PRIME_API_KEY" | "secrets.STATE_DEPLOY_KEY" => String::new(),
        other => panic!("unknown: {other}"),
    };
    let given = texts(&job["with"], &|name| panic!("unknown: {name}"));
    let secrets = texts(&job["secrets"], &secret);
    for (values, kind) in [(&given, "inputs"), (&secrets, "secrets")] {
        let known = declared[kind].as_mapping().unwrap();
        assert!(
            values.keys().all(|name| known.contains_key(name.as_str())),
            "{kind} that are not declared: {values:?}"
        );
    }
    let default = |(name, input): (&Value, &Value)| {
        let name = name.as_str().unwrap().to_owned();
        let value = given.get(&name).cloned();
        let value = value.unwrap_or_else(|| expression::text(&input["default"]));
        (name, value)
    };
    let inputs = declared["inputs"].as_mapping().unwrap().iter().map(default).collect();
    let call = Call { inputs, secrets, granted: &job["permissions"] };
    let mut needs = BTreeMap::new();
    let mut ended: BTreeMap<String, Ended> = BTreeMap::new();
    for (name, job) in workflow["jobs"].as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        let needed = job["needs"].as_str();
        if needed.is_some_and(|needed| !ended.get(needed).is_some_and(|job| job.success)) {
            continue;
        }
        if let Some((job, outputs)) = run_job(job, &call, &needs, event, run_id, at) {
            needs.extend(outputs.into_iter().map(|(output, value)| (format!("needs.{name}.outputs.{output}"), value)));
            ended.insert(name.to_owned(), job);
        }
    }
    ended
}

fn run_job(
    job: &Value,
    call: &Call<'_>,
    needs: &BTreeMap<String, String>,
    event: &Event,
    run_id: usize,
    at: &Surroundings<'_>,
) -> Option<(Ended, BTreeMap<String, String>)> {
    let may = |(name, level): (&Value, &Value)| {
        let granted = call.granted[name].as_str().unwrap_or("none");
        assert!(granted == "write" || granted == level.as_str().unwrap(), "the caller does not grant {name:?}");
        // A fork never gets write permissions.
        let level = if event.is_untrusted() { "read" } else { level.as_str().unwrap() };
        format!("{}: {level}", name.as_str().unwrap())
    };
    let mut permissions = job["permissions"].as_mapping().unwrap().iter().map(may).collect::<Vec<_>>().join(",");
    let mut scope = Scope::of(call.inputs.clone());
    scope.values.extend(needs.clone());
    let mut run = Run { event, at, id: run_id, permissions: String::new(), secrets: call.secrets.clone() };
    if job["if"].as_str().is_some_and(|condition| !expression::holds(condition, &|name| run.value(&scope, name))) {
        return None;
    }
    let environment = job["environment"].as_str().map(|name| expression::insert(name, &|name| run.value(&scope, name)));
    if let Some(name) = &environment {
        assert_eq!(
            (name.as_str(), event.ref_name().as_str()),
            (ENVIRONMENT, "main"),
            "only main may use the environment"
        );
        permissions += &format!(",environment: {name}");
        for (name, value) in [("PRIME_API_KEY", TOKEN), ("STATE_DEPLOY_KEY", DEPLOY_KEY)] {
            // Those of the environment take the place of those that the caller passes.
            if let Some(secret) = run.secrets.get_mut(name) {
                value.clone_into(secret);
            }
        }
    }
    run.permissions = permissions;
    let before = writes(at.account);
    let mut machine = Machine::without_keyform(&at.account.url());
    run.set_up(&mut machine);
    let scope = run.steps(&job["steps"], scope, &mut machine);
    // The token of the repository can only read.
    assert!(environment.is_some() || writes(at.account) == before, "a job without the environment changed the account");
    for name in ["ENV", "PATH"] {
        assert_eq!(machine.read(name), "", "nothing may change the environment of later steps");
    }
    let outputs = texts(&job["outputs"], &|name| run.value(&scope, name));
    Some((machine.end(!scope.failed), outputs))
}

/// Number of requests that change the account.
pub fn writes(account: &Emulator) -> u64 {
    let stats = account.api().stats();
    [Method::POST, Method::PATCH, Method::DELETE].iter().map(|method| stats.count(method)).sum()
}
