//! What is said of a server that refuses, and of settings that cannot be used.

use insta::assert_snapshot;

use crate::scene::{NAME, Scene, assert_shows_no_password};
use crate::support::program::{Ran, TOKEN};
use crate::support::server::{DeadPort, Server};
use crate::support::state_server::{DEVELOPER, Dialect, JOB_TOKEN, MAINTAINER};

const ELSEWHERE: &str = "https://gitlab.example.com/api/v4/projects/7/terraform/state/keyform";

/// Joins runs to one snapshot. All of them must have failed without an upload.
fn failed(scene: &Scene, runs: impl IntoIterator<Item = Ran>) -> String {
    let mut text = String::new();
    for ran in runs {
        assert_shows_no_password(&ran);
        text += &format!("{}\n", ran.expect(1));
    }
    assert_eq!(scene.uploads(), 0);
    text
}

#[test]
fn without_credentials_the_variables_are_named_and_no_request_is_sent() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let at = |arguments: &str, state: &str| scene.anonymous(arguments).env("KEYFORM_STATE", state);
    let runs = [
        at("plan", ELSEWHERE).run(),
        // The job of another GitLab. Its token is not sent.
        at("apply -y", ELSEWHERE)
            .env("CI_JOB_TOKEN", JOB_TOKEN)
            .env("CI_API_V4_URL", "https://gitlab.com/api/v4")
            .run(),
        at("plan", "https://gitea.example.com/api/packages/acme/terraform/state/keyform").run(),
        at("plan", ELSEWHERE).env("TF_HTTP_USERNAME", "maria").run(),
        at("plan", ELSEWHERE).env("TF_HTTP_PASSWORD", MAINTAINER).run(),
        scene.anonymous("plan").run(),
    ];
    assert_snapshot!("no_credentials", failed(&scene, runs));
    // A pull request from a fork still has this.
    at("validate", ELSEWHERE).run().expect(0);
}

#[test]
fn a_refusal_names_the_permission() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let runs = [
        scene.keyform_as("maria", DEVELOPER, "plan").run(),
        scene.keyform_as("gina", "guest", "plan").run(),
        scene.keyform_as("dave", DEVELOPER, "apply -y").run(),
        scene.keyform("plan").env("KEYFORM_STATE", &scene.server.url(NAME).replace("/7/", "/8/")).run(),
    ];
    assert_snapshot!("no_permission", failed(&scene, runs));
    scene.keyform_as("dave", DEVELOPER, "plan").run().expect(0);
    let gitea = Scene::new("alice=1", Dialect::Gitea);
    let runs = [gitea.keyform_as("dave", DEVELOPER, "apply -y").run()];
    assert_snapshot!("no_permission_gitea", failed(&gitea, runs));
}

#[test]
fn a_job_needs_no_other_credentials_than_its_token() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let api = format!("{}/api/v4", scene.server.origin());
    let job = |arguments: &str, api: &str| {
        let run = scene.anonymous(arguments).env("CI_JOB_TOKEN", JOB_TOKEN);
        let ran = run.env("CI_API_V4_URL", api).run();
        assert_shows_no_password(&ran);
        ran
    };
    // The token of another GitLab is not sent.
    job("plan", "http://127.0.0.1:1/api/v4").expect(1);
    assert!(scene.server.requests().iter().all(|request| request.authorization.is_none()));
    job("apply -y", &api).expect(0);
    scene.is_complete(1);
}

#[test]
fn the_token_of_the_account_does_not_reach_the_server_nor_its_password_the_account() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.keyform("apply -y -vv").run().expect(0);
    for request in scene.server.requests() {
        let shown = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
        assert!(!shown.contains(TOKEN), "{shown}");
        assert!(request.authorization.is_some_and(|header| header.starts_with("Basic ")), "{shown}");
    }
    // The account accepts its own token only, so it got that one.
    assert_eq!(scene.uploads(), 1);
    for (name, content) in scene.folder.files() {
        assert!(!String::from_utf8_lossy(&content).contains(MAINTAINER), "{name}");
    }
}

#[test]
fn a_server_that_is_not_one_for_states_is_reported_as_such() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let at = |origin: String| {
        let state = format!("{origin}/api/v4/projects/7/terraform/state/keyform");
        scene.keyform("plan").env("KEYFORM_STATE", &state).run()
    };
    let answering = |answer: &str| at(Server::answering(answer).http());
    let ok = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let runs = [
        answering(&format!("{ok}<!DOCTYPE html><title>Sign in</title>")),
        answering(&format!("{ok}not a state")),
        answering(ok),
        answering("HTTP/1.1 302 Found\r\nlocation: https://evil.example.com/\r\nconnection: close\r\n\r\n"),
        answering(
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n{\"message\": \"no\u{1b}[31m glpat-maintainer-9d21\"}",
        ),
        answering("SSH-2.0-OpenSSH_9.6\r\n"),
        at(Server::self_signed().https()),
        at(DeadPort::take().http()),
    ];
    assert_snapshot!("no_state_server", failed(&scene, runs));
}

#[test]
fn settings_that_cannot_be_used_are_errors_that_name_the_variable() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let with = |name: &str, value: &str| scene.keyform("apply -y").env(name, value).run();
    let lock = format!("{}/lock", scene.server.url(NAME));
    let runs = [
        with("TF_HTTP_LOCK_ADDRESS", "https://evil.example.com/lock"),
        with("TF_HTTP_UNLOCK_ADDRESS", "not a URL"),
        with("TF_HTTP_LOCK_METHOD", "not a method"),
        // The server does not know it.
        with("TF_HTTP_LOCK_METHOD", "LOCK"),
        // It would lock the state of Terraform.
        scene
            .keyform("apply -y")
            .env("TF_HTTP_ADDRESS", &scene.server.url("infrastructure"))
            .env("TF_HTTP_LOCK_ADDRESS", &lock)
            .run(),
        scene.keyform("apply -y").env("TF_HTTP_USERNAME", "a:b").run(),
        scene.keyform("apply -y").env("HOME", "").run(),
    ];
    assert_snapshot!("bad_settings", failed(&scene, runs));
    scene
        .keyform("apply -y")
        .env("TF_HTTP_ADDRESS", &scene.server.url(NAME))
        .env("TF_HTTP_LOCK_ADDRESS", &lock)
        .env("TF_HTTP_UNLOCK_ADDRESS", &lock)
        .env("TF_HTTP_LOCK_METHOD", "POST")
        .env("TF_HTTP_UNLOCK_METHOD", "DELETE")
        .env("TF_HTTP_UPDATE_METHOD", "POST")
        .run()
        .expect(0);
    scene.is_complete(1);
}

#[test]
fn a_state_that_cannot_be_used_is_an_error() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let stored = |text: &str| {
        scene.server.change(NAME, |state| state.versions = vec![text.as_bytes().to_vec()]);
        scene.run("apply -y")
    };
    let runs = [
        // Terraform's.
        stored(r#"{"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "resources": []}"#),
        stored(r#"{"version": 1, "lineage":"#),
    ];
    assert_snapshot!("bad_states", failed(&scene, runs));
    assert!(!scene.is_locked());
}

#[test]
fn a_serial_that_the_server_has_had_is_an_error() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.run("apply -y").expect(0);
    // Somebody restored an older state.
    scene.server.change(NAME, |state| {
        let old = state.text().replace("\"serial\": 2", "\"serial\": 1");
        state.versions[0] = state.versions[1].clone();
        state.versions.push(old.into_bytes());
    });
    assert_snapshot!("serial_taken", scene.run("state forget alice").expect(1));
    assert!(!scene.is_locked());
}

#[test]
fn a_damaged_state_is_rebuilt_with_a_new_serial() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.run("apply -y").expect(0);
    scene.server.change(NAME, |state| state.versions.push(br#"{"serial": 9, "damaged": true}"#.to_vec()));
    scene.run("plan").expect(1);
    scene.run("state rebuild -y").expect(0);
    scene.is_complete(1);
    assert_eq!(scene.serials().last(), Some(&10));
    let copies = scene.folder.files().into_iter().filter(|(name, _)| name.ends_with(".journal.state.old"));
    let copies: Vec<_> = copies.map(|(_, content)| String::from_utf8(content).unwrap()).collect();
    assert_eq!(copies, [r#"{"serial": 9, "damaged": true}"#]);
}
