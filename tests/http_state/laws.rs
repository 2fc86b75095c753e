//! The laws of a remote state: killed at any instant, twice at once, and with a server that loses, repeats and refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use keyform::emulator::{EmulatorConfig, FaultKind, Faults};

use crate::scene::{NAME, Scene};
use crate::support::program::{account_with, manifest, until};
use crate::support::state_server::{Dialect, StateFault, StateServer};

const KEYS: &str = "alice=1 bob=2* carol=3";

#[test]
fn an_apply_saves_the_intents_and_the_result_and_gives_the_lock_back() {
    for dialect in [Dialect::GitLab, Dialect::Gitea, Dialect::Terraform] {
        let scene = Scene::new(KEYS, dialect);
        scene.run("apply -y").expect(0);
        scene.is_complete(3);
        assert_eq!((scene.serials(), scene.uploads()), (vec![1, 2], 3), "{dialect:?}");
        let first: serde_json::Value = serde_json::from_slice(&scene.server.state(NAME).unwrap().versions[0]).unwrap();
        assert_eq!(first["pending"].as_array().unwrap().len(), 3, "{first:#}");
        // Nothing to do, so nothing is written.
        scene.run("apply -y").expect(0);
        assert_eq!(scene.serials(), [1, 2]);
        scene.run("plan --detailed-exitcode").expect(0);
        let journals = scene.folder.files().into_keys().filter(|name| name.ends_with(".journal"));
        assert_eq!(journals.count(), 0);
    }
}

#[test]
fn results_of_an_offline_apply_are_saved_one_by_one() {
    let scene = Scene::new(KEYS, Dialect::GitLab);
    scene.run("apply -y --offline").expect(0);
    scene.is_complete(3);
    let serials = scene.serials();
    assert!(serials.len() >= 5, "{serials:?}");
}

/// Kills an apply when the server gets its request with this number, before or after it carries it out. Returns false if
/// the apply sent fewer requests.
fn kill_at(scene: &Scene, number: usize, is_carried_out: bool) -> bool {
    let pid = Arc::new(AtomicU32::new(0));
    let victim = Arc::clone(&pid);
    let before = scene.server.requests().len();
    scene.server.inject(Box::new(move |request, _| {
        if request != before + number {
            return None;
        }
        while victim.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        let kill = format!("kill -s KILL {}", victim.load(Ordering::SeqCst));
        std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
        Some(if is_carried_out { StateFault::Lose } else { StateFault::Drop })
    }));
    let running = scene.keyform("apply -y").start();
    pid.store(running.id(), Ordering::SeqCst);
    let ran = running.end();
    scene.server.inject(Box::new(|_, _| None));
    ran.code.is_none()
}

#[test]
fn after_a_kill_at_any_request_unlock_and_apply_upload_each_key_once_and_record_each_id() {
    thread::scope(|scope| {
        for is_carried_out in [false, true] {
            scope.spawn(move || {
                for number in 0.. {
                    let scene = Scene::new(KEYS, Dialect::GitLab);
                    if !kill_at(&scene, number, is_carried_out) {
                        assert!(number > 6, "only {number} requests");
                        break;
                    }
                    if scene.is_locked() {
                        let ran = scene.run("apply -y").expect(1);
                        assert!(ran.stderr.contains("is locked by maria since"), "{ran}");
                        scene.run("state unlock -y").expect(0);
                    }
                    scene.run("apply -y").expect(0);
                    scene.is_complete(3);
                    assert_eq!(scene.uploads(), 3, "killed at request {number}");
                }
            });
        }
    });
}

#[test]
fn after_a_kill_between_uploads_unlock_and_apply_upload_each_key_once_and_record_each_id() {
    thread::scope(|scope| {
        for uploads in 1..=3 {
            scope.spawn(move || {
                let scene = Scene::new(KEYS, Dialect::GitLab);
                let running = scene.keyform("apply -y").start();
                until("an upload", || scene.uploads() >= uploads);
                running.signal("KILL");
                running.end();
                scene.run("state unlock -y").expect(0);
                scene.run("apply -y").expect(0);
                scene.is_complete(3);
                assert_eq!(scene.uploads(), 3);
            });
        }
    });
}

#[test]
fn a_second_apply_fails_and_names_the_holder_of_the_http_lock() {
    let faults = Faults { latency: Duration::from_secs(2), jitter: Duration::ZERO, ..Faults::default() };
    let faults = Faults { rates: [(FaultKind::Latency, 1.0)].into_iter().collect(), ..faults };
    let account = account_with(EmulatorConfig { faults, ..EmulatorConfig::default() });
    let scene = Scene { account, ..Scene::new("alice=1", Dialect::GitLab) };
    let first = scene.keyform("apply -y").start();
    until("the lock", || scene.is_locked());
    assert_snapshot!("locked", scene.run("apply -y"));
    let third = scene.keyform("apply -y --lock-timeout 100").start();
    third.until_stderr("Waiting for the lock");
    first.end().expect(0);
    third.end().expect(0);
    scene.is_complete(1);
    assert_eq!(scene.uploads(), 1);
}

#[test]
fn an_interrupted_wait_for_the_lock_changes_nothing() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.server.change(NAME, |state| state.lock = Some(serde_json::json!({ "ID": "other" })));
    let running = scene.keyform("apply -y --lock-timeout 1000").start();
    running.until_stderr("Waiting for the lock");
    running.signal("INT");
    running.end().expect(130);
    assert_eq!(scene.server.state(NAME).unwrap().lock_id(), Some("other"));
    assert_eq!(scene.uploads(), 0);
}

#[test]
fn a_second_signal_says_that_the_lock_stays() {
    let faults = Faults { latency: Duration::from_secs(2), jitter: Duration::ZERO, ..Faults::default() };
    let faults = Faults { rates: [(FaultKind::Latency, 1.0)].into_iter().collect(), ..faults };
    let account = account_with(EmulatorConfig { faults, ..EmulatorConfig::default() });
    let scene = Scene { account, ..Scene::new("alice=1", Dialect::GitLab) };
    let running = scene.keyform("apply -y").start();
    until("the upload", || scene.serials() == [1] && scene.account.api().stats().received > 1);
    running.signal("INT");
    running.until_stderr("Stopping after requests in flight");
    running.signal("INT");
    let ran = running.end().expect(130);
    assert!(ran.stderr.contains("The state may still be locked."), "{ran}");
    assert!(scene.is_locked());
    scene.run("state unlock -y").expect(0);
    scene.run("apply -y").expect(0);
    scene.is_complete(1);
}

#[test]
fn a_server_that_keeps_no_locks_is_refused() {
    let scene = Scene::new("alice=1", Dialect::Lockless);
    assert_snapshot!("no_locks", scene.run("apply -y"));
    assert_eq!((scene.uploads(), scene.serials()), (0, vec![]));
}

#[test]
fn lost_repeated_and_refused_answers_change_nothing() {
    thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || {
                let scene = Scene::on(KEYS, StateServer::unreliable(Dialect::GitLab, seed, 30));
                scene.run("apply -y").expect(0);
                scene.folder.write("keyform.yaml", manifest("alice=1 bob=4* dave=5"));
                scene.run("apply -y").expect(0);
                scene.server.inject(Box::new(|_, _| None));
                scene.is_complete(3);
                assert_eq!(scene.uploads(), 5);
                scene.run("plan --detailed-exitcode").expect(0);
            });
        }
    });
}

#[test]
fn with_a_server_that_cannot_be_reached_nothing_is_uploaded() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.server.inject(Box::new(|_, _| Some(StateFault::Drop)));
    assert_snapshot!("unreachable", scene.run("apply -y"));
    assert_eq!(scene.uploads(), 0);
}

#[test]
fn if_the_server_vanishes_the_results_are_printed_and_the_next_apply_completes_them() {
    let scene = Scene::new("alice=1 bob=2", Dialect::GitLab);
    // It has the intents.
    let mut writes = 0;
    scene.server.inject(Box::new(move |_, request| {
        let is_gone = writes > 0;
        writes += usize::from(request.method == "POST" && request.target.contains("?ID="));
        is_gone.then_some(StateFault::Drop)
    }));
    assert_snapshot!("vanished", scene.run("apply -y"));
    scene.server.inject(Box::new(|_, _| None));
    assert_eq!(scene.uploads(), 2);
    scene.run("state unlock -y").expect(0);
    // The journal on this machine has the ids.
    let listed = scene.run("state list --format json").expect(0);
    assert_eq!(listed.json().as_object().unwrap().len(), 2, "{listed}");
    scene.run("apply -y").expect(0);
    scene.is_complete(2);
    assert_eq!(scene.uploads(), 2);
}

#[test]
fn a_run_whose_lock_was_broken_overwrites_nothing() {
    let faults = Faults { latency: Duration::from_secs(2), jitter: Duration::ZERO, ..Faults::default() };
    let faults = Faults { rates: [(FaultKind::Latency, 1.0)].into_iter().collect(), ..faults };
    let account = account_with(EmulatorConfig { faults, ..EmulatorConfig::default() });
    let scene = Scene { account, ..Scene::new("alice=1", Dialect::GitLab) };
    let running = scene.keyform("apply -y").start();
    until("the intents", || scene.serials() == [1]);
    scene.run("state unlock -y").expect(0);
    scene.server.change(NAME, |state| state.lock = Some(serde_json::json!({ "ID": "rival" })));
    assert_snapshot!("lock_broken", running.end());
    let state = scene.server.state(NAME).unwrap();
    assert_eq!((state.serials(), state.lock_id()), (vec![1], Some("rival")));
}
