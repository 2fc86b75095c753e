//! States that cannot be written, or that change during an apply: no result is lost.

use std::fs;
use std::process::Command;
use std::time::Duration;

use insta::assert_snapshot;
use keyform::emulator::{Emulator, FaultKind, Faults, Method};

use crate::signals::second_upload_meets;
use crate::support::program::{Folder, Ran, STATE, TOKEN, account, manifest, until};

/// Starts an account whose second upload takes a second, time enough to change files.
fn slow() -> Emulator {
    let faults = Faults { latency: Duration::from_secs(1), jitter: Duration::ZERO, ..Faults::default() };
    second_upload_meets(FaultKind::Latency, faults)
}

/// Applies, and calls `change` during the second upload, which is the `requests`-th request from now.
fn during_upload(folder: &Folder, account: &Emulator, arguments: &str, requests: u64, change: impl FnOnce()) -> Ran {
    let before = account.api().stats().received;
    let running = folder.keyform(arguments).on(account).start();
    until("the second upload", || account.api().stats().received >= before + requests);
    change();
    running.end()
}

/// Checks that every key is on the account and recorded with this origin, and was uploaded once.
fn each_key_was_uploaded_once(folder: &Folder, account: &Emulator, state: &str, origin: &str, keys: usize) {
    let state = folder.json(state);
    let recorded = state["keys"].as_array().unwrap();
    assert!(recorded.iter().all(|key| key["origin"] == origin), "{state:#}");
    let posts = account.api().stats().count(&Method::POST);
    assert_eq!((recorded.len(), account.api().rows().len(), posts), (keys, keys, u64::try_from(keys).unwrap()));
}

/// Returns the results that a run has printed, one JSON object per line.
fn printed(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| line.starts_with('{')).collect()
}

#[test]
fn results_are_printed_if_the_folder_of_the_state_disappears_and_the_next_apply_adopts_the_keys() {
    let (account, folder) = (slow(), Folder::of("alice=1 bob=2"));
    fs::create_dir(folder.path("states")).unwrap();
    let state = "--state states/keyform.state.json";
    let ran = during_upload(&folder, &account, &format!("apply -y {state}"), 3, || {
        fs::rename(folder.path("states"), folder.path("moved")).unwrap();
        fs::write(folder.path("states"), "a file where the folder was").unwrap();
    });
    assert_snapshot!("folder_gone", ran);

    fs::remove_file(folder.path("states")).unwrap();
    fs::create_dir(folder.path("states")).unwrap();
    folder.keyform(&format!("apply -y {state} --allow-new-state")).on(&account).run().expect(0);
    each_key_was_uploaded_once(&folder, &account, "states/keyform.state.json", "adopted", 2);
    folder.keyform(&format!("plan --detailed-exitcode {state}")).on(&account).run().expect(0);
}

/// Applies with a limit of `blocks` × 512 bytes per file. Returns stderr.
fn apply_within(folder: &Folder, account: &Emulator, blocks: u32) -> String {
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_keyform"), "apply", "-y"]);
    command.current_dir(folder.path("")).env_clear().env("KEYFORM_CONCURRENCY", "3");
    command.env("KEYFORM_LISTING_LAG", "0").env("KEYFORM_TEST_CAP_MS", "200");
    let output = command.env("PRIME_API_KEY", TOKEN).env("PRIME_API_BASE_URL", account.url()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write keyform.state.json.journal: File too large"), "{stderr}");
    assert!(stderr.contains("help: free some space, then run the command again"), "{stderr}");
    stderr
}

#[test]
fn on_a_full_disk_results_are_printed_and_the_next_apply_finds_them_on_the_account() {
    let keys =
        |number: u64| (0..number).map(|number| format!("key-{number:02}={number}")).collect::<Vec<_>>().join(" ");
    let (account, folder) = (account(), Folder::of(&keys(24)));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest(&keys(44)));
    // The intents fit, and so do the first ids; the state does not.
    let stderr = apply_within(&folder, &account, 14);
    let journal = "the results are in keyform.state.json.journal, and the next apply reads them";
    assert!(stderr.contains(journal), "{stderr}");
    assert!(printed(&stderr).iter().all(|line| line.starts_with("{\"record\":")), "{stderr}");
    assert!(!printed(&stderr).is_empty(), "{stderr}");
    let stored = account.api().rows().len();
    assert!((25..44).contains(&stored), "an upload whose intent cannot be saved is not sent: {stored} keys");

    folder.keyform("apply -y").on(&account).run().expect(0);
    each_key_was_uploaded_once(&folder, &account, STATE, "uploaded", 44);
}

#[test]
fn without_space_for_an_intent_no_request_is_sent() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2 carol=3 dave=4"));
    apply_within(&folder, &account, 1);
    assert_eq!(account.api().stats().count(&Method::POST), 0);
    folder.keyform("apply -y").on(&account).run().expect(0);
    each_key_was_uploaded_once(&folder, &account, STATE, "uploaded", 4);
}

#[test]
fn a_state_that_is_removed_during_an_apply_is_written_again() {
    let (account, folder) = (slow(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    during_upload(&folder, &account, "apply -y", 2, || {
        fs::remove_file(folder.path(STATE)).unwrap();
        fs::remove_file(folder.path("keyform.state.json.journal")).unwrap();
    })
    .expect(0);
    each_key_was_uploaded_once(&folder, &account, STATE, "uploaded", 2);
}

#[test]
fn a_state_that_is_changed_during_an_apply_is_left_alone_and_the_journal_is_kept() {
    let (account, folder) = (slow(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let before = folder.read(STATE);
    folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    let other = before.replace("\"serial\": 1", "\"serial\": 7");
    assert_snapshot!("state_changed", during_upload(&folder, &account, "apply -y", 2, || folder.write(STATE, &other)));
    assert_eq!(folder.read(STATE), other);

    folder.write(STATE, &before);
    folder.keyform("apply -y").on(&account).run().expect(0);
    each_key_was_uploaded_once(&folder, &account, STATE, "uploaded", 2);
}
