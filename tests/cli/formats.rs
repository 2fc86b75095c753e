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

#[test]
fn annotations_have_paths_from_the_root_of_the_repository() {
    let folder = Folder::new();
    folder.write("repo/.git/HEAD", "");
    folder.write("repo/team/keys/a.yaml", "version: 2\nkeys: []\n");
    folder.write("outside/a.yaml", "version: 2\nkeys: []\n");
    let repository = folder.path("repo").display().to_string();
    let found = |arguments: &str, working: &str, workspace: &str| {
        let run = folder.keyform(&format!("validate --format github -f {arguments}"));
        let ran = run.below(working).env("GITHUB_WORKSPACE", &folder.path(workspace).display().to_string()).run();
        let command = ran.stdout.lines().next().unwrap().to_owned();
        let file = command.strip_prefix("::error file=").and_then(|rest| rest.split_once(',')).expect(&command).0;
        // All of it is in the log as well, for people.
        assert!(ran.stdout.contains("a.yaml:1:10\n") && ran.stdout.ends_with("Invalid: 1 error in 1 file\n"), "{ran}");
        file.to_owned()
    };
    for (path, working) in [
        ("team/keys/a.yaml", "repo"),
        ("./team/keys/a.yaml", "repo"),
        ("team", "repo"),
        (".", "repo"),
        ("a.yaml", "repo/team/keys"),
        ("../keys/a.yaml", "repo/team/keys"),
        ("../../team/./keys/../keys/a.yaml", "repo/team/keys"),
        ("..", "repo/team/keys"),
        ("../repo/team", "outside"),
        (&format!("{repository}/team/keys/a.yaml"), "outside"),
        (&format!("{repository}/team/../team/keys"), "repo/team"),
    ] {
        for workspace in ["repo/team", "outside", "missing"] {
            assert_eq!(found(path, working, workspace), "team/keys/a.yaml", "{path} in {working}");
        }
    }
    assert_eq!(found("outside/a.yaml", ".", "outside"), "a.yaml");
    assert_eq!(found("../outside/a.yaml", "repo", "outside"), "a.yaml");
    assert_eq!(found("outside/a.yaml", ".", "repo"), "outside/a.yaml");
    let whole = folder.path("outside").canonicalize().unwrap().join("a.yaml").display().to_string();
    assert_eq!(found("../outside/a.yaml", "repo", "missing"), whole);
}

#[test]
fn a_missing_manifest_has_a_path_from_the_root_too() {
    let folder = Folder::new();
    folder.write("repo/.git/HEAD", "");
    folder.write("repo/team/x", "");
    for path in ["team/none.yaml", "team/../team/none.yaml", "team/none/../none.yaml"] {
        let ran = folder.keyform(&format!("validate --format github -f {path}")).below("repo").run().expect(1);
        assert!(ran.stdout.starts_with("::error file=team/none.yaml,title="), "{ran}");
    }
}

#[test]
fn a_manifest_cannot_send_commands_to_the_runner() {
    let folder = Folder::new();
    let lines = "version: 1\nkeys:\n  - name: \"a\\n::stop-commands::x\"\n    \"##[error]y%0A::error::z\": 1\n";
    folder.write("%,::warning::.yaml", lines);
    let ran = folder.keyform("validate --format github -f .").run().expect(1);
    let commands: Vec<_> = ran.stdout.lines().filter(|line| line.trim_start().starts_with("::")).collect();
    assert!(commands.len() == 3 && !ran.stdout.contains("##["), "{ran}");
    assert!(ran.stdout.contains("#\\u{23}[error]y%250A::error::z"), "{ran}");
    for command in commands {
        assert!(command.starts_with("::error file=%25%2C%3A%3Awarning%3A%3A.yaml,"), "{ran}");
    }
}
