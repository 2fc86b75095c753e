//! `state rebuild`: a state from the manifest and the account.

use insta::assert_snapshot;
use keyform::emulator::{Emulator, Method, NewRow};

use crate::support::keys;
use crate::support::program::{Folder, STATE, account, manifest};

const JOURNAL: &str = "keyform.state.json.journal";

/// Two keys on the account and in the state, and a third only in the manifest.
fn applied() -> (Emulator, Folder) {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1* bob=2 carol=3"));
    (account, folder)
}

#[test]
fn a_broken_state_is_rebuilt_and_kept_aside() {
    let (account, folder) = applied();
    let (whole, recorded) = (folder.read(STATE), folder.recorded());
    let mut forged = folder.json(STATE);
    forged["keys"][0]["fingerprint"] = forged["keys"][1]["fingerprint"].clone();
    let broken = ["", &whole[..200], "<<<<<<< HEAD\n", &forged.to_string()];
    for (number, broken) in broken.iter().enumerate() {
        folder.write(STATE, broken);
        folder.keyform("plan").on(&account).run().expect(1);
        let ran = folder.keyform("state rebuild").on(&account).run().expect(0);
        let kept = if number == 0 { format!("{STATE}.old") } else { format!("{STATE}.old-{}", number + 1) };
        assert_eq!(folder.read(&kept), **broken, "{ran}");
        assert_eq!(folder.recorded(), recorded);
        if number == 1 {
            assert_snapshot!("rebuilt", ran);
        }
    }
    assert_eq!(account.api().stats().count(&Method::POST), 2, "a rebuild changes nothing on the account");
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
    assert!(account.api().duplicates().is_empty());
}

#[test]
fn a_journal_of_another_state_is_kept_aside_too() {
    let (account, folder) = applied();
    folder.write(JOURNAL, "{\"not\": \"ours\"}\n");
    folder.keyform("state list").run().expect(1);
    let ran = folder.keyform("state rebuild").on(&account).run().expect(1);
    assert!(ran.stderr.contains("cannot ask to replace a readable state"), "it is readable without the journal: {ran}");
    assert_snapshot!("rebuilt_with_journal", folder.keyform("state rebuild -y").on(&account).run().expect(0));
    assert!(!folder.path(JOURNAL).exists());
    assert_eq!(folder.read(&format!("{JOURNAL}.old")), "{\"not\": \"ours\"}\n");
    folder.keyform("state list").run().expect(0);
}

#[test]
fn a_missing_state_is_rebuilt_and_a_readable_one_is_replaced_only_with_approval() {
    let (account, folder) = applied();
    folder.write("keyform.yaml", manifest("alice=1*"));
    let before = folder.read(STATE);
    assert_snapshot!("rebuild_unapproved", folder.keyform("state rebuild").on(&account).stdin("yes\n").run().expect(1));
    assert_eq!(folder.read(STATE), before);
    let ran = folder.keyform("state rebuild --auto-approve").on(&account).run().expect(0);
    assert_snapshot!("rebuild_approved", ran);
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice"]);
    assert_eq!(folder.read(&format!("{STATE}.old")), before);
    assert_ne!(folder.json(STATE)["lineage"], serde_json::from_str::<serde_json::Value>(&before).unwrap()["lineage"]);

    std::fs::remove_file(folder.path(STATE)).unwrap();
    let made = folder.keyform("state rebuild --endpoint").argument(account.url()).on(&account).run().expect(0);
    assert!(!made.stdout.contains("Kept"), "{made}");
    assert_eq!(folder.recorded().len(), 1);
}

#[test]
fn a_rebuild_keeps_expired_keys_and_names_rows_that_it_cannot_record() {
    let (account, folder) = (account(), Folder::new());
    let manifest = manifest("alice=1 bob=2")
        .replace("- name: bob\n", "- name: bob\n    owner: bob@x.io\n    expires: 2020-01-01\n");
    folder.write("keyform.yaml", manifest);
    for (name, public_key) in [
        ("alice", keys::line(1)),
        ("copy", keys::line(1)),
        ("bob", keys::line(2)),
        ("both", format!("{}\n{}", keys::line(2), keys::line(3))),
        ("options", format!("restrict {}", keys::line(4))),
        ("odd", "no key at all".to_owned()),
    ] {
        let row = NewRow { name: name.to_owned(), public_key, is_primary: false, is_user_key: true };
        account.api().insert(row).unwrap();
    }
    assert_snapshot!("rebuilt_with_other_rows", folder.keyform("state rebuild").on(&account).run().expect(0));
    assert_eq!(folder.json(STATE)["keys"][1]["expires"], "2020-01-01");
    assert_snapshot!("plan_with_other_rows", folder.keyform("plan").on(&account).run().expect(0));
    assert_snapshot!("import_of_other_rows", folder.keyform("import").on(&account).run().expect(0));
}

#[test]
fn a_rebuild_respects_the_pin_the_account_of_the_state_and_the_lock() {
    let (account, folder) = applied();
    let before = folder.read(STATE);
    folder.write("keyform.yaml", manifest("alice=1").replace("keys:", "account:\n  userId: cm4xsomebodyelse\nkeys:"));
    folder.keyform("state rebuild -y").on(&account).run().expect(3);
    folder.write("keyform.yaml", manifest("alice=1"));
    folder.write(STATE, before.replace(&account.url(), "https://api.example.com"));
    let ran = folder.keyform("state rebuild -y").on(&account).run().expect(1);
    assert!(ran.stderr.contains("the state belongs to https://api.example.com"), "{ran}");
    folder.write(STATE, before.replace("\"version\": 1", "\"version\": 2"));
    let ran = folder.keyform("state rebuild -y").on(&account).run().expect(1);
    assert!(ran.stderr.contains("has version 2"), "a state of a newer keyform is not broken: {ran}");
    let lock = crate::locks::hold(&folder);
    let ran = folder.keyform("state rebuild -y").on(&account).run().expect(1);
    assert!(ran.stderr.contains("is locked by"), "{ran}");
    drop(lock);
    assert!(!folder.path(&format!("{STATE}.old")).exists());
}
