//! YAML: a plain subset, and problems at the right place where it is broken.

use insta::assert_snapshot;

use crate::support::{Folder, codes, desired, key, one};

#[test]
fn what_hides_a_value_from_a_reviewer_is_refused() {
    let key = key(0);
    for (text, expected) in [
        (format!("version: 1\nkeys:\n  - &a\n    name: a\n    publicKey: {key}\n"), vec!["4:5 yaml-anchor"]),
        (format!("version: 1\nkeys:\n  - name: &a x\n    publicKey: {key}\n"), vec!["3:11 yaml-anchor"]),
        (
            format!("version: 1\nkeys:\n  - name: &a x\n    publicKey: {key}\n  - name: *a\n"),
            vec!["3:11 yaml-anchor", "5:5 field-missing", "5:11 yaml-alias"],
        ),
        (format!("version: 1\nkeys:\n  - name: *a\n    publicKey: {key}\n"), vec!["3:11 yaml-alias"]),
        (format!("version: 1\nkeys:\n  - name: !!str 12\n    publicKey: {key}\n"), vec!["3:11 yaml-tag"]),
        (
            format!("version: 1\nkeys:\n  - name: ä\n    owner: &ö !x y\n    publicKey: {key}\n"),
            vec!["4:12 yaml-anchor", "4:15 yaml-tag"],
        ),
        (format!("version: 1\nkeys:\n  - <<: {{name: a}}\n    publicKey: {key}\n"), vec!["3:5 yaml-merge"]),
        ("version: 1\nkeys: []\n---\nversion: 1\nkeys: []\n".to_owned(), vec!["3:1 yaml-documents"]),
        ("version: 1\nkeys: []\n? [a]\n: b\n".to_owned(), vec!["3:3 yaml-name"]),
    ] {
        assert_eq!(codes(&text), expected, "{text}");
    }
}

#[test]
fn documents_may_be_marked_and_lines_end_as_they_like() {
    let text =
        format!("\u{feff}%YAML 1.2\n---\nversion: 1 # one\r\nkeys:\r\n- name: ü\r\n  publicKey: {}\r\n...\n", key(0));
    assert_eq!(desired(&text).keys.len(), 1);
    assert_eq!(codes("\u{feff}versio: 1\nkeys: []\n"), ["1:1 field-unknown"]);
    assert_eq!(codes("version: 1\r\rkeys: x\r"), ["3:7 field-type"]);
}

#[test]
fn broken_syntax_hides_no_problem_above_it() {
    let text = format!(
        "version: 1
keys:
  - name: 12
    publicKey: {}
  - name: bob
     publicKey: ssh-ed25519 x
  - name: carol
",
        key(0)
    );
    let folder = Folder::new(&[("keys.yaml", &text)]);
    assert_snapshot!(folder.text(&folder.load(&["keys.yaml"]).report));
}

#[test]
fn syntax_is_explained() {
    for (text, expected) in [
        ("version: 1\nkeys:\n\t- name: a\n", "3:1 yaml-syntax"),
        ("version: 1\nkeys: [\n", "3:1 yaml-syntax"),
        ("version: 1\nkeys: ]\n", "2:7 yaml-syntax"),
        ("version: 1\nkeys: \"abc\n", "2:7 yaml-syntax"),
        ("version: 1\nkeys: @a\n", "2:7 yaml-syntax"),
        ("version: 1\nkeys: a: b\n", "2:8 yaml-syntax"),
        ("version: 1\n keys: []\n", "2:6 yaml-syntax"),
        ("version: 1\nkeys: \"\\q\"\n", "2:7 yaml-syntax"),
    ] {
        assert_eq!(codes(text), [expected], "{text}");
        let report = one(text).report;
        assert!(report.diagnostics[0].help.is_some());
    }
}

#[test]
fn every_unseen_character_is_pointed_at() {
    let text = "version: 1 # \u{200b}\nkeys: [] # \u{1b}[31m \u{202e}\u{202d}\n# \u{0} \u{85}\n";
    assert_eq!(
        codes(text),
        [
            "1:14 unsafe-character",
            "2:12 unsafe-character",
            "2:18 unsafe-character",
            "3:3 unsafe-character",
            "3:5 unsafe-character",
        ]
    );
}
