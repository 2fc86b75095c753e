//! The rules that a manifest sets for its own keys.

use insta::assert_snapshot;
use keyform::manifest::{PolicyCheck, Severity, UnmanagedPolicy};

use crate::support::{Folder, codes, desired, key, list, one, rsa_key};

fn with_policy(policy: &str, fields: &str) -> String {
    let key = if fields.contains("publicKey") { String::new() } else { format!(", publicKey: {}", key(0)) };
    format!("version: 1\npolicy: {{{policy}}}\nkeys:\n  - {{{fields}{key}}}\n")
}

#[test]
fn each_rule_is_a_check_of_its_own() {
    let rsa = rsa_key(3072);
    for (policy, fields, expected) in [
        ("algorithms: [ssh-rsa]", "name: a".to_owned(), &["4:26 policy-algorithms"][..]),
        ("algorithms: [ssh-rsa, ssh-ed25519]", "name: a".to_owned(), &[]),
        ("minRsaBits: 4096", format!("name: a, publicKey: {rsa}"), &["4:26 policy-min-rsa-bits"]),
        ("minRsaBits: 3072", format!("name: a, publicKey: {rsa}"), &[]),
        ("minRsaBits: 4096", "name: a".to_owned(), &[]),
        ("requireOwner: true", "name: a".to_owned(), &["4:6 policy-require-owner"]),
        ("requireOwner: true", "name: a, owner: x".to_owned(), &[]),
        ("requireOwner: true", "name: a, owner: 1".to_owned(), &["4:22 field-quote"]),
        ("requireOwner: true", "name: a, onwer: x".to_owned(), &["4:15 field-unknown"]),
        ("maxLifetimeDays: 60", "name: a, expire: 2027-02-30".to_owned(), &["4:15 field-unknown"]),
        ("requireOwner: false", "name: a".to_owned(), &[]),
        ("maxLifetimeDays: 60", "name: a".to_owned(), &["4:6 policy-max-lifetime"]),
        ("maxLifetimeDays: 60", "name: a, expires: 2027-03-16".to_owned(), &[]),
        ("maxLifetimeDays: 60", "name: a, expires: 2027-03-17".to_owned(), &["4:24 policy-max-lifetime"]),
        ("maxLifetimeDays: 60", "name: a, expires: 2027-01-01".to_owned(), &["4:24 key-expired"]),
        ("namePattern: '^[a-z]+$'", "name: ab".to_owned(), &[]),
        ("namePattern: '^[a-z]+$'", "name: aB".to_owned(), &["4:12 policy-name-pattern"]),
        ("namePattern: '[a-z]'", "name: aB".to_owned(), &[]),
    ] {
        assert_eq!(codes(&with_policy(policy, &fields)), expected, "{policy} {fields}");
    }
}

#[test]
fn a_violation_is_data_that_does_not_stop_the_plan() {
    let loaded = one(&with_policy("requireOwner: true, maxLifetimeDays: 30", "name: a"));
    assert_eq!(loaded.report.worst(), Some(Severity::Policy));
    let desired = loaded.desired.unwrap();
    let found: Vec<_> = desired.violations.iter().map(|found| (found.name.as_str(), found.check)).collect();
    assert_eq!(found, [("a", PolicyCheck::RequireOwner), ("a", PolicyCheck::MaxLifetimeDays)]);
    assert_eq!(desired.violations[0].message, "`a` has no `owner`");
    assert_eq!(desired.refused_violations(), desired.violations);
}

#[test]
fn a_policy_that_warns_refuses_nothing() {
    let loaded = one(&with_policy("level: warn, requireOwner: true", "name: a"));
    assert_eq!(list(&loaded.report), ["4:6 policy-require-owner"]);
    assert_eq!(loaded.report.worst(), Some(Severity::Warning));
    let desired = loaded.desired.unwrap();
    assert_eq!((desired.violations.len(), desired.refused_violations().len()), (1, 0));
}

#[test]
fn an_exempt_key_need_not_pass_that_check() {
    let rules = "requireOwner: true, maxLifetimeDays: 30, namePattern: ^x";
    let exempt = |exempt: &str| codes(&with_policy(rules, &format!("name: a, exempt: [{exempt}]")));
    assert_eq!(exempt("maxLifetimeDays, namePattern"), ["4:6 policy-require-owner"]);
    assert_eq!(exempt("requireOwner, maxLifetimeDays"), ["4:12 policy-name-pattern"]);
    let key = desired(&with_policy("requireOwner: true", "name: a, exempt: [requireOwner, requireOwner]"));
    assert_eq!(key.keys[0].exempt, [PolicyCheck::RequireOwner]);
}

#[test]
fn unmanaged_rows_are_judged_by_their_name() {
    let set = desired(&with_policy("unmanaged: refuse, unmanagedExcept: ['skypilot-*', 'x']", "name: a"));
    assert_eq!(set.unmanaged, UnmanagedPolicy::Refuse);
    assert!(set.expects_unmanaged("skypilot-1") && set.expects_unmanaged("x") && !set.expects_unmanaged("xy"));
    let set = desired(&with_policy("unmanaged: report", "name: a"));
    assert!(set.unmanaged == UnmanagedPolicy::Report && !set.expects_unmanaged("x"));
}

#[test]
fn a_policy_holds_for_every_file_and_is_shown_with_what_breaks_it() {
    let rules = "version: 1\npolicy:\n  namePattern: ^team-\nkeys: []\n";
    let team = format!("version: 1\nkeys:\n  - name: alice\n    publicKey: {}\n", key(0));
    let folder = Folder::new(&[("rules.yaml", rules), ("team.yaml", &team)]);
    assert_snapshot!(folder.text(&folder.load(&["rules.yaml", "team.yaml"]).report));
}
