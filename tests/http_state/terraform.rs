//! Terraform's own `http` backend against the servers of these tests, so that they are as strict as the real ones.

use std::process::{Command, Output};
use std::time::Duration;

use keyform::emulator::{EmulatorConfig, FaultKind, Faults};
use serde_json::json;

use crate::scene::{NAME, Scene};
use crate::support::program::{account_with, until};
use crate::support::state_server::{Dialect, MAINTAINER};
use crate::support::tools;

const CONFIGURATION: &str = r#"
terraform {
  backend "http" {}
}
resource "terraform_data" "example" {
  input = "one"
}
"#;

fn terraform(scene: &Scene, name: &str, arguments: &[&str]) -> Output {
    let state = scene.server.url(name);
    let lock = format!("{state}/lock");
    Command::new("terraform")
        .args(arguments)
        .current_dir(scene.folder.path(""))
        .env_clear()
        .env("PATH", tools::path())
        .env("HOME", scene.folder.path(""))
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_IN_AUTOMATION", "1")
        .env("TF_HTTP_ADDRESS", &state)
        .env("TF_HTTP_LOCK_ADDRESS", &lock)
        .env("TF_HTTP_UNLOCK_ADDRESS", &lock)
        .env("TF_HTTP_LOCK_METHOD", "POST")
        .env("TF_HTTP_UNLOCK_METHOD", "DELETE")
        .env("TF_HTTP_USERNAME", "maria")
        .env("TF_HTTP_PASSWORD", MAINTAINER)
        .env("TF_HTTP_RETRY_MAX", "0")
        .output()
        .unwrap()
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", shown(output));
}

#[test]
fn terraform_keeps_a_state_and_waits_for_the_lock_of_keyform() {
    if !tools::are_installed(&["terraform"]) {
        return;
    }
    let faults = Faults { latency: Duration::from_secs(4), jitter: Duration::ZERO, ..Faults::default() };
    let faults = Faults { rates: [(FaultKind::Latency, 1.0)].into_iter().collect(), ..faults };
    let account = account_with(EmulatorConfig { faults, ..EmulatorConfig::default() });
    let scene = Scene { account, ..Scene::new("alice=1 bob=2", Dialect::GitLab) };
    scene.folder.write("main.tf", CONFIGURATION);

    // Its own state.
    assert_success(&terraform(&scene, "infrastructure", &["init", "-input=false"]));
    assert_success(&terraform(&scene, "infrastructure", &["apply", "-input=false", "-auto-approve"]));
    let stored = scene.server.state("infrastructure").unwrap();
    assert!(stored.lock.is_none() && stored.text().contains("terraform_data"), "{}", stored.text());

    // Locked by a keyform that works.
    let running = scene.keyform("apply -y").start();
    until("the lock", || scene.is_locked());
    let reconfigure = ["init", "-input=false", "-reconfigure"];
    let denied = terraform(&scene, NAME, &reconfigure);
    let denied = if denied.status.success() { terraform(&scene, NAME, &["plan", "-input=false"]) } else { denied };
    let id = scene.server.state(NAME).unwrap().lock_id().map(str::to_owned);
    assert!(!denied.status.success(), "{}", shown(&denied));
    if let Some(id) = id {
        assert!(shown(&denied).contains(&id), "{}", shown(&denied));
    }
    running.end().expect(0);
    scene.is_complete(2);

    // Locked by a Terraform that was killed, and unlocked by keyform.
    assert_success(&terraform(&scene, "infrastructure", &reconfigure));
    scene.server.change("infrastructure", |state| {
        state.lock = Some(json!({ "ID": "abandoned", "Who": "root@runner", "Created": "2026-11-23T10:00:00Z" }));
        state.locked_by = "maria".to_owned();
    });
    let apply = ["apply", "-input=false", "-auto-approve"];
    let denied = terraform(&scene, "infrastructure", &apply);
    assert!(!denied.status.success() && shown(&denied).contains("abandoned"), "{}", shown(&denied));
    let unlock = scene.keyform("state unlock -y").env("KEYFORM_STATE", &scene.server.url("infrastructure"));
    unlock.run().expect(0);
    assert_success(&terraform(&scene, "infrastructure", &apply));
    assert!(scene.server.state("infrastructure").unwrap().lock.is_none());
}
