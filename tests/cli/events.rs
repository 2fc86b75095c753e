//! The events of `apply --events`, and the formats of `plan` for reviewers.

use insta::assert_snapshot;
use keyform::emulator::{EmulatorConfig, FaultKind, Method, ScriptEntry};

use crate::support::program::{Folder, STATE, account, account_with, manifest};

/// The events of a file with the names of their keys.
fn events(folder: &Folder, name: &str) -> Vec<String> {
    let lines = folder.read(name);
    let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| format!("{} {}", line["event"].as_str().unwrap(), line["name"].as_str().unwrap_or("-"))).collect()
}

#[test]
fn events_record_who_got_access_when_and_from_which_plan() {
    let (account, folder) = (account(), Folder::new());
    folder.write(
        "keyform.yaml",
        manifest("alice=1* bob=2").replace("  - name: bob", "  - name: bob\n    owner: bob@example.com"),
    );
    folder.keyform("apply -y --events log/events.jsonl").on(&account).run().expect(1);
    assert_eq!(account.api().rows(), [], "without a log, nothing is changed");
    folder.keyform("apply -y --events events.jsonl").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1* bob=3"));
    folder.keyform("apply -y --events events.jsonl").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1*"));
    folder.keyform("apply -y --events events.jsonl").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest(""));
    folder.keyform("apply -y --events events.jsonl").on(&account).run().expect(3);
    assert_snapshot!("events", events(&folder, "events.jsonl").join("\n"));

    let lines = folder.read("events.jsonl");
    let uploaded = lines.lines().filter(|line| line.contains(r#""event":"uploaded""#)).nth(1).unwrap();
    let uploaded: serde_json::Value = serde_json::from_str(uploaded).unwrap();
    assert_eq!((&uploaded["name"], &uploaded["owner"]), (&"bob".into(), &"bob@example.com".into()));
    let started: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(started["run"], uploaded["run"]);
    assert!(started["digest"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn events_of_lost_responses_include_how_they_were_settled() {
    let account = account_with(EmulatorConfig::default());
    let folder = Folder::of("alice=1 bob=2");
    account.api().script(ScriptEntry::fault(1, Method::POST, FaultKind::CloseAfter));
    folder.keyform("apply -y --events events.jsonl").on(&account).run().expect(0);
    assert_snapshot!("events_of_a_lost_response", events(&folder, "events.jsonl").join("\n"));
}

#[test]
fn a_plan_is_printed_for_reviewers() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1* bob=3 carol=4"));
    assert_snapshot!("plan_markdown", folder.keyform("plan --format markdown").on(&account).run().expect(0));
    assert_snapshot!("plan_diff", folder.keyform("plan --format diff").on(&account).run().expect(0));
    assert_snapshot!("plan_randomart", folder.keyform("plan --randomart").on(&account).run().expect(0));
    assert_snapshot!("state_show_randomart", folder.keyform("state show alice --randomart").run().expect(0));
    for useless in ["--format json --full", "--format diff --randomart", "--max-chars 9000", "--format markdown --full"]
    {
        folder.keyform(&format!("plan {useless}")).on(&account).run().expect(1);
    }
    folder.keyform("plan --format markdown --max-chars 10").on(&account).run().expect(1);
    folder.keyform("state show alice --randomart --format json").run().expect(1);
}

/// Joins the lines that a shell joins.
fn joined(comment: &str) -> String {
    comment.replace(" \\\n ", "")
}

#[test]
fn the_command_in_a_comment_does_what_it_says() {
    let (account, folder) = (account(), Folder::new());
    folder.write("my keys/team.yaml", manifest("alice=1 bob=2"));
    let plan = "plan --format markdown --target bob --today 2026-11-22 --allow-deletes 3";
    let comment = folder.keyform(plan).env("KEYFORM_MANIFEST", "my keys").on(&account).run().expect(0).stdout;
    let comment = joined(&comment);
    let command = comment.lines().find(|line| line.starts_with("keyform apply")).unwrap();
    assert!(
        command.contains("-f 'my keys' --target bob --allow-deletes 3 --today 2026-11-22 --plan-digest sha256:"),
        "{command}"
    );
    let words = command.replace("keyform ", "").replace("-f 'my keys' ", "");
    folder.keyform(&words).env("KEYFORM_MANIFEST", "my keys").on(&account).run().expect(0);
    assert_eq!(account.api().rows().len(), 1);
    folder.keyform(&words).env("KEYFORM_MANIFEST", "my keys").on(&account).run().expect(1);
}

#[test]
fn the_command_in_a_comment_reads_a_leading_dash_as_a_name() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2 carol=3"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", manifest("alice=1* carol=3"));
    // An older version may have recorded such a name.
    folder.write(STATE, folder.read(STATE).replace("\"bob\"", "\"-y\""));
    let comment = folder.keyform("plan --format markdown --target=-y").on(&account).run().expect(0).stdout;
    let comment = joined(&comment);
    let command = comment.lines().find(|line| line.starts_with("keyform apply")).unwrap();
    folder.keyform(&command.replace("keyform ", "")).on(&account).run().expect(0);
    assert_eq!(account.api().rows().len(), 2);
}

#[test]
fn nothing_in_a_manifest_is_a_command_to_the_runner_of_a_pipeline() {
    let (account, folder) = (account(), Folder::new());
    let name = "::add-mask::SHA256 ##[set-output name=digest]x";
    let owner = format!("\"{} ::stop-commands::x ##[error]y      SHA256:{}\"", "x".repeat(60), "A".repeat(43));
    let forged =
        manifest("alice=1").replace("alice", &format!("alice\n    owner: {owner}\n    accountName: \"{name}\""));
    folder.write("keyform.yaml", &forged);
    let mut runs: Vec<_> = ["plan", "plan --format markdown", "plan --format diff", "plan --format json", "apply -y"]
        .map(|command| folder.keyform(command).on(&account).run().expect(0))
        .into();
    folder.write(STATE, folder.read(STATE).replace("\"alice\"", &format!("\"{name}\"")));
    runs.push(folder.keyform("state list").run().expect(0));
    runs.push(folder.keyform("plan").on(&account).run().expect(0));
    folder.write("keyform.yaml", forged.replace("owner:", "onwer:"));
    runs.push(folder.keyform("validate").run().expect(1));
    for ran in &runs {
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            assert!(!line.contains("##[") && !line.trim_start().starts_with("::"), "{ran}");
            // No forged line of a plan either.
            assert!(!line.trim_start().starts_with("SHA256:AAAA"), "{ran}");
        }
    }
}

#[test]
fn variables_without_effect_are_not_errors() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    for (name, value) in [("KEYFORM_FULL", "true"), ("KEYFORM_RANDOMART", "true"), ("KEYFORM_MAX_CHARS", "9000")] {
        folder.keyform("plan --format json").env(name, value).on(&account).run().expect(0);
    }
}
