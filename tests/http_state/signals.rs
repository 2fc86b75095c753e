//! Commands that a signal stops: a lock on a server would stay for ever.

use std::sync::mpsc;
use std::time::Duration;

use crate::scene::{NAME, Scene};
use crate::support::program::{Ran, manifest, until};
use crate::support::state_server::Dialect;

/// Commands that lock the state, with `alice` recorded.
const COMMANDS: [&str; 5] =
    ["apply -y", "state forget alice", "state push newer.json", "state rebuild -y", "state unlock -y"];

/// A recorded key, one that is not yet on the account, and a file with a newer state.
fn scene() -> Scene {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.run("apply -y").expect(0);
    let mut newer = scene.state();
    newer["serial"] = serde_json::json!(7);
    scene.folder.write("newer.json", newer.to_string());
    scene.folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    scene
}

/// Runs a command, and sends it a signal while the server has its request with this number, which takes `pause` longer than
/// the signal. Returns `None` if the command sends fewer requests.
fn signal_at(scene: &Scene, arguments: &str, number: usize, pause: Duration) -> Option<Ran> {
    let (received, is_received) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let first = scene.server.requests().len();
    scene.server.inject(Box::new(move |request, _| {
        if request == first + number {
            received.send(()).unwrap();
            let _ = may_go_on.recv();
        }
        None
    }));
    let mut running = scene.keyform(arguments).start();
    let mut was_received = false;
    until("the request", || {
        was_received = is_received.try_recv().is_ok();
        was_received || running.has_ended()
    });
    if was_received {
        running.signal("INT");
        running.until_stderr("Stopping after requests in flight");
        std::thread::sleep(pause);
    }
    drop(go_on);
    let ran = running.end();
    scene.server.inject(Box::new(|_, _| None));
    was_received.then_some(ran)
}

#[test]
fn the_first_signal_lets_a_command_give_its_lock_back() {
    for command in COMMANDS {
        for number in 0.. {
            let scene = scene();
            let before = scene.server.state(NAME).unwrap().text();
            let Some(ran) = signal_at(&scene, command, number, Duration::ZERO) else {
                assert!(number > 2, "{command} sends {number} requests");
                break;
            };
            assert!(!scene.is_locked(), "request {number}: {ran}");
            if ran.stderr.contains("Nothing was changed.") {
                assert_eq!(ran.code, Some(130), "request {number}: {ran}");
                assert_eq!(scene.server.state(NAME).unwrap().text(), before, "request {number}: {ran}");
            } else {
                assert!(matches!(ran.code, Some(0 | 130)), "request {number}: {ran}");
            }
            scene.run("apply -y --allow-new-state").expect(0);
            scene.is_complete(2);
        }
    }
}

#[test]
fn a_server_that_is_slow_to_lock_or_unlock_is_waited_for() {
    // Longer than a command without requests in flight may take after a signal.
    let pause = Duration::from_secs(4);
    std::thread::scope(|scope| {
        for command in COMMANDS {
            scope.spawn(move || {
                let scene = scene();
                let ran = signal_at(&scene, command, 0, pause).unwrap();
                assert!(matches!(ran.code, Some(0 | 130)), "{ran}");
                assert!(!scene.is_locked(), "{ran}");
                let last =
                    (0..).take_while(|number| signal_at(&self::scene(), command, *number, Duration::ZERO).is_some());
                let last = last.last().unwrap();
                let ran = signal_at(&self::scene(), command, last, pause).unwrap();
                assert!(matches!(ran.code, Some(0 | 130)), "{ran}");
            });
        }
    });
}
