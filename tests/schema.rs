//! The JSON Schemas, and files that must match them.

#![cfg(test)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::program::{Folder, account, manifest};
use support::schema::{assert_valid, problems, text};

fn examples() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
    for folder in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        found.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    assert!(found.len() >= 5, "{found:?}");
    found
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn the_schemas_match_the_output_of_the_program() {
    let folder = Folder::new();
    folder.keyform("schema --out-dir written").run().expect(0);
    for which in ["manifest", "plan", "state"] {
        let printed = folder.keyform(&format!("schema {which}")).run().expect(0).stdout;
        assert_eq!(printed, text(which), "update them with: keyform schema --out-dir schema");
        assert_eq!(printed, folder.read(&format!("written/{which}.schema.json")));
        let schema: Value = serde_json::from_str(&printed).unwrap();
        assert!(jsonschema::draft202012::meta::validate(&schema).is_ok());
        assert_eq!(schema["$id"], format!("https://keyform.invalid/schema/{which}.schema.json"));
    }
}

#[test]
fn every_example_is_valid_for_the_schema_and_the_program() {
    for path in examples() {
        assert_valid("manifest", &yaml(&fs::read_to_string(&path).unwrap()));
        let ran = Folder::new().keyform("validate -f").argument(&path).run();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran}");
        assert!(ran.stdout.starts_with("Valid: "), "{ran}");
    }
}

#[test]
fn the_schema_and_the_program_refuse_the_same_mistakes() {
    let good = manifest("alice=1* bob=2! erin=3~");
    assert_valid("manifest", &yaml(&good));
    for (what, broken) in [
        ("no version", good.replace("version: 1\n", "")),
        ("a newer version", good.replace("version: 1", "version: 2")),
        ("a version that is text", good.replace("version: 1", "version: one")),
        ("no keys", "version: 1\n".to_owned()),
        ("keys that are not a list", "version: 1\nkeys: {}\n".to_owned()),
        ("an unknown field", good.replace("version: 1", "version: 1\nteams: []")),
        ("an unknown field of a key", good.replace("protect: true", "protected: true")),
        ("a key without a name", good.replace("name: alice\n    ", "")),
        ("a name with a blank", good.replace("name: alice", "name: alice doe")),
        ("a name that is a number", good.replace("name: alice", "name: 7")),
        ("a key without a public key", good.replace("protect: true", "protect: true\n  - name: carol")),
        ("a public key and a file", good.replace("protect: true", "publicKeyFile: bob.pub")),
        ("a flag that is text", good.replace("primary: true", "primary: maybe")),
        ("an invalid date", good.replace("2026-11-22", "22.11.2026")),
        ("an unknown field of the policy", good.replace("version: 1", "version: 1\npolicy: {minBits: 1}")),
        ("a negative bound", good.replace("version: 1", "version: 1\npolicy: {maxLifetimeDays: -1}")),
        ("an unknown field of the account", good.replace("version: 1", "version: 1\naccount: {endpoint: x}")),
    ] {
        assert_ne!(broken, good, "{what}");
        assert!(!problems("manifest", &yaml(&broken)).is_empty(), "the schema accepts: {what}");
        let folder = Folder::new();
        folder.write("keyform.yaml", &broken);
        folder.keyform("validate").run().expect(1);
    }
}

#[test]
fn files_that_the_program_writes_match_the_schema() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let state = folder.json("keyform.state.json");
    assert_valid("state", &state);
    let plan = folder.keyform("plan --format json").on(&account).run().json();
    assert_valid("plan", &plan);
    for field in ["version", "lineage", "serial", "endpoint", "keys"] {
        let mut broken = state.clone();
        broken.as_object_mut().unwrap().remove(field);
        assert!(!problems("state", &broken).is_empty(), "a state without {field}");
    }
    for field in ["formatVersion", "endpoint", "state", "digest", "actions"] {
        let mut broken = plan.clone();
        broken.as_object_mut().unwrap().remove(field);
        assert!(!problems("plan", &broken).is_empty(), "a plan without {field}");
    }
}
