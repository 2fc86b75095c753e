//! `init`.

use insta::assert_snapshot;
use keyform::emulator::NewRow;

use crate::support::keys;
use crate::support::program::{Folder, account};

const GITHUB: &str = "[remote \"origin\"]\n\turl = git@github.com:acme/keys.git\n";
const GITLAB: &str = "[remote \"origin\"]\n\turl = https://token@gitlab.example.com/acme/github-keys.git\n";

fn names(folder: &Folder) -> String {
    folder.files().into_keys().collect::<Vec<_>>().join("\n")
}

#[test]
fn a_repository_gets_the_keys_of_its_account_and_the_pipeline_of_its_forge() {
    let (account, folder) = (account(), Folder::new());
    for (number, is_primary) in [(1, true), (2, false)] {
        let (name, public_key) = (format!("key-{number}"), keys::line(number));
        account.api().insert(NewRow { name, public_key, is_primary, is_user_key: true }).unwrap();
    }
    folder.write(".git/config", GITHUB);
    assert_snapshot!("init_github", folder.keyform("init").on(&account).run().expect(0));
    assert_snapshot!("init_github_files", names(&folder));
    assert_snapshot!("init_manifest", folder.read("keyform.yaml"));
    folder.keyform("validate").run().expect(0);
    let plan = folder.keyform("plan --allow-new-state").on(&account).run().expect(0);
    assert!(plan.stdout.contains("Plan: 2 to adopt (=). 0 unchanged"), "{}", plan.stdout);
}

#[test]
fn without_a_token_the_manifest_is_empty_and_valid() {
    let folder = Folder::new();
    folder.write(".git/config", GITLAB);
    assert_snapshot!("init_gitlab", folder.keyform("init").run().expect(0));
    assert_snapshot!("init_gitlab_files", names(&folder));
    assert_snapshot!("init_empty_manifest", folder.read("keyform.yaml"));
    folder.keyform("validate").run().expect(0);
}

#[test]
fn files_that_are_filled_in_need_no_comparison() {
    let folder = Folder::new();
    folder.keyform("init --forge gitlab").run().expect(0);
    for (path, placeholder, value) in
        [(".gitlab-ci.yml", "GROUP", "acme"), (".gitlab/CODEOWNERS", "@example-org/", "@acme/eng/")]
    {
        folder.write(path, folder.read(path).replace(placeholder, value));
    }
    assert_snapshot!("init_filled_in", folder.keyform("init --forge gitlab").run().expect(0));
}

#[test]
fn offline_the_account_is_not_listed() {
    let (account, folder) = (account(), Folder::new());
    let public_key = keys::line(1);
    account.api().insert(NewRow { name: "a".to_owned(), public_key, is_primary: false, is_user_key: true }).unwrap();
    assert_snapshot!("init_without_a_forge", folder.keyform("init --offline").on(&account).run().expect(0));
}

#[test]
fn nothing_is_written_if_the_account_cannot_be_listed() {
    let (account, folder) = (account(), Folder::new());
    folder.keyform("init").on(&account).env("PRIME_API_KEY", "pit_another").run().expect(1);
    assert_eq!(names(&folder), "");
}

#[test]
fn what_exists_stays_as_it_is() {
    let folder = Folder::of("alice=1");
    folder.write("CODEOWNERS", "* @acme/all\n");
    folder.write(".github/workflows/keyform.yml", "name: own\n");
    folder.write(".gitignore", "target\n.keyform/");
    let before = folder.files();
    assert_snapshot!("init_over", folder.keyform("init --forge github").run().expect(0));
    let after = folder.files();
    for (path, content) in &before {
        assert!(path == ".gitignore" || after[path] == *content, "{path}");
    }
    assert_snapshot!("init_gitignore", folder.read(".gitignore"));
    assert_snapshot!("init_again", folder.keyform("init --forge github").run().expect(0));
    assert_eq!(folder.files(), after);
}

#[test]
fn a_pipeline_is_not_written_below_the_root_of_the_repository() {
    let folder = Folder::new();
    folder.write(".git/config", GITHUB);
    folder.write("team/README.md", "");
    let refused = folder.keyform("init --forge github").below("team").run().expect(1);
    assert!(refused.stderr.contains("this folder is not the root of its repository"), "{}", refused.stderr);
    assert_eq!(names(&folder), ".git/config\nteam/README.md");
    folder.keyform("init --forge none").below("team").run().expect(0);
    folder.keyform("validate").below("team").run().expect(0);
}

#[test]
fn a_sandbox_starts_with_the_quickstart() {
    let folder = Folder::new();
    assert_snapshot!("sandbox_without_a_manifest", folder.keyform("plan --sandbox").run().expect(1));
    assert_snapshot!("init_sandbox", folder.keyform("init --sandbox").run().expect(0));
    folder.keyform("validate").run().expect(0);
    let applied = folder.keyform("apply --sandbox -y").run().expect(0);
    assert!(applied.stdout.contains("Applied: 5 uploaded, 1 promoted."), "{}", applied.stdout);
}
