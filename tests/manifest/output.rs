//! The forms in which problems are given to programs, and the schema.

use insta::assert_snapshot;
use keyform::manifest::schema;
use keyform::report::problems;
use serde_json::{Value, json};

use crate::support::{Folder, github, key, one, plain, public_keys};

fn example() -> (Folder, keyform::manifest::Report) {
    let text = format!(
        "version: 1\nkeys:\n  - name: a\n    publicKey: {0}\n    expires: 2027-01-01\n  - name: a\n    publicKey: {0}\n    onwer: 100%, x\n",
        key(0)
    );
    let folder = Folder::new(&[("a,b.yaml", &text), ("none/x", "")]);
    let report = folder.load(&["a,b.yaml", "none"]).report;
    (folder, report)
}

#[test]
fn json_is_versioned_and_complete() {
    let (folder, report) = example();
    let text = serde_json::to_string_pretty(&problems::json(&report)).unwrap();
    assert_snapshot!(text.replace(&format!("{}/", folder.path().display()), ""));
}

#[test]
fn github_gets_one_command_a_line() {
    let (folder, report) = example();
    assert_snapshot!(github(&report).replace(&format!("{}/", folder.path().display()), ""));
}

#[test]
fn a_name_cannot_smuggle_a_command_or_an_escape_sequence() {
    let report = one("version: 1\nkeys:\n  - name: \"a\\n::error::x\\e[2J\"\n    \"\\n::warning::y\": 1\n").report;
    for text in [plain(&report), github(&report)] {
        assert!(
            !text.contains('\u{1b}') && !text.contains("\n::error::x") && !text.contains("\n::warning::y"),
            "{text}"
        );
    }
}

#[test]
fn styles_add_nothing_but_escape_sequences() {
    let (_, report) = example();
    let plain = plain(&report);
    assert!(
        problems::text(&report).contains('\u{1b}') && !plain.contains('\u{1b}') && plain.contains("^^^^^"),
        "{plain}"
    );
}

#[test]
fn the_example_is_valid_for_the_schema() {
    assert_snapshot!(serde_json::to_string_pretty(&schema()).unwrap());
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = json!({
        "version": 1,
        "account": { "userId": "cm4x" },
        "policy": { "algorithms": ["ssh-ed25519"], "minRsaBits": 3072, "requireOwner": true, "maxLifetimeDays": 365,
                    "namePattern": "^[a-z0-9-]+$", "level": "warn", "unmanaged": "refuse", "unmanagedExcept": ["skypilot-*"] },
        "keys": [
            { "name": "a", "publicKey": "ssh-ed25519 AAAA", "primary": true, "exempt": ["requireOwner"] },
            { "name": "b", "publicKeyFile": "b.pub", "owner": "b", "expires": "2027-06-30", "accountName": "Bob's" },
        ],
        "revoked": [
            { "fingerprint": format!("SHA256:{}", "x".repeat(43)), "reason": "stolen" },
            { "publicKey": "ssh-dss AAAA" },
        ],
    });
    assert!(validator.is_valid(&good));
    let changes: [(&str, Value); 21] = [
        ("/version", json!(2)),
        ("/account", json!(null)),
        ("/account/userId", json!("a b")),
        ("/policy/algorithms", json!(["ed25519"])),
        ("/policy/minRsaBits", json!(1024)),
        ("/policy/level", json!("error")),
        ("/policy/unmanagedExcept", json!("skypilot-*")),
        ("/keys/0/primary", json!("yes")),
        ("/keys/0/exempt", json!(["owner"])),
        ("/keys/0/name", json!("Bob's key")),
        ("/revoked/0/fingerprint", json!("MD5:aa")),
        ("/revoked/1", json!({ "reason": "x" })),
        ("/keys/0/name", json!("")),
        ("/keys/1/expires", json!("soon")),
        ("/keys/1/expires", json!("2027-13-01")),
        ("/keys/0/publicKey", json!("hello")),
        ("/keys/0/publicKey", json!("ssh-dss AAAA")),
        ("/keys/1/publicKeyFile", json!("/etc/passwd")),
        ("/keys/1", json!({ "name": "b", "publicKeyFile": "b.pub", "expires": "2027-06-30", "protect": true })),
        ("/revoked/1", json!({ "fingerprint": format!("SHA256:{}", "x".repeat(43)), "publicKey": "ssh-rsa AAAA" })),
        ("/keys/1", json!({ "name": "b", "publicKey": "x", "publicKeyFile": "y" })),
    ];
    for (place, value) in changes {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        assert!(!validator.is_valid(&bad), "{place}");
    }
}

#[test]
fn people_are_shown_the_first_thousand_problems_errors_first_and_all_are_counted() {
    let warnings: String = public_keys()
        .take(900)
        .enumerate()
        .map(|(n, key)| format!("  - {{name: a{n}, publicKey: {key}, expires: 2027-01-16}}\n"))
        .collect();
    let text = format!("version: 1\nkeys:\n{warnings}{}", "  - {name: 1}\n".repeat(600));
    let report = one(&text).report;
    let shown = plain(&report);
    let count = |text: &str, part: &str| text.matches(part).count();
    // One warning is the first with its code.
    assert_eq!((count(&shown, "error["), count(&shown, "warning[")), (999, 1));
    assert!(
        shown.ends_with("\n\n… and 1100 more; `keyform validate --format json` lists up to 10000 of each severity\n"),
        "{shown}"
    );
    assert_eq!(github(&report).lines().count(), 1000);
    assert_eq!(report.summary(), "1200 errors, 900 warnings in 1 file");
    let listed = problems::json(&report);
    assert_eq!((&listed["errors"], listed["diagnostics"].as_array().unwrap().len()), (&json!(1200), 2100));

    let report = one(&format!("version: 1\nkeys:\n{}", "  - {name: 1}\n".repeat(30_000))).report;
    assert_eq!(report.summary(), "60000 errors in 1 file");
    assert_eq!((report.diagnostics.len(), count(&plain(&report), "error[")), (10_001, 1000));
    let more = "50000 more errors are not shown; the limit is 10000";
    assert!(plain(&report).contains(more) && problems::json(&report).to_string().contains(more));
}
