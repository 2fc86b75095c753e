//! What plan and apply do with an account, a manifest and a state.

use std::fs;

use insta::assert_snapshot;
use keyform::emulator::{EmulatorConfig, FaultKind, Method, NewRow, Scopes, ScriptEntry};

use crate::support::keys;
use crate::support::program::{Folder, STATE, TOKEN, account, account_with, manifest};

/// Adds a row to the account as somebody else would.
fn row(name: &str, number: u64) -> NewRow {
    NewRow { name: name.to_owned(), public_key: keys::line(number), is_primary: false, is_user_key: true }
}

#[test]
fn a_first_apply_uploads_and_records_and_the_next_plan_is_empty() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2 carol=3"));
    assert_snapshot!("first_plan", folder.keyform("plan").on(&account).run());
    assert!(!folder.path(STATE).exists(), "a plan writes nothing");
    assert_snapshot!("first_apply", folder.keyform("apply -y").on(&account).run());
    let rows = account.api().rows();
    let stored: Vec<_> = rows.iter().map(|row| (row.name.clone(), row.id.clone())).collect();
    assert_eq!(folder.recorded().into_iter().collect::<Vec<_>>(), stored);
    assert_snapshot!("plan_without_changes", folder.keyform("plan").on(&account).run());

    let before = folder.files();
    assert_snapshot!("apply_without_changes", folder.keyform("apply -y").on(&account).run());
    let same = |name: &str| before.get(name) == folder.files().get(name);
    assert!(same(STATE) && same("keyform.yaml"));
    assert_eq!(account.api().rows(), rows);
}

#[test]
fn every_kind_of_action_is_shown_in_the_plan_and_the_outcome() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2 carol=3 dave=4"));
    account.api().insert(row("somebody's own", 5)).unwrap();
    account.api().insert(row("erin at home", 6)).unwrap();
    folder.keyform("apply -y").on(&account).run().expect(0);
    let dave = folder.recorded()["dave"].clone();
    account.api().remove(&dave).unwrap();
    folder.write("keyform.yaml", manifest("alice=7 bob-laptop=2 erin=6* frank=8"));
    assert_snapshot!("plan_of_every_kind", folder.keyform("plan --allow-primary-loss").on(&account).run());
    assert_snapshot!("apply_of_every_kind", folder.keyform("apply -y").on(&account).run());
    assert_snapshot!("plan_after_every_kind", folder.keyform("plan").on(&account).run());
}

#[test]
fn a_lost_state_is_recreated_by_adoption() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let (rows, recorded) = (account.api().rows(), folder.recorded());
    std::fs::remove_file(folder.path(STATE)).unwrap();
    assert_snapshot!("missing_state", folder.keyform("apply -y").on(&account).run().expect(3));
    assert_snapshot!("adoption", folder.keyform("apply -y --allow-new-state").on(&account).run().expect(0));
    assert_eq!((account.api().rows(), folder.recorded()), (rows, recorded));
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
}

#[test]
fn a_plan_exits_with_2_only_with_detailed_exitcode() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("plan").on(&account).run().expect(0);
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(2);
    folder.keyform("plan").env("KEYFORM_DETAILED_EXITCODE", "true").on(&account).run().expect(2);
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
}

#[test]
fn guards_refuse_with_3_and_name_the_flag_that_allows_it() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2! carol=3 dave=4"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let rows = account.api().rows();
    let state = folder.read(STATE);
    folder.write("keyform.yaml", manifest("bob=9! dave=4"));
    assert_snapshot!("guarded_plan", folder.keyform("plan").on(&account).run());
    folder.write("keyform.yaml", manifest("bob=9!"));
    assert_snapshot!("guarded_apply", folder.keyform("apply -y").on(&account).run());
    assert_eq!((account.api().rows(), folder.read(STATE)), (rows, state), "nothing was done");
    let acknowledged = "apply -y --allow-deletes 3 --allow-primary-loss --allow-protected bob";
    folder.keyform(acknowledged).on(&account).run().expect(0);
    assert_eq!(account.api().rows().len(), 1);
}

#[test]
fn a_pinned_account_refuses_every_other() {
    let (account, folder) = (account(), Folder::new());
    account.api().insert(row("somebody's own", 5)).unwrap();
    let pinned = manifest("alice=1").replace("keys:", "account:\n  userId: cm4xsomebodyelse\nkeys:");
    folder.write("keyform.yaml", pinned);
    assert_snapshot!("pinned", folder.keyform("apply -y").on(&account).run());
    assert_eq!(account.api().rows().len(), 1);
}

#[test]
fn a_violated_policy_is_3_and_a_broken_manifest_is_1() {
    let folder = Folder::new();
    let strict = manifest("alice=1").replace("keys:", "policy:\n  requireOwner: true\nkeys:");
    folder.write("keyform.yaml", &strict);
    for command in ["validate", "plan --offline", "apply -y --offline"] {
        let ran = folder.keyform(command).env("PRIME_API_KEY", TOKEN).run().expect(3);
        assert_snapshot!(format!("policy_{}", command.replace(' ', "_")), ran);
    }
    folder.write("keyform.yaml", strict.replace("publicKey:", "publickey:"));
    assert_snapshot!("policy_and_error", folder.keyform("plan --offline").run().expect(1));
}

#[test]
fn an_offline_plan_needs_no_token_and_no_network() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    assert_snapshot!("offline_without_state", folder.keyform("plan --offline").run());
    folder.keyform("apply -y").on(&account).run().expect(0);
    let requests = account.api().stats().received;
    folder.write("keyform.yaml", manifest("alice=1* carol=3"));
    let offline = folder.keyform("plan --offline").env("PRIME_API_BASE_URL", &account.url()).run();
    assert_snapshot!("offline_with_state", offline);
    assert_eq!(account.api().stats().received, requests);
}

#[test]
fn a_token_that_may_only_upload_is_enough_offline() {
    let account =
        account_with(EmulatorConfig { scopes: Scopes { read: false, write: true }, ..EmulatorConfig::default() });
    let folder = Folder::of("alice=1 bob=2");
    assert_snapshot!("apply_offline", folder.keyform("apply -y --offline").on(&account).run());
    assert_eq!(folder.recorded().len(), 2);
    assert_eq!(account.api().stats().count(&Method::GET), 0);
}

#[test]
fn manifests_of_a_folder_are_one_desired_set_with_one_state() {
    let (account, folder) = (account(), Folder::new());
    folder.write("keys/a-team.yaml", manifest("alice=1"));
    folder.write("keys/more/b-team.yml", manifest("bob=2*"));
    folder.write("c-team.yaml", manifest("carol=3"));
    for command in ["plan", "apply -y", "state list"] {
        assert_snapshot!(
            "folder_without_state",
            folder.keyform(&format!("{command} -f keys -f c-team.yaml")).on(&account).run().stderr
        );
    }
    assert_eq!(account.api().rows(), []);
    folder.keyform("apply -y -f keys -f c-team.yaml --state keys/keyform.state.json").on(&account).run().expect(0);
    assert_eq!(folder.json("keys/keyform.state.json")["keys"].as_array().unwrap().len(), 3);
    let files: Vec<_> = folder.files().into_keys().collect();
    assert!(!files.contains(&STATE.to_owned()), "{files:?}");
    assert_snapshot!("folder_validate", folder.keyform("validate -f keys -f c-team.yaml").run());
    let environment = folder.keyform("plan --detailed-exitcode").env("KEYFORM_MANIFEST", "keys").on(&account);
    environment.run().expect(2);
    folder.write("d-team.yaml", manifest("alice=4 dave=3"));
    assert_snapshot!("folder_clash", folder.keyform("validate -f keys -f c-team.yaml -f d-team.yaml").run());
}

#[test]
fn the_default_manifest_has_either_ending_and_is_one_file() {
    let (account, folder) = (account(), Folder::new());
    folder.write("keyform.yml", manifest("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!(folder.recorded().into_keys().collect::<Vec<_>>(), ["alice"]);
    folder.write("keyform.yaml", manifest("bob=2"));
    for command in ["validate", "plan", "apply -y"] {
        assert_snapshot!("two_defaults", folder.keyform(command).on(&account).run().expect(1).stderr);
    }
    folder.keyform("plan --detailed-exitcode -f keyform.yml").on(&account).run().expect(0);
}

#[test]
fn an_upload_without_a_response_is_looked_up_and_not_repeated() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2 carol=3"));
    account.api().script(ScriptEntry::fault(1, Method::POST, FaultKind::CloseAfter));
    account.api().script(ScriptEntry::pass(1, Method::POST));
    account.api().script(ScriptEntry::fault(1, Method::POST, FaultKind::ForeignJson));
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!(account.api().stats().count(&Method::POST), 3);
    assert_eq!((account.api().duplicates(), folder.recorded().len()), (Vec::new(), 3));
}

#[test]
fn without_a_terminal_apply_requires_auto_approve() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    assert_snapshot!("no_terminal", folder.keyform("apply").on(&account).stdin("yes\n").run());
    assert_eq!(account.api().stats().received, 0);
    folder.keyform("apply --auto-approve").on(&account).run().expect(0);
}

#[test]
fn an_interrupted_run_is_completed_from_its_journal() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    // What a run that was killed leaves: the intent, a record, and a line that was not written whole.
    let state = folder.json(STATE);
    let header = serde_json::json!({
        "journal": 1, "lineage": state["lineage"], "serial": 1, "endpoint": state["endpoint"], "userId": state["userId"],
    });
    let blob = |number| keys::key(number).blob().to_string();
    let request = serde_json::json!({ "at": "2026-11-23T12:00:00Z", "timeoutSeconds": 30 });
    let intend = serde_json::json!({
        "intend": { "name": "carol", "publicKey": blob(3), "sentName": "carol", "requests": [request] }
    });
    let torn = r#"{"record":{"name":"car"#;
    folder.write("keyform.state.json.journal", format!("{header}\n{intend}\n{torn}"));
    account.api().insert(row("carol", 3)).unwrap();
    folder.write("keyform.yaml", manifest("alice=1 bob=2 carol=3"));
    assert_snapshot!("torn_journal_state", folder.keyform("state list").run());
    assert_snapshot!("torn_journal_apply", folder.keyform("apply -y").on(&account).run());
    assert_eq!((account.api().rows().len(), folder.recorded().len()), (3, 3));
    assert!(!folder.path("keyform.state.json.journal").exists());
}

#[test]
fn a_damaged_line_of_a_journal_refuses_it_in_every_command_that_reads_the_state() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.keyform("plan --out plan.json").on(&account).run().expect(0);
    fs::copy(folder.path(STATE), folder.path("other.json")).unwrap();
    let state = folder.json(STATE);
    let header = serde_json::json!({
        "journal": 1, "lineage": state["lineage"], "serial": 1, "endpoint": state["endpoint"], "userId": state["userId"],
    });
    let request = serde_json::json!({ "at": "2026-11-23T12:00:00Z", "timeoutSeconds": 30 });
    let intend = serde_json::json!({
        "intend": {
            "name": "bob", "publicKey": keys::key(2).blob().to_string(), "sentName": "bob", "requests": [request]
        }
    });
    let damaged = intend.to_string().replacen("intend", "int\u{6}nd", 1);
    folder.write("keyform.state.json.journal", format!("{header}\n{intend}\n{damaged}\n{intend}\n"));
    let before = account.api().stats().received;
    let files = [STATE, "keyform.state.json.journal"].map(|name| fs::read(folder.path(name)).unwrap());
    assert_snapshot!("damaged_journal", folder.keyform("plan").on(&account).run());
    for command in [
        "plan --offline",
        "apply -y",
        "apply plan.json -y",
        "apply --offline -y",
        "state list",
        "state show alice",
        "state pull",
        "state forget alice",
        "state push other.json",
    ] {
        let ran = folder.keyform(command).on(&account).run().expect(1);
        assert!(ran.stderr.contains("error: line 3 of the journal keyform.state.json.journal"), "{command}: {ran}");
        assert!(ran.stderr.contains("keyform state rebuild"), "{command}: {ran}");
    }
    assert_eq!(account.api().stats().count(&Method::POST), 1);
    assert!(account.api().stats().received <= before + 4);
    assert_eq!(files, [STATE, "keyform.state.json.journal"].map(|name| fs::read(folder.path(name)).unwrap()));

    folder.keyform("state rebuild -y").on(&account).run().expect(0);
    assert_eq!(folder.recorded().len(), 1);
    folder.keyform("plan --detailed-exitcode").on(&account).run().expect(0);
}

#[test]
fn a_state_with_the_largest_serial_can_be_read_and_is_not_continued() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2"));
    folder.keyform("apply -y --exclude bob").on(&account).run().expect(0);
    let mut state = folder.json(STATE);
    state["serial"] = ((1_u64 << 53) - 1).into();
    folder.write(STATE, state.to_string());
    folder.keyform("state list").run().expect(0);
    assert_snapshot!("last_serial", folder.keyform("apply -y").on(&account).run());
    folder.keyform("state forget alice").run().expect(1);
    assert_eq!(account.api().rows().len(), 1);

    folder.keyform("state rebuild -y").on(&account).run().expect(0);
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_eq!(folder.recorded().len(), 2);
}

#[test]
fn the_recorded_keys_can_be_listed_and_shown() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2"));
    assert_snapshot!("state_missing", folder.keyform("state list").run());
    account.api().insert(row("bob's laptop", 2)).unwrap();
    folder.keyform("apply -y --allow-new-state").on(&account).run().expect(0);
    for (name, command) in [
        ("state_list", "state list"),
        ("state_list_json", "state list --format json"),
        ("state_show", "state show bob"),
        ("state_show_json", "state show bob --format json"),
        ("state_show_unknown", "state show bobby"),
    ] {
        assert_snapshot!(name, folder.keyform(command).run());
    }
}

#[test]
fn files_of_the_current_folder_are_named_without_a_dot() {
    let folder = Folder::new();
    folder.write("a.yaml", "version: 1\nkeys: [1]\n");
    let ran = folder.keyform("validate -f . --format github").run().expect(1);
    assert!(ran.stdout.starts_with("::error file=a.yaml,line=2,"), "{ran}");
}
