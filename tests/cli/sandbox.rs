//! The sandbox writes only to its own folder.

use insta::assert_snapshot;

use crate::support::program::{Folder, STATE, TOKEN, account};

#[test]
fn the_sandbox_writes_only_to_its_folder_and_contacts_no_account() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.write(STATE, "the real state, which is not read");
    let before = folder.files();
    let real = |arguments: &str| folder.keyform(arguments).on(&account).env("KEYFORM_STATE", "elsewhere.json");
    assert_snapshot!("sandbox_apply", real("apply --sandbox -y").run().expect(0));
    assert_snapshot!("sandbox_plan", real("plan --sandbox").run().expect(0));
    real("plan --sandbox --offline --detailed-exitcode").run().expect(0);
    assert_snapshot!("sandbox_state", real("state list --sandbox").run().expect(0));
    assert_eq!(account.api().stats().connections, 0);

    let mut after = folder.files();
    let own: Vec<_> = after.extract_if(.., |name, _| name.starts_with(".keyform/")).map(|(name, _)| name).collect();
    assert_eq!(after, before);
    assert_snapshot!(own.join("\n"), @r"
    .keyform/.gitignore
    .keyform/account.jsonl
    .keyform/keyform.state.json
    ");
}

#[test]
fn the_sandbox_needs_no_token_and_no_home() {
    let folder = Folder::of("alice=1");
    folder.keyform("plan --sandbox").env("HOME", "").run().expect(0);
    folder.keyform("apply -y").env("KEYFORM_SANDBOX", "1").run().expect(0);
    assert!(!TOKEN.is_empty() && !folder.path(STATE).exists());
}

#[cfg(unix)]
#[test]
fn a_sandbox_that_leads_to_another_folder_is_refused() {
    let folder = Folder::of("alice=1");
    folder.write("elsewhere/notes", "mine");
    std::os::unix::fs::symlink("elsewhere", folder.path(".keyform")).unwrap();
    let before = folder.files();
    for arguments in ["apply -y --sandbox", "plan --sandbox", "plan --sandbox --offline", "state list --sandbox"] {
        let ran = folder.keyform(arguments).run().expect(1);
        assert!(ran.stderr.contains(".keyform is a symbolic link"), "{ran}");
    }
    assert_eq!(folder.files(), before);
}

#[test]
fn a_file_in_the_place_of_the_sandbox_is_named() {
    let folder = Folder::of("alice=1");
    folder.write(".keyform", "");
    for arguments in ["plan --sandbox", "apply -y --sandbox", "state list --sandbox"] {
        let ran = folder.keyform(arguments).run().expect(1);
        assert!(ran.stderr.contains(".keyform is not a folder"), "{ran}");
    }
    assert_eq!(folder.read(".keyform"), "");
}
