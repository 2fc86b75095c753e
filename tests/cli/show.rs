//! `show` prints a saved plan as `plan` printed it.

use insta::assert_snapshot;
use keyform::emulator::{Emulator, NewRow};

use crate::support::keys;
use crate::support::program::{Folder, STATE, account, manifest};

const FORMATS: [&str; 7] = [
    "--format text",
    "--format text --full",
    "--format text --randomart",
    "--format json",
    "--format diff",
    "--format markdown",
    "--format markdown --randomart --max-chars 9000",
];

/// Plans with the flags, and asserts that each format of the plan and of the saved plan are the same.
fn assert_same(account: &Emulator, folder: &Folder, flags: &str, code: i32) {
    for format in FORMATS {
        let planned = folder.keyform(&format!("plan {flags} {format} --out plan.json"));
        let planned = if flags.contains("--offline") { planned.at(&account.url()) } else { planned.on(account) };
        let planned = planned.run().expect(code);
        let shown = folder.keyform(&format!("show plan.json {format}")).run().expect(0);
        assert_eq!(shown.stdout, planned.stdout, "plan {flags} {format}");
        // A plan also prints problems of the manifest.
        assert!(planned.stderr.ends_with(&shown.stderr), "plan {flags} {format}: {planned}{shown}");
        assert_eq!(shown.stderr.contains("refused: "), code == 3, "{shown}");
        let piped = folder.keyform(&format!("show - {format}")).stdin(&folder.read("plan.json")).run().expect(0);
        assert_eq!(piped.stdout, planned.stdout);
    }
}

#[test]
fn a_saved_plan_is_shown_as_it_was_planned() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2 carol=3! dave=4"));
    assert_same(&account, &folder, "", 0);
    folder.keyform("apply -y").on(&account).run().expect(0);
    assert_same(&account, &folder, "", 0);
    let row = |name: &str, number| NewRow {
        name: name.to_owned(),
        public_key: keys::line(number),
        is_primary: false,
        is_user_key: true,
    };
    account.api().insert(row("web-page", 90)).unwrap();
    account.api().insert(row("bob again", 2)).unwrap();
    account.api().remove(&folder.recorded()["dave"]).unwrap();
    let wanted =
        manifest("alice=7 erin=5 dave=4").replace("  - name: erin", "  - name: erin\n    owner: erin@example.com");
    folder.write("keyform.yaml", wanted.replace("keys:", "policy:\n  requireOwner: true\n  unmanaged: refuse\nkeys:"));
    assert_same(&account, &folder, "--stack eu --commit 3f2c9ab", 3);
    folder.write("keyform.yaml", wanted);
    for (flags, code) in [
        ("", 3),
        ("--allow-protected carol --allow-primary-loss --allow-deletes 3", 0),
        ("--target erin", 0),
        ("--exclude carol --exclude bob --allow-primary-loss", 0),
        ("--no-deletes", 0),
        ("--only-expired", 0),
        ("--offline", 3),
        ("--destroy", 3),
        ("--destroy --exclude carol --allow-deletes 9 --allow-primary-loss", 0),
        ("--allow-new-state --state other.json --allow-primary-loss --detailed-exitcode", 2),
    ] {
        assert_same(&account, &folder, flags, code);
    }
    let before = folder.files();
    folder.keyform("show plan.json").run().expect(0);
    assert_eq!(folder.files(), before, "show writes nothing");
}

#[test]
fn a_saved_plan_can_be_labelled_later() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("plan --out plan.json").on(&account).run().expect(0);
    folder.keyform("plan --out labelled.json --stack eu --commit 3f2c9ab").on(&account).run().expect(0);
    for format in ["text", "json", "diff"] {
        let shown = folder.keyform(&format!("show plan.json --format {format} --stack eu --commit 3f2c9ab")).run();
        let expected = folder.keyform(&format!("show labelled.json --format {format}")).run();
        // The arguments of apply are those of the plan.
        let shown = shown.expect(0).stdout;
        let expected = expected.expect(0).stdout.replace("    \"--stack\",\n    \"eu\",\n", "");
        assert_eq!(shown, expected);
    }
    let comment = folder.keyform("show labelled.json --format markdown --stack us --commit 1234567").run().expect(0);
    assert!(comment.stdout.starts_with("<!-- keyform:plan us -->\n### keyform `us`: "), "{comment}");
    assert!(comment.stdout.contains("Commit `1234567`."), "{comment}");
}

#[test]
fn files_that_are_not_saved_plans_are_named_as_what_they_are() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("plan --out plan.json").on(&account).run().expect(0);
    let plan = folder.read("plan.json");
    folder.write("truncated.json", &plan[..plan.len() / 2]);
    folder.write("newer.json", plan.replacen("\"formatVersion\": 1", "\"formatVersion\": 2", 1));
    folder.write("empty.json", "");
    folder.write("tampered.json", plan.replacen("\"upload\": 1", "\"upload\": 0", 1));
    let outcome = folder.keyform("apply -y --format json").on(&account).run().expect(0).stdout;
    folder.write("outcome.json", outcome);
    folder.keyform("plan --format markdown").on(&account).run().expect(0);
    let mut shown = String::new();
    for file in [
        "truncated.json",
        "newer.json",
        "empty.json",
        "tampered.json",
        "outcome.json",
        STATE,
        "keyform.yaml",
        "no.json",
        ".",
    ] {
        for command in ["show", "apply -y"] {
            let ran = folder.keyform(&format!("{command} {file}")).on(&account).run().expect(1);
            assert!(ran.stdout.is_empty(), "{ran}");
            if command == "show" {
                shown += &format!("{}\n", ran.to_string().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
            }
        }
    }
    shown += &folder.keyform("show -").stdin("").run().expect(1).to_string();
    assert_snapshot!(shown);
}
