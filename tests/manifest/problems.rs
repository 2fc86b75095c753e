//! Every problem of all files in one run, each at its place.

use insta::assert_snapshot;

use crate::support::{Folder, codes, desired, key, list, one, rsa_key};

#[test]
fn twelve_mistakes_in_two_files_give_twelve_problems_in_one_run() {
    let [one, two, three] = [0, 1, 2].map(key);
    let alpha = format!(
        "version: 1
policy:
  minRsaBits: 1024
keys:
  - nmae: alice
    publicKey: {one}
  - name: 123
    publicKey: {two} bob@example.com
    expires: 2027-02-30
  - name: carol
    publicKey: {three}
    primary: yes
  - name: dave
    publicKeyFile: ../dave.pub
"
    );
    let beta = format!(
        "version: 1
account: {{userId: \"cm4x abc\"}}
policy: {{}}
keys:
  - name: carol
    publicKey: {two}
  - name: \"erin\u{202e}\"
    publicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA=
"
    );
    let folder = Folder::new(&[("alpha.yaml", &alpha), ("beta.yaml", &beta)]);
    let loaded = folder.load(&["alpha.yaml", "beta.yaml"]);
    assert!(loaded.desired.is_none());
    assert_eq!(
        list(&loaded.report),
        [
            "3:15 field-value",
            "5:5 field-unknown",
            "7:11 field-quote",
            "9:14 field-value",
            "12:14 field-value",
            "14:20 key-file-path",
            "2:19 field-value",
            "3:1 policy-twice",
            "5:11 name-duplicate",
            "6:16 key-duplicate",
            "7:16 unsafe-character",
            "8:28 key-truncated",
        ]
    );
    assert_eq!(loaded.report.summary(), "12 errors in 2 files");
    assert_snapshot!(folder.text(&loaded.report));
}

#[test]
fn each_mistake_is_named_and_placed() {
    let key = key(0);
    let entry = |fields: &str| format!("version: 1\nkeys:\n  - name: a\n    publicKey: {key}\n    {fields}\n");
    let root = |fields: &str| format!("{fields}\nversion: 1\nkeys: []\n");
    let table = [
        ("version: 1\nkeys:\n".to_owned(), "2:1 field-type"),
        ("version: 1\n".to_owned(), "1:1 field-missing"),
        ("keys: []\n".to_owned(), "1:1 field-missing"),
        ("version: 2\nkeys: []\n".to_owned(), "1:10 version-newer"),
        ("version: \"1\"\nkeys: []\n".to_owned(), "1:10 field-value"),
        ("version: 1.0\nkeys: []\n".to_owned(), "1:10 field-value"),
        ("version: 1\nkeys: {}\n".to_owned(), "2:7 field-type"),
        ("version: 1\nkeys: [a]\n".to_owned(), "2:8 field-type"),
        ("- a\n".to_owned(), "1:1 field-type"),
        ("hello\n".to_owned(), "1:1 field-type"),
        (root("account: {}"), "1:1 field-missing"),
        (root("account: cm4x"), "1:10 field-type"),
        (root("account: {userid: x}"), "1:11 field-unknown"),
        (root("account: {userId: 12}"), "1:19 field-quote"),
        (root("policy: {minRsaBits: 0xfff}"), "1:22 field-value"),
        (root("policy: {minRsaBits: 99999999999}"), "1:22 field-value"),
        (root("policy: {maxLifetimeDays: 0}"), "1:27 field-value"),
        (root("policy: {requireOwner: 'true'}"), "1:24 field-value"),
        (root("policy: {algorithms: ssh-rsa}"), "1:22 field-type"),
        (root("policy: {algorithms: []}"), "1:10 field-value"),
        (root("policy: {algorithms: [ssh-rsa, ed25519]}"), "1:32 field-value"),
        (root("policy: {namePattern: '['}"), "1:23 field-value"),
        (root("policy: {namePattern: 'a{1000}{1000}'}"), "1:23 field-value"),
        (root("policy: {namePattern: '.*a.{20}x'}"), "1:23 field-value"),
        (root("policy: {level: error}"), "1:17 field-value"),
        (root("policy: {unmanaged: warn}"), "1:21 field-value"),
        (root("policy: {unmanaged: [refuse]}"), "1:21 field-type"),
        (root("policy: {unmanagedExcept: a*}"), "1:27 field-type"),
        (root("policy: {unmanagedExcept: [12]}"), "1:28 field-quote"),
        (root("policy: {unmanagedExcept: ['']}"), "1:28 field-value"),
        (root(&format!("policy: {{unmanagedExcept: [{}]}}", "a, ".repeat(101))), "1:10 field-value"),
        (root("revoked: {}"), "1:10 field-type"),
        (root("revoked: [x]"), "1:11 field-type"),
        (root("revoked: [{}]"), "1:11 field-missing"),
        (root("revoked: [{fingerprnt: x}]"), "1:12 field-unknown"),
        (root("revoked: [{reason: x}]"), "1:12 field-missing"),
        (root("revoked: [{fingerprint: x}]"), "1:25 revoked-fingerprint"),
        (root("revoked: [{publicKey: x y}]"), "1:23 key-type"),
        (root(&format!("revoked: [{{fingerprint: x, publicKey: {key}}}]")), "1:28 field-both"),
        (root(&format!("revoked: [{{publicKey: {key}, reason: '{}'}}]", "x".repeat(257))), "1:113 field-value"),
        (root("polcy: {}"), "1:1 field-unknown"),
        (root("1: 2"), "1:1 field-unknown"),
        (root("token: pit_x"), "1:1 field-credentials"),
        (root("API_Key: pit_x"), "1:1 field-credentials"),
        (root("endpoint: https://example.com"), "1:1 field-credentials"),
        (entry("owner:"), "5:5 field-value"),
        (entry("owner: ''"), "5:12 field-value"),
        (entry("owner: null"), "5:12 field-value"),
        (entry("owner: 1e3"), "5:12 field-quote"),
        (entry("owner: [a]"), "5:12 field-type"),
        (entry("owner: \"a\\u202eb\""), "5:12 field-value"),
        (entry("expires: 2027-6-30"), "5:14 field-value"),
        (entry("expires: 20270630"), "5:14 field-value"),
        (entry("protect: no"), "5:14 field-value"),
        (entry("primary: 1"), "5:14 field-value"),
        (entry("accountName: ' a'"), "5:18 account-name-invalid"),
        (entry("accountName: 12"), "5:18 field-quote"),
        (entry("accountName: \"a\\u200bb\""), "5:18 account-name-invalid"),
        (entry("exempt: requireOwner"), "5:13 field-type"),
        (entry("exempt: [owner]"), "5:14 field-value"),
        (entry("protect: true\n    expires: 2030-01-01"), "5:14 protect-expires"),
        (entry("name: b"), "5:5 field-duplicate"),
        (entry("'name': b"), "5:5 field-duplicate"),
        (entry("publicKeyFile: a.pub"), "5:5 field-both"),
        (entry("comment: hello"), "5:5 field-unknown"),
        ("version: 1\nkeys:\n  - name: a\n".to_owned(), "3:5 field-missing"),
        (format!("version: 1\nkeys:\n  - publicKey: {key}\n"), "3:5 field-missing"),
        (format!("version: 1\nkeys:\n  - name: ' a'\n    publicKey: {key}\n"), "3:11 name-invalid"),
        (format!("version: 1\nkeys:\n  - name: {}\n    publicKey: {key}\n", "x".repeat(101)), "3:11 name-invalid"),
        (format!("version: 1\nkeys:\n  - name: Bob's\n    publicKey: {key}\n"), "3:11 name-invalid"),
        ("version: 1\nkeys:\n  - name: a\n    publicKey: 12\n".to_owned(), "4:16 key-type"),
        ("version: 1\nkeys:\n  - name: a\n    publicKey: ~\n".to_owned(), "4:16 field-value"),
        ("version: 1\nkeys:\n  - name: a\n    publicKey: |\n      not a key\n".to_owned(), "5:7 key-type"),
        ("version: 1\nkeys:\n  - name: a # ä\n    publicKey: 'ssh-ed25519 %%'\n".to_owned(), "4:29 key-base64"),
        (String::new(), "manifest-empty"),
        ("# nothing\n".to_owned(), "1:1 manifest-empty"),
        ("---\n...\n".to_owned(), "2:1 field-type"),
    ];
    for (text, expected) in table {
        assert_eq!(codes(&text), [expected], "{text}");
    }
}

#[test]
fn clashes_name_the_first_place_too() {
    let [one, two] = [0, 1].map(key);
    let text = format!(
        "version: 1\nkeys:\n  - {{name: a, publicKey: {one} x, primary: true}}\n  \
         - {{name: a, publicKey: {two}, primary: true}}\n  - {{name: b, publicKey: {one} y}}\n"
    );
    let folder = Folder::new(&[("keys.yaml", &text)]);
    let loaded = folder.load(&["keys.yaml"]);
    let places: Vec<String> = loaded
        .report
        .diagnostics
        .iter()
        .map(|d| {
            let first = loaded.report.sources[0].locate(&d.related[0].place.range);
            format!("{} {}:{}", d.code, first.line, first.column)
        })
        .collect();
    let primary = 26 + one.len() + ", x primary: ".len();
    assert_eq!(
        places,
        ["name-duplicate 3:12".to_owned(), format!("primary-twice 3:{primary}"), "key-duplicate 3:26".to_owned()]
    );
}

#[test]
fn a_manifest_gives_its_keys_sorted_by_name() {
    let [one, two] = [0, 1].map(key);
    let text = format!(
        "version: 1
account:
  userId: cm4xabc
keys:
  - name: zoe
    publicKey: {one} zoe@example.com
    primary: true
    accountName: Zoë's key 🔑
    owner: zoe@example.com
    expires: 2028-02-29
  - name: \"123\"
    publicKey: >
      {two}
      a comment
    protect: true
"
    );
    let set = desired(&text);
    assert_eq!(set.account.as_ref().map(ToString::to_string).as_deref(), Some("cm4xabc"));
    let [number, zoe] = set.keys.as_slice() else { panic!("{set:?}") };
    assert_eq!((number.name.as_str(), number.key.to_line()), ("123", format!("{two} a comment")));
    assert!(number.protect && !number.primary);
    assert_eq!((zoe.name.as_str(), zoe.key.to_line()), ("zoe", format!("{one} zoe@example.com")));
    assert_eq!((zoe.primary, zoe.protect, zoe.owner.as_deref()), (true, false, Some("zoe@example.com")));
    assert_eq!((zoe.name_to_send(), number.name_to_send()), ("Zoë's key 🔑", "123"));
    assert_eq!(zoe.expires.unwrap().to_string(), "2028-02-29");
    let entry = &text[zoe.place.range.clone()];
    assert!(entry.starts_with("name: zoe\n") && entry.ends_with("2028-02-29"), "{entry}");
    let entry = &text[number.place.range.clone()];
    assert!(entry.starts_with("name: \"123\"\n") && entry.ends_with("protect: true"), "{entry}");
    assert!(desired("version: 1\nkeys: []\n").keys.is_empty());
}

#[test]
fn a_key_that_ends_or_is_weak_is_warned_of_and_used() {
    let ed25519 = key(0);
    let with = |key: &str| format!("version: 1\nkeys:\n  - name: a\n    publicKey: {key}\n");
    let entry = |fields: &str| format!("version: 1\nkeys:\n  - name: a\n    publicKey: {ed25519}\n    {fields}\n");
    let none: [&str; 0] = [];
    for (text, expected) in [
        (entry("expires: 2027-01-14"), vec!["5:14 key-expired"]),
        (entry("expires: 2027-01-15"), vec!["5:14 key-expires-soon"]),
        (entry("expires: 2027-02-14"), vec!["5:14 key-expires-soon"]),
        (entry("expires: 2027-02-15"), none.to_vec()),
        (entry("expires: 2030-01-01\n    primary: true"), vec!["5:14 primary-expires"]),
        (with(&rsa_key(2048)), vec!["4:16 key-rsa-weak"]),
        (with(&rsa_key(2047)), vec!["4:16 key-rsa-weak"]),
        (with(&rsa_key(3072)), none.to_vec()),
    ] {
        assert_eq!(codes(&text), expected, "{text}");
        assert_eq!(desired(&text).keys.len(), 1);
    }
}

#[test]
fn too_many_problems_are_counted_instead_of_shown() {
    let text = format!("version: 1\nkeys:\n{}", "  - name: 1\n".repeat(10_003));
    let folder = Folder::new(&[("keys.yaml", &text)]);
    let report = folder.load(&["keys.yaml"]).report;
    let last = report.diagnostics.last().unwrap();
    assert_eq!(report.diagnostics.len(), 10_001);
    assert_eq!(
        (last.code.name(), &*last.message),
        ("too-many-problems", "10006 more errors are not shown; the limit is 10000")
    );
}

#[test]
fn a_value_of_any_length_is_a_key_or_a_problem() {
    for value in ["x", "é", "~", "\"~\"", "\"\"", "''", "' '", "", "null", "-", "\"x\"", "1", "[]", "{}", "x y"] {
        let loaded = one(&format!("version: 1\nkeys:\n  - name: a\n    publicKey: {value}\n"));
        assert!(loaded.desired.is_none() && !loaded.report.diagnostics.is_empty(), "{value}");
    }
}
