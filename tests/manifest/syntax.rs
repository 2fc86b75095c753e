//! YAML: a plain subset, and problems at the right place where it is broken.

use insta::assert_snapshot;

use crate::support::{Folder, codes, desired, key, list, one};

#[test]
fn syntax_that_hides_values_from_reviewers_is_refused() {
    let key = key(0);
    for (text, expected) in [
        (format!("version: 1\nkeys:\n  - &a\n    name: a\n    publicKey: {key}\n"), vec!["3:5 yaml-anchor"]),
        (format!("version: 1\nkeys:\n  - name: &a x\n    publicKey: {key}\n"), vec!["3:11 yaml-anchor"]),
        (
            format!("version: 1\nkeys:\n  - name: &a x\n    publicKey: {key}\n  - name: *a\n"),
            vec!["3:11 yaml-anchor", "5:5 field-missing", "5:11 yaml-alias"],
        ),
        (format!("version: 1\nkeys:\n  - name: *a\n    publicKey: {key}\n"), vec!["3:11 yaml-alias"]),
        (format!("version: 1\nkeys:\n  - name: !!str 12\n    publicKey: {key}\n"), vec!["3:11 yaml-tag"]),
        (
            format!("version: 1\nkeys:\n  - name: a # ä\n    owner: &ö !x y\n    publicKey: {key}\n"),
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
fn document_markers_and_all_line_endings_are_accepted() {
    let text = format!(
        "\u{feff}%YAML 1.2\n---\nversion: 1 # one\r\nkeys:\r\n- name: u # ü\r\n  publicKey: {}\r\n...\n",
        key(0)
    );
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
fn a_conflict_of_git_is_named_instead_of_what_it_breaks() {
    let text = format!(
        "version: 1
keys:
  - name: 12
<<<<<<< HEAD
    owner: alice
=======
    owner: bob
>>>>>>> rename
    publicKey: {}
",
        key(0)
    );
    let folder = Folder::new(&[("keys.yaml", &text), ("rules.yaml", "version: 1\npolicy: {minRsaBits: 1}\n")]);
    assert_snapshot!(folder.text(&folder.load(&["keys.yaml", "rules.yaml"]).report));
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
fn a_tab_separates_and_does_not_indent() {
    let text = format!(
        "version:\t1\nkeys:\t# c\n  - name:\ta\t# b\n    publicKey:\t\"{}\"\t\n    owner: \tb c\n    protect:\ttrue\n\t\n",
        key(0)
    );
    let desired = desired(&text);
    assert_eq!((desired.keys[0].name.as_str(), desired.keys[0].owner.as_deref()), ("a", Some("b c")));
    assert_eq!(codes("version:\t1\nkeys: [{name:\ta, publicKey:\tx}]\n"), ["2:29 key-type"]);
    for (text, expected) in [
        ("version: 1\nkeys:\n  - name: a\n\t  owner: b\n", "4:1"),
        ("version: 1\nkeys:\n  - name: a\n    \towner: b\n    expires: c\n", "4:5"),
        ("version: 1\nkeys:\n  - name:\ta\n \t owner: b\n", "4:2"),
        ("version: 1\nkeys:\n  - name: |\n\tb\n", "4:1"),
        ("version: 1\nkeys:\n  - name: >\n\n\n\tb\n", "6:1"),
        ("version: 1\nkeys:\n\t- name:\ta\n", "3:1"),
    ] {
        let found = codes(text);
        assert!(found.contains(&format!("{expected} yaml-syntax")), "{text}: {found:?}");
    }
    // As with a space.
    assert_eq!(codes("version: 1\nkeys:\t- a\n"), codes("version: 1\nkeys: - a\n"));
    assert_eq!(codes("version: 1\nkeys:\ta: b\n"), codes("version: 1\nkeys: a: b\n"));
}

#[test]
fn every_invisible_character_is_reported_with_its_place() {
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

#[test]
fn emoji_and_scripts_that_need_joiners_are_text() {
    let text = format!(
        "# 👩\u{200d}💻 ❤\u{fe0f}\nversion: 1\nkeys:\n  - name: a\n    publicKey: {} 👩\u{200d}💻 می\u{200c}خواهم\n    \
         accountName: \"\\u2764\\uFE0F 葛\u{e0100}\"\n    owner: 🏳\u{fe0f}\u{200d}🌈 क्\u{200d}ष\n",
        key(0)
    );
    let set = desired(&text);
    assert_eq!(set.keys[0].name_to_send(), "❤\u{fe0f} 葛\u{e0100}");
    assert_eq!(
        codes("version: 1 # a\u{200d}b\nkeys: [] # \u{fe0f}\n"),
        ["1:15 unsafe-character", "2:12 unsafe-character"]
    );
}

/// One text for every mistake that the YAML parser distinguishes.
#[test]
fn each_mistake_of_syntax_is_explained() {
    let shown: String = [
        // An alias or a tag that nothing declares.
        "keys: *a\n",
        "keys: !a!b c\n",
        // Tabs.
        "keys:\n\t- a\n",
        "keys:\n  a: 1\n\tb: 2\n",
        "keys: |\n\ta\n",
        "keys: \"a\n\tb\"\n",
        "keys:\n  - a:\tb\n\t  c: d\n",
        "-\t- a\n",
        "? a\n:\t- b\n",
        "keys: a\n\tb: c\n",
        // Fields.
        "keys: a: b\n",
        " keys: []\nversion: 1\n",
        "version: 1\n keys: []\n",
        "version: 1\nkeys\nname: a\n",
        "version: 1\n  keys\nname: a\n",
        "version 1\nkeys: a\n",
        "keys:\n  - name: a\n   publicKey: b\n",
        "keys:\n  - name: a\n    - b\n",
        "keys:\n- a\nb\n",
        "keys: - a\n",
        "keys: ? a\n",
        "\"a\"b: c\n",
        "a: \"b\"c\n",
        "a: 'b' c\n",
        // Flow collections and brackets.
        "keys: [a\nb: c\n",
        "keys: {a: b\nc: d\n",
        "keys: [\n",
        "keys: [a, b\n",
        "keys: {a: b\n",
        "keys: {a: b]\n",
        "keys: [a: b}\n",
        "keys: ]\n",
        "keys: a]\n",
        "keys: [a]]\n",
        "keys: [,]\n",
        "keys: [-]\n",
        "keys: [a:[b]]\n",
        "keys: {a :x: b}\n",
        // Characters that begin no text.
        "keys: @a\n",
        "keys: `a\n",
        "keys: %a\n",
        // Quotes and escapes.
        "keys: \"abc\n",
        "keys: 'abc\n",
        "keys: \"abc\n---\n\"\n",
        "keys:\n  a: \"b\nc\"\n",
        "keys: \"\\q\"\n",
        "keys: \"\\xg\"\n",
        "keys: \"\\uD800\"\n",
        // Blocks.
        "keys: |0\n  a\n",
        "keys: | a\n",
        "keys:\n  a: |\n     \n   b\n",
        "keys: >5\n  a\n",
        // Anchors, tags, directives, documents.
        "keys: & a\n",
        "keys: &a &b c\n",
        "keys: *\n",
        "&a\n- b\n &c\n- d\n",
        "keys: !<a b\n",
        "keys: !<> b\n",
        "keys: !a%zz b\n",
        "keys: !a,b c\n",
        "%YAML 1.x\n---\n",
        "%YAML 1.2\n%YAML 1.2\n---\n",
        "%YAML 1.2\nkeys: []\n",
        "%TAG a b\n---\n",
        "keys: []\n%YAML 1.2\n---\n",
        "keys: []\n... a\n",
        "--- a: b\n",
        "keys: []#a\n",
        "keys: a\n# b\n c\n",
        "keys: \"a\"#b\n",
    ]
    .into_iter()
    .map(|text| {
        let report = one(text).report;
        let problems: String = list(&report)
            .into_iter()
            .zip(&report.diagnostics)
            .filter(|(_, problem)| problem.code.name().starts_with("yaml-"))
            .map(|(place, problem)| {
                format!("  {place}: {}\n    {}\n", problem.message, problem.help.as_deref().unwrap())
            })
            .collect();
        format!("{text:?}\n{problems}")
    })
    .collect();
    assert_snapshot!(shown);
}
