//! Approval: saved plans, digests, and guards against plans that remove access by mistake.

use insta::assert_snapshot;
use keyform::emulator::{DuplicateKey, Emulator, EmulatorConfig, NewRow};

use crate::support::keys;
use crate::support::program::{Folder, Ran, STATE, account, account_with, manifest};

/// An account and a folder whose manifest was applied, and then changed.
fn changed(from: &str, to: &str) -> (Emulator, Folder) {
    let (account, folder) = (account(), Folder::of(from));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest(to));
    (account, folder)
}

/// Runs a command, and checks that it fails without changing anything.
fn fails_before_any_write(account: &Emulator, folder: &Folder, command: &str, code: i32) -> Ran {
    let (rows, state) = (account.api().rows(), folder.read(STATE));
    let ran = folder.keyform(command).on(account).run().expect(code);
    assert_eq!((account.api().rows(), folder.read(STATE)), (rows, state));
    ran
}

fn digest(ran: &Ran) -> String {
    ran.stdout.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap().to_owned()
}

#[test]
fn a_saved_plan_is_applied_once_and_without_its_manifest() {
    let (account, folder) = changed("alice=1* bob=2", "alice=3* carol=4");
    folder.keyform("plan --out approved.json").on(&account).run().expect(0);
    folder.write("keyform.yaml", "the manifest is not read");
    assert_snapshot!("saved_plan_applied", folder.keyform("apply -y approved.json").on(&account).run().expect(0));
    let names: Vec<_> = folder.recorded().into_keys().collect();
    assert_eq!(names, ["alice", "carol"]);
    assert_snapshot!("saved_plan_again", fails_before_any_write(&account, &folder, "apply -y approved.json", 1));
}

#[test]
fn a_saved_plan_that_was_tampered_with_is_refused() {
    let (account, folder) = changed("alice=1* bob=2", "alice=1* bob=3");
    folder.keyform("plan --out approved.json").on(&account).run().expect(0);
    let plan = folder.read("approved.json");
    folder.write("approved.json", plan.replace("\"name\": \"bob\"", "\"name\": \"eve\""));
    assert_snapshot!("tampered_plan", fails_before_any_write(&account, &folder, "apply -y approved.json", 1));
    folder.write("approved.json", "{}");
    assert_snapshot!("no_plan", fails_before_any_write(&account, &folder, "apply -y approved.json", 1));
    assert_snapshot!("missing_plan", fails_before_any_write(&account, &folder, "apply -y nowhere.json", 1));
}

#[test]
fn a_saved_plan_cannot_weaken_a_guard() {
    let (account, folder) = changed("alice=1* bob=2 carol=3 dave=4", "alice=1*");
    folder.keyform("plan --out approved.json").on(&account).run().expect(3);
    // The number of managed keys comes from the state.
    let plan = folder.read("approved.json");
    folder.write("approved.json", plan.replacen("\"managed\": 4", "\"managed\": 400", 1));
    fails_before_any_write(&account, &folder, "apply -y approved.json", 3);
    folder.keyform("apply -y approved.json --allow-deletes 3").on(&account).run().expect(0);
}

#[test]
fn a_saved_plan_can_be_checked_against_a_digest() {
    let (account, folder) = changed("alice=1*", "alice=1* bob=2");
    let approved = digest(&folder.keyform("plan --out approved.json").on(&account).run().expect(0));
    let other = format!("sha256:{}", "0".repeat(64));
    fails_before_any_write(&account, &folder, &format!("apply -y approved.json --plan-digest {other}"), 1);
    folder.keyform(&format!("apply -y approved.json --plan-digest {approved}")).on(&account).run().expect(0);
}

#[test]
fn the_token_is_not_sent_to_another_endpoint_than_that_of_the_state() {
    let (account, folder) = changed("alice=1*", "alice=1* bob=2");
    let other = account_with(EmulatorConfig::default());
    for command in ["plan", "apply -y"] {
        folder.keyform(command).on(&other).run().expect(1);
    }
    assert_eq!(other.api().stats().received, 0);
    folder.keyform("plan").on(&account).run().expect(0);
}

#[test]
fn a_saved_plan_for_another_account_is_refused() {
    let (account, folder) = changed("alice=1*", "alice=1* bob=2");
    folder.keyform("plan --out approved.json").on(&account).run().expect(0);
    let other = account_with(EmulatorConfig { user_id: "somebody-else".to_owned(), ..EmulatorConfig::default() });
    assert_snapshot!("plan_for_another", fails_before_any_write(&other, &folder, "apply -y approved.json", 1));
}

#[test]
fn a_saved_plan_that_is_out_of_date_lists_every_difference() {
    let (account, folder) = changed("alice=1* bob=2", "alice=1* carol=3");
    folder.keyform("plan --out approved.json").on(&account).run().expect(0);
    account.api().remove(&folder.recorded()["bob"]).unwrap();
    let (name, public_key) = ("somebody".to_owned(), keys::line(3));
    account.api().insert(NewRow { name, public_key, is_primary: false, is_user_key: true }).unwrap();
    assert_snapshot!("plan_out_of_date", fails_before_any_write(&account, &folder, "apply -y approved.json", 1));
}

#[test]
fn only_the_plan_with_the_approved_digest_runs() {
    let (account, folder) = changed("alice=1* bob=2", "alice=1* bob=3");
    let approved = digest(&folder.keyform("plan").on(&account).run().expect(0));
    folder.write("keyform.yaml", manifest("alice=1* bob=4"));
    let apply = format!("apply -y --plan-digest {approved}");
    assert_snapshot!("digest_of_another", fails_before_any_write(&account, &folder, &apply, 1));
    fails_before_any_write(&account, &folder, "apply -y --plan-digest sha256:short", 1);
    folder.write("keyform.yaml", manifest("alice=1* bob=3"));
    folder.keyform(&apply).on(&account).run().expect(0);
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
}

#[test]
fn an_emptied_manifest_deletes_nothing_without_its_flags() {
    let (account, folder) = changed("alice=1 bob=2 carol=3", "");
    assert_snapshot!("emptied_manifest", fails_before_any_write(&account, &folder, "apply -y", 3));
    assert_snapshot!("wrong_manifest_path", fails_before_any_write(&account, &folder, "apply -y -f nowhere", 1));
    folder.keyform("apply -y --allow-deletes 3 --allow-primary-loss").on(&account).run().expect(0);
    assert_eq!(account.api().rows(), []);
}

#[test]
fn destroy_deletes_every_managed_key_and_guards_apply() {
    let (account, folder) = changed("alice=1* bob=2! carol=3", "alice=1* bob=2! carol=3");
    let (name, public_key) = ("not ours".to_owned(), keys::line(9));
    account.api().insert(NewRow { name, public_key, is_primary: false, is_user_key: true }).unwrap();
    assert_snapshot!("destroy_refused", fails_before_any_write(&account, &folder, "apply -y --destroy", 3));
    let all = "apply -y --destroy --allow-deletes 3 --allow-primary-loss --allow-protected bob";
    folder.keyform(all).on(&account).run().expect(0);
    let left: Vec<_> = account.api().rows().into_iter().map(|row| row.name).collect();
    assert_eq!((left, folder.recorded().len()), (vec!["not ours".to_owned()], 0));
}

#[test]
fn a_target_limits_a_plan_and_the_plan_shows_it() {
    let (account, folder) = changed("alice=1* bob=2 carol=3", "alice=1* bob=4 dave=5");
    assert_snapshot!("partial_plan", folder.keyform("plan --target bob").on(&account).run().expect(0));
    folder.keyform("apply -y --target bob").on(&account).run().expect(0);
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice", "bob", "carol"]);
    assert_snapshot!("unknown_target", fails_before_any_write(&account, &folder, "apply -y --target bop", 1));
}

#[test]
fn a_new_account_name_on_an_account_that_refuses_duplicates_explains_how() {
    let account = account_with(EmulatorConfig {
        behaviour: keyform::emulator::Behaviour { duplicate_key: DuplicateKey::Refuse, ..Default::default() },
        ..EmulatorConfig::default()
    });
    let folder = Folder::of("alice=1* bob=2");
    folder.keyform("apply -y").on(&account).run().expect(0);
    let renamed = manifest("alice=1* bob=2").replace("- name: bob\n", "- name: bob\n    accountName: bob-desktop\n");
    folder.write("keyform.yaml", &renamed);
    assert_snapshot!("rename_refused", fails_before_any_write(&account, &folder, "apply -y", 1));
    folder.write("keyform.yaml", manifest("alice=1*"));
    folder.keyform("apply -y --allow-deletes 1").on(&account).run().expect(0);
    folder.write("keyform.yaml", &renamed);
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
}
