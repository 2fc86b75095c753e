//! Keys whose private key is published.

use insta::assert_snapshot;
use keyform::emulator::{Method, NewRow};
use keyform::plan::{Change, file};
use keyform::public_key::{KeyBlob, PublicKey};

use crate::support::keys;
use crate::support::program::{Folder, STATE, account, manifest};

/// The Ed25519 key of Vagrant boxes.
const PUBLISHED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y";

/// A manifest with a good key and a published one.
fn published() -> String {
    manifest("alice=1 bob=2").replace(keys::line(2).trim(), PUBLISHED)
}

/// Puts the published key in the place of bob's in a state.
fn with_published(state: &str) -> String {
    let fingerprint = |line: &str| KeyBlob::of_line(line).unwrap().fingerprint().to_string();
    let line = keys::line(2);
    let text = state.replace(KeyBlob::of_line(&line).unwrap().as_str(), PUBLISHED);
    let text = text.replace(&fingerprint(&line), &fingerprint(PUBLISHED));
    assert_ne!(text, state);
    text
}

#[test]
fn neither_plan_nor_apply_adds_one() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.write("keyform.yaml", published());
    assert_snapshot!("compromised_validate", folder.keyform("validate").run());
    assert_snapshot!("compromised_plan", folder.keyform("plan").on(&account).run());
    folder.keyform("plan --offline").run().expect(1);
    folder.keyform("apply -y").on(&account).run().expect(1);
    folder.keyform("apply -y --offline").on(&account).run().expect(1);
    account
        .api()
        .insert(NewRow { name: "bob".into(), public_key: PUBLISHED.into(), is_primary: false, is_user_key: true })
        .unwrap();
    let run = folder.keyform("plan").on(&account).run().expect(1);
    assert!(run.to_string().contains("bob: this key is compromised"), "adopting is refused too: {run}");
    assert_eq!(account.api().stats().count(&Method::POST), 0);
    folder.keyform("apply -y --target alice --allow-new-state").on(&account).run().expect(0);
}

#[test]
fn one_that_is_already_managed_stops_only_validate() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    let state = with_published(&std::fs::read_to_string(folder.path(STATE)).unwrap());
    folder.write(STATE, state);
    folder.write("keyform.yaml", published());
    folder.keyform("plan --offline --detailed-exitcode").on(&account).run().expect(0);
    folder.keyform("validate").run().expect(1);
    folder.write("keyform.yaml", manifest("alice=1"));
    folder.keyform("plan --offline --detailed-exitcode").on(&account).run().expect(2);
}

#[test]
fn a_saved_plan_with_one_is_refused_before_any_request_that_changes_something() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2"));
    folder.keyform("plan --out saved.json").on(&account).run().expect(0);
    let mut plan = file::from_text(&std::fs::read(folder.path("saved.json")).unwrap()).unwrap();
    let Change::Upload(bob) = &mut plan.actions[1].change else { panic!("{plan:?}") };
    bob.key = PublicKey::parse(PUBLISHED).unwrap();
    folder.write("saved.json", file::to_text(&plan));
    assert_snapshot!("compromised_saved", folder.keyform("apply -y saved.json").on(&account).run());
    assert_eq!(account.api().stats().count(&Method::POST), 0);
}
