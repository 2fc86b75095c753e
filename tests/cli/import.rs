//! `import` and `state forget`.

use insta::assert_snapshot;
use keyform::emulator::NewRow;

use crate::support::keys;
use crate::support::program::{Folder, STATE, account, manifest};

/// An account that was used by hand: duplicate names, names that are invalid in a manifest, a duplicate key, a weak one.
fn grown() -> (keyform::emulator::Emulator, Folder) {
    let account = account();
    for (name, public_key) in [
        ("alice", keys::line(1)),
        ("alice", keys::line(2)),
        ("  bob\u{202e}\u{7} ", keys::line(3)),
        ("yes", keys::line(4)),
        ("copy of yes", keys::line(4)),
        ("", keys::line(5)),
        ("2027-06-30", keys::line(6)),
        ("it's: \"quoted\" # not", keys::line(7)),
        ("NULL", keys::line(8)),
        ("weak", "ssh-dss AAAAB3NzaC1kc3M=".to_owned()),
    ] {
        let is_primary = name == "yes";
        account.api().insert(NewRow { name: name.to_owned(), public_key, is_primary, is_user_key: true }).unwrap();
    }
    (account, Folder::new())
}

#[test]
fn an_imported_manifest_is_valid_and_planning_it_adopts_only() {
    let (account, folder) = grown();
    assert_snapshot!("import", folder.keyform("import").on(&account).run().expect(0));
    folder.keyform("import --out keyform.yaml").on(&account).run().expect(0);
    folder.keyform("validate").on(&account).run().expect(0);
    let plan = folder.keyform("plan --allow-new-state").on(&account).run().expect(0);
    assert!(plan.stdout.contains("Plan: 8 to adopt (=). 0 unchanged"), "{}", plan.stdout);
    let before = folder.read("keyform.yaml");
    assert_snapshot!("import_over", folder.keyform("import --out keyform.yaml").on(&account).run().expect(1));
    assert_eq!(folder.read("keyform.yaml"), before);
}

#[test]
fn unmanaged_keys_can_be_imported_alone() {
    let (account, folder) = grown();
    folder.write("keyform.yaml", manifest("alice=1 yesterday=4*"));
    assert_snapshot!("import_unmanaged", folder.keyform("import --unmanaged").on(&account).run().expect(0));
}

#[test]
fn an_empty_account_imports_as_an_empty_manifest() {
    let (account, folder) = (account(), Folder::new());
    assert_snapshot!("import_of_nothing", folder.keyform("import").on(&account).run().expect(0));
}

#[test]
fn a_forgotten_key_stays_on_the_account_and_is_no_longer_managed() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2 carol=3"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let rows = account.api().rows();
    assert_snapshot!("forget", folder.keyform("state forget bob carol").run().expect(0));
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice"]);
    folder.write("keyform.yaml", manifest("alice=1*"));
    assert_snapshot!("after_forget", folder.keyform("plan").on(&account).run().expect(0));
    assert_eq!(account.api().rows(), rows);
    // A row that is still to be deleted after it was replaced is forgotten with its name.
    let mut replaced = folder.json(STATE);
    replaced["replaced"] = serde_json::Value::Array(vec![replaced["keys"][0].clone()]);
    replaced["replaced"][0]["id"] = "old-row".into();
    folder.write(STATE, replaced.to_string());
    assert!(folder.keyform("state list").run().expect(0).stdout.contains("old-row  replaced, still to be deleted"));
    let forgot = folder.keyform("state forget alice").run().expect(0);
    assert!(forgot.stdout.contains("old-row stays on the account"), "{forgot}");
    assert!(folder.json(STATE).get("replaced").is_none());
    folder.write(STATE, replaced.to_string());
    let state = folder.read(STATE);
    assert_snapshot!("forget_unknown", folder.keyform("state forget alice bop").run().expect(1));
    assert_eq!(folder.read(STATE), state, "all or none");
}
