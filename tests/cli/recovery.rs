//! A state that cannot be written, or changes while it is: nothing that was learned is lost.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use insta::assert_snapshot;
use keyform::emulator::{Emulator, FaultKind, Faults, Method};

use crate::signals::second_upload_meets;
use crate::support::program::{Folder, Ran, STATE, TOKEN, account, manifest, until};

/// An account on which the second upload takes long enough for something to happen meanwhile.
fn slow() -> Emulator {
    let faults = Faults { latency: Duration::from_secs(1), jitter: Duration::ZERO, ..Faults::default() };
    second_upload_meets(FaultKind::Latency, faults)
}

/// Applies, and does something to the files while the second key is under way, which is so many requests from now.
fn meanwhile(folder: &Folder, account: &Emulator, arguments: &str, requests: u64, happen: impl FnOnce()) -> Ran {
    let before = account.api().stats().received;
    fs::create_dir_all(folder.path("tmp")).unwrap();
    let tmp = folder.path("tmp").to_str().unwrap().to_owned();
    let running = folder.keyform(arguments).env("TMPDIR", &tmp).on(account).start();
    until("the second upload", || account.api().stats().received >= before + requests);
    happen();
    running.end()
}

/// The one recovery file that there is.
fn recovery_file(folder: &Folder) -> PathBuf {
    let mut files = fs::read_dir(folder.path("tmp")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert!(files.next().is_none());
    file
}

/// Checks that every key is there and recorded as uploaded, and was sent once.
fn each_key_went_up_once(folder: &Folder, account: &Emulator, state: &str, keys: usize) {
    let state = folder.json(state);
    let recorded = state["keys"].as_array().unwrap();
    assert!(recorded.iter().all(|key| key["origin"] == "uploaded"), "{state:#}");
    let posts = account.api().stats().count(&Method::POST);
    assert_eq!((recorded.len(), account.api().rows().len(), posts), (keys, keys, u64::try_from(keys).unwrap()));
}

#[test]
fn what_a_run_learned_is_kept_elsewhere_if_its_folder_goes_and_the_next_run_reads_it() {
    let (account, folder) = (slow(), Folder::of("alice=1 bob=2"));
    fs::create_dir(folder.path("states")).unwrap();
    let apply = "apply -y --state states/keyform.state.json";
    let ran = meanwhile(&folder, &account, apply, 3, || {
        fs::rename(folder.path("states"), folder.path("moved")).unwrap();
        fs::write(folder.path("states"), "a file where the folder was").unwrap();
    });
    assert_snapshot!("folder_gone", ran);

    let file = recovery_file(&folder);
    let printed: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(fs::read_to_string(&file).unwrap().lines().collect::<Vec<_>>(), printed);
    fs::remove_file(folder.path("states")).unwrap();
    fs::create_dir(folder.path("states")).unwrap();
    let recover = |command: &str| {
        folder
            .keyform(&format!("{command} --state states/keyform.state.json --recover"))
            .argument(&file)
            .on(&account)
            .run()
    };
    assert!(recover("plan").stdout.contains("2 unchanged, 0 unmanaged"));
    folder.write("keyform.yaml", manifest("alice=1 bob=2 carol=3"));
    let command = recover("plan --format markdown").stdout;
    folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    assert!(command.contains(&format!("--recover {}", file.display())), "what the plan depends on: {command}");
    recover("apply -y").expect(0);
    each_key_went_up_once(&folder, &account, "states/keyform.state.json", 2);
    assert_snapshot!("recovered_already", recover("apply -y"));
    folder.keyform("plan --detailed-exitcode --state states/keyform.state.json").on(&account).run().expect(0);
}

#[test]
fn what_a_run_learned_is_read_on_no_other_state() {
    let (account, folder) = (slow(), Folder::of("alice=1 bob=2"));
    folder.write("states/keep", "");
    let apply = "apply -y --state states/keyform.state.json";
    meanwhile(&folder, &account, apply, 3, || fs::remove_dir_all(folder.path("states")).unwrap()).expect(1);
    let file = recovery_file(&folder);

    let other = Folder::of("carol=3");
    other.keyform("apply -y").on(&account).run().expect(0);
    let before = other.read(STATE);
    let ran = other.keyform("apply -y --recover").argument(&file).on(&account).run().expect(1);
    assert!(ran.stderr.contains("belongs to another state") && ran.stderr.contains("help: "), "{ran}");
    assert_eq!(other.read(STATE), before);
    let ran = other.keyform("plan --recover nowhere").on(&account).run().expect(1);
    assert!(ran.stderr.contains("cannot read the recovery file nowhere") && ran.stderr.contains("help: "), "{ran}");
}

/// Applies where no file may be larger than so many blocks of 512 bytes. Returns what it says on stderr.
fn apply_within(folder: &Folder, account: &Emulator, blocks: u32) -> String {
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_keyform"), "apply", "-y"]);
    command.current_dir(folder.path("")).env_clear().env("KEYFORM_CONCURRENCY", "3");
    let output = command.env("PRIME_API_KEY", TOKEN).env("PRIME_API_BASE_URL", account.url()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write keyform.state.json.journal: File too large"), "{stderr}");
    assert!(stderr.contains("help: make room for it, then run the same command again"), "{stderr}");
    stderr
}

#[test]
fn on_a_full_disk_what_was_learned_is_printed_for_the_next_run_to_read() {
    let keys =
        |number: u64| (0..number).map(|number| format!("key-{number:02}={number}")).collect::<Vec<_>>().join(" ");
    let (account, folder) = (account(), Folder::of(&keys(8)));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest(&keys(28)));
    // The intents fit, and so do the first ids; the state with both does not.
    let stderr = apply_within(&folder, &account, 8);
    assert!(stderr.contains("kept nowhere: put the lines above into a file"), "{stderr}");
    let stored = account.api().rows().len();
    assert!((9..28).contains(&stored), "what cannot be written down is not begun: {stored} keys");

    let printed: String = stderr.lines().filter(|line| line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    folder.write("printed", printed);
    folder.keyform("apply -y --recover printed").on(&account).run().expect(0);
    each_key_went_up_once(&folder, &account, STATE, 28);
}

#[test]
fn without_room_for_the_intent_nothing_is_sent_and_the_error_says_why() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2 carol=3 dave=4"));
    apply_within(&folder, &account, 1);
    assert_eq!(account.api().stats().count(&Method::POST), 0);
    folder.keyform("apply -y").on(&account).run().expect(0);
    each_key_went_up_once(&folder, &account, STATE, 4);
}

#[test]
fn a_state_that_is_removed_during_an_apply_is_written_anew() {
    let (account, folder) = (slow(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    meanwhile(&folder, &account, "apply -y", 2, || {
        fs::remove_file(folder.path(STATE)).unwrap();
        fs::remove_file(folder.path("keyform.state.json.journal")).unwrap();
    })
    .expect(0);
    each_key_went_up_once(&folder, &account, STATE, 2);
}

#[test]
fn a_state_that_is_changed_during_an_apply_is_left_alone_and_the_journal_is_kept() {
    let (account, folder) = (slow(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let before = folder.read(STATE);
    folder.write("keyform.yaml", manifest("alice=1 bob=2"));
    let other = before.replace("\"serial\": 1", "\"serial\": 7");
    assert_snapshot!("state_changed", meanwhile(&folder, &account, "apply -y", 2, || folder.write(STATE, &other)));
    assert_eq!(folder.read(STATE), other);

    let file = recovery_file(&folder);
    folder.write(STATE, &before);
    folder.keyform("apply -y --recover").argument(&file).on(&account).run().expect(0);
    each_key_went_up_once(&folder, &account, STATE, 2);
}
