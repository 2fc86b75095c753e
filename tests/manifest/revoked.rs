//! Keys that must not be on the account.

use insta::assert_snapshot;
use keyform::public_key::KeyBlob;

use crate::support::{Folder, codes, desired, key, list, rsa_key};

const DSA: &str = include_str!("../public_keys/refused/dsa.pub");
const SHORT_RSA: &str = include_str!("../public_keys/refused/rsa-1024.pub");

fn fingerprint(line: &str) -> String {
    KeyBlob::of_line(line).unwrap().fingerprint().to_string()
}

fn revoke(entries: &[&str]) -> String {
    let entries: String = entries.iter().map(|entry| format!("  - {entry}\n")).collect();
    format!("version: 1\nkeys: []\nrevoked:\n{entries}")
}

#[test]
fn a_key_is_revoked_by_its_fingerprint_or_by_the_key_and_with_a_reason() {
    let text = revoke(&[
        &format!("fingerprint: {}", fingerprint(&key(0))),
        &format!("publicKey: {} alice@example.com\n    reason: Laptop gestohlen, 2027 🔑", key(1)),
    ]);
    let set = desired(&text);
    let mut found: Vec<_> = set
        .revoked
        .iter()
        .map(|entry| {
            (entry.fingerprint.to_string(), entry.blob.as_ref().map(ToString::to_string), entry.reason.as_deref())
        })
        .collect();
    assert!(found.is_sorted());
    found.sort_by_key(|(.., reason)| reason.is_some());
    assert_eq!(
        found,
        [(fingerprint(&key(0)), None, None), (fingerprint(&key(1)), Some(key(1)), Some("Laptop gestohlen, 2027 🔑")),]
    );
    let entry = set.revoked.iter().find(|entry| entry.reason.is_some()).unwrap();
    assert!(text[entry.place.range.clone()].starts_with("publicKey: "));
}

#[test]
fn a_key_that_is_too_weak_for_an_account_can_be_revoked() {
    for line in [DSA.trim(), SHORT_RSA.trim(), &rsa_key(16_392)] {
        let listed = format!("version: 1\nkeys:\n  - name: a\n    publicKey: {line}\n");
        assert!(codes(&listed).iter().any(|code| code.contains(" key-")), "{line}");
        let set = desired(&revoke(&[&format!("publicKey: {line}")]));
        assert_eq!(set.revoked[0].fingerprint.as_str(), fingerprint(line));
        let block = format!("publicKey: |\n      # of the old laptop\n      {line}\n");
        assert_eq!(desired(&revoke(&[&block])).revoked[0].blob, set.revoked[0].blob);
        let two = format!("publicKey: |\n      {line}\n      {line}\n");
        assert_eq!(codes(&revoke(&[&two])), ["5:7 key-lines"], "{line}");
    }
}

#[test]
fn what_is_not_one_public_key_is_refused_there_too() {
    let [one, two] = [key(0), key(1)];
    let broken = DSA.trim().replace("AAAAB3", "AAAA%3");
    for (entry, expected) in [
        (format!("publicKey: no-pty {one}"), "key-options"),
        (format!("publicKey: {one} {two}"), "key-several"),
        (format!("publicKey: {}", one.replace("ssh-ed25519 ", "ssh-rsa ")), "key-label"),
        ("publicKey: ~/.ssh/id_ed25519.pub".to_owned(), "key-path"),
        (format!("publicKey: {broken}"), "key-base64"),
        ("publicKeyFile: a.pub".to_owned(), "field-unknown"),
    ] {
        let found = codes(&revoke(&[&entry]));
        assert!(found.len() == 1 && found[0].ends_with(expected), "{entry}: {found:?}");
    }
}

#[test]
fn a_key_that_is_listed_and_revoked_and_one_revoked_twice_are_named_with_both_places() {
    let team = format!("version: 1\nkeys:\n  - name: alice\n    publicKey: {} of alice\n", key(0));
    let security = format!(
        "version: 1\nrevoked:\n  - fingerprint: {}\n    reason: stolen\n  - publicKey: {}\n  - fingerprint: {}\n",
        fingerprint(&key(0)),
        key(1),
        fingerprint(&key(1)),
    );
    let folder = Folder::new(&[("security.yaml", &security), ("team.yaml", &team)]);
    assert_snapshot!(folder.text(&folder.load(&[""]).report));
}

#[test]
fn a_file_may_leave_out_keys_if_another_has_them() {
    let keys = format!("version: 1\nkeys:\n  - name: alice\n    publicKey: {}\n", key(0));
    let rules = "version: 1\npolicy: {requireOwner: false}\n";
    let folder = Folder::new(&[("a.yaml", &keys), ("b.yaml", rules), ("c.yaml", "version: 1\nrevoked: []\n")]);
    folder.write("broken.yaml", "version: 1\nkeys: [\n");
    folder.write("misspelled.yaml", "version: 1\nkey: []\n");
    assert_eq!(folder.load(&["a.yaml", "b.yaml", "c.yaml"]).desired.unwrap().keys.len(), 1);
    let none = folder.load(&["b.yaml", "c.yaml"]);
    assert_eq!(list(&none.report), ["1:1 field-missing"]);
    assert_eq!(none.report.diagnostics[0].message, "no file has `keys`");
    // A file that cannot be read may have them.
    assert_eq!(list(&folder.load(&["b.yaml", "broken.yaml"]).report), ["3:1 yaml-syntax"]);
    assert_eq!(list(&folder.load(&["b.yaml", "misspelled.yaml"]).report), ["2:1 field-unknown"]);
}
