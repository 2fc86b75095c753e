//! Output formats for programs.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::program::{Folder, STATE, account, manifest};
use crate::support::schema::assert_valid;

#[test]
fn plans_and_outcomes_match_their_schemas() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2 carol=3"));
    let plan = folder.keyform("plan --format json").on(&account).run().expect(0);
    assert_valid("plan", &plan.json());
    assert_snapshot!("plan_json", plan);
    let outcome = folder.keyform("apply -y --format json").on(&account).run().expect(0);
    assert_valid("plan", &outcome.json()["plan"]);
    assert_eq!(outcome.json()["plan"]["digest"], plan.json()["digest"]);
    assert_snapshot!("apply_json", outcome);
    assert_valid("state", &folder.json(STATE));
    let ids: Vec<_> =
        folder.keyform("state list --format json").run().json().as_object().unwrap().clone().into_iter().collect();
    assert_eq!(ids, folder.recorded().into_iter().map(|(name, id)| (name, Value::from(id))).collect::<Vec<_>>());

    folder
        .write("keyform.yaml", manifest("alice=4* robert=2 dave=5").replace("name: dave", "name: dave\n    owner: d"));
    let plan = folder.keyform("plan --format json").on(&account).run().expect(0);
    assert_valid("plan", &plan.json());
    assert_snapshot!("plan_json_of_changes", plan);
    assert_valid("plan", &folder.keyform("plan --offline --format json").at(&account.url()).run().json());
}

#[test]
fn the_environment_can_set_the_format() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("plan").env("KEYFORM_FORMAT", "json").on(&account).run().expect(0).json();
}

#[test]
fn problems_are_reported_in_each_format() {
    let folder = Folder::new();
    folder.write("keyform.yaml", manifest("alice=1 alice=2 bob=2").replace("version: 1", "version: 1\npolicies: {}"));
    for format in ["text", "json", "github"] {
        let ran = folder.keyform(&format!("validate --format {format}")).run().expect(1);
        assert_snapshot!(format!("problems_{format}"), ran);
    }
    folder.write("keyform.yaml", manifest("alice=1"));
    for format in ["text", "json", "github"] {
        assert_snapshot!(format!("no_problems_{format}"), folder.keyform(&format!("validate --format {format}")).run());
    }
}
