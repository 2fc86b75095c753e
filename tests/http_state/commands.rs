//! `state pull`, `state push` and `state unlock`, with files and with a server.

use insta::assert_snapshot;
use serde_json::json;

use crate::scene::{NAME, Scene};
use crate::support::program::{Folder, STATE, TOKEN, account, manifest};
use crate::support::state_server::Dialect;

#[test]
fn a_state_moves_from_a_file_to_a_server_and_back() {
    let scene = Scene::new("alice=1 bob=2", Dialect::GitLab);
    scene.keyform("apply -y").env("KEYFORM_STATE", STATE).run().expect(0);
    let file = scene.folder.read(STATE);
    assert_snapshot!("pushed", scene.run("state push keyform.state.json").expect(0));
    assert_eq!(scene.server.state(NAME).unwrap().text(), file);
    assert_eq!(scene.run("state pull").expect(0).stdout, file);
    scene.run("plan --detailed-exitcode").expect(0);
    assert_snapshot!("pushed_again", scene.run("state push keyform.state.json").expect(0));
    assert_eq!(scene.serials(), [1]);
    // From stdin, into a file that does not exist.
    let back = scene.keyform("state push -").env("KEYFORM_STATE", "back.json").stdin(&file).run().expect(0);
    assert!(back.stdout.contains("back.json"), "{back}");
    assert_eq!(scene.folder.read("back.json"), file);
}

#[test]
fn a_push_refuses_another_lineage_an_older_serial_and_what_is_not_a_state() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.run("apply -y").expect(0);
    let state = scene.state();
    let versions = scene.serials();
    let changed = |name: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut state = state.clone();
        change(&mut state);
        scene.folder.write(name, format!("{state:#}\n"));
    };
    changed("older.json", &|state| state["serial"] = json!(1));
    changed("equal.json", &|state| state["keys"] = json!([]));
    changed("foreign.json", &|state| {
        state["lineage"] = json!("00000000-0000-4000-8000-000000000000");
        state["serial"] = json!(7);
    });
    changed("newer.json", &|state| state["serial"] = json!(7));
    scene.folder.write("broken.json", "{}");
    let files = ["older.json", "equal.json", "foreign.json", "broken.json", "missing.json"];
    let runs = files.map(|file| scene.run(&format!("state push {file}")).expect(1).to_string());
    assert_snapshot!("push_refused", runs.join("\n"));
    assert_eq!(scene.serials(), versions);
    scene.run("state push newer.json").expect(0);
    assert_eq!(scene.serials(), [1, 2, 7]);
    // The next serial is greater than all.
    scene.folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    scene.run("apply -y").expect(0);
    assert_eq!(scene.serials(), [1, 2, 7, 8, 9]);
}

#[test]
fn the_token_of_the_account_never_reaches_the_server() {
    let scene = Scene::new("alice=1 bob=2", Dialect::GitLab);
    scene.run("apply -y -vv").expect(0);
    scene.run("plan").expect(0);
    let requests = scene.server.requests();
    assert!(requests.iter().any(|request| request.authorization.is_some() && request.headers.contains("keyform/")));
    for request in &requests {
        let sent = format!("{} {} {}", request.target, request.headers, String::from_utf8_lossy(&request.body));
        assert!(!sent.contains(TOKEN), "{request:?}");
    }
}

#[test]
fn a_state_without_results_cannot_be_pulled() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    assert_snapshot!("nothing_to_pull", scene.run("state pull").expect(1));
}

#[test]
fn a_push_does_not_replace_the_results_of_a_killed_run() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    scene.keyform("apply -y").env("KEYFORM_STATE", STATE).run().expect(0);
    let mut state = scene.folder.json(STATE);
    let header = json!({ "journal": 1, "lineage": state["lineage"], "serial": 1, "endpoint": state["endpoint"] });
    scene.folder.write(&format!("{STATE}.journal"), format!("{header}\n{{\"drop\":{{\"id\":\"x\"}}}}\n"));
    state["serial"] = json!(2);
    scene.folder.write("newer.json", state.to_string());
    let ran = scene.keyform("state push newer.json").env("KEYFORM_STATE", STATE).run();
    assert_snapshot!("push_over_journal", ran.expect(1));
    assert_eq!(scene.folder.json(STATE)["serial"], 1);
}

#[test]
fn unlock_names_the_holder_and_breaks_its_lock() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    assert_snapshot!("not_locked", scene.run("state unlock").expect(0));
    scene.server.change(NAME, |state| {
        state.lock = Some(json!({ "ID": "abandoned", "Created": "2026-11-23T10:00:00.123Z" }));
        state.locked_by = "maria".to_owned();
    });
    let ages = |text: String| {
        text.split(" min ago").map(|part| part.trim_end_matches(char::is_numeric)).collect::<Vec<_>>().join("N")
    };
    assert_snapshot!("unlock_unasked", ages(scene.run("state unlock").expect(1).to_string()));
    assert!(scene.is_locked());
    assert_snapshot!("unlock_approved", ages(scene.run("state unlock --auto-approve").expect(0).to_string()));
    assert!(!scene.is_locked());
    // It named the lock that it showed.
    let last = scene.server.requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.body), ("DELETE", br#"{"ID":"abandoned"}"#.to_vec()));
    scene.run("apply -y").expect(0);
    scene.is_complete(1);
}

#[test]
fn a_lock_that_the_server_does_not_name_is_not_said_to_be_broken() {
    let scene = Scene::new("alice=1", Dialect::Gitea);
    scene.server.change(NAME, |state| state.lock = Some(json!({ "ID": "abandoned" })));
    assert_snapshot!("unlock_unnamed", scene.run("state unlock -y").expect(1));
    assert!(scene.is_locked());
}

#[test]
fn the_address_of_a_lock_is_not_that_of_a_state() {
    let scene = Scene::new("alice=1", Dialect::GitLab);
    let lock = format!("{}/lock", scene.server.url(NAME));
    assert_snapshot!("address_of_a_lock", scene.keyform("plan").env("KEYFORM_STATE", &lock).run().expect(1));
    // A slash at the end is not a part of the name.
    scene.keyform("apply -y").env("KEYFORM_STATE", &format!("{}/", scene.server.url(NAME))).run().expect(0);
    scene.is_complete(1);
}

#[test]
fn the_lock_of_a_file_ends_with_its_process_only() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("state unlock -y").run().expect(0);
    let file = std::fs::File::create(folder.path(&format!("{STATE}.lock"))).unwrap();
    file.lock().unwrap();
    assert_snapshot!("unlock_file", folder.keyform("state unlock -y").run().expect(1));
    drop(file);
    folder.keyform("state unlock").run().expect(0);
    folder.keyform("apply -y").on(&account).run().expect(0);
}
