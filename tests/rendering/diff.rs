//! Both sides of a diff are the keys that a plan changes, before and after.

use std::collections::BTreeSet;

use keyform::manifest::DesiredKey;
use proptest::prelude::*;

use crate::scenes::Scene;
use crate::support::world;

/// The YAML of both sides.
#[derive(Debug, Default)]
struct Patch {
    before: String,
    after: String,
}

/// Reads a unified diff, and checks the numbers in its header.
fn parse(diff: &str) -> Patch {
    let mut lines = diff.lines().filter(|line| !line.starts_with("# "));
    let Some(header) = lines.nth(2) else { return Patch::default() };
    let mut patch = Patch::default();
    for line in lines {
        let (tag, text) = line.split_at(1);
        assert!(["+", "-", " "].contains(&tag), "{line:?} in {diff}");
        for (side, other) in [(&mut patch.before, "+"), (&mut patch.after, "-")] {
            if tag != other {
                *side += &format!("{text}\n");
            }
        }
    }
    let range = |side: &str| match side.lines().count() {
        0 => "0,0".to_owned(),
        1 => "1".to_owned(),
        length => format!("1,{length}"),
    };
    assert_eq!(header, format!("@@ -{} +{} @@", range(&patch.before), range(&patch.after)), "{diff}");
    patch
}

/// Returns the entries of one side.
fn entries(side: &str) -> Vec<serde_json::Value> {
    if side.is_empty() { Vec::new() } else { serde_yaml::from_str(side).unwrap() }
}

/// Returns the names and fingerprints of one side.
fn names(side: &str) -> BTreeSet<String> {
    let name =
        |key: &serde_json::Value| format!("{}={}", key["name"].as_str().unwrap(), key["fingerprint"].as_str().unwrap());
    entries(side).iter().map(name).collect()
}

fn words(with_ids: bool) -> impl Strategy<Value = String> {
    // Names and letters vary independently, so that keys are rotated, renamed and swapped.
    prop::collection::btree_map(0..12_u8, 0..12_u8, 0..10).prop_map(move |pairs| {
        let mut taken = BTreeSet::new();
        let unique = pairs.into_iter().filter(|(_, letter)| taken.insert(*letter));
        let word = |(name, letter): (u8, u8)| {
            let id = if with_ids { format!("#{name}") } else { String::new() };
            format!("k{name:02}={}{id}", char::from(b'A' + letter))
        };
        unique.map(word).collect::<Vec<_>>().join(" ")
    })
}

proptest! {
    #[test]
    fn a_diff_turns_the_recorded_keys_into_the_desired_ones(recorded in words(true), desired in words(false)) {
        let desired = world::desired(&desired);
        let scene = Scene::of(&desired, &recorded, &recorded);
        let patch = parse(&scene.diff());
        let (before, after) = (names(&patch.before), names(&patch.after));
        let recorded = world::recorded(&recorded);
        let recorded: BTreeSet<_> =
            recorded.records.values().map(|record| format!("{}={}", record.name, record.fingerprint)).collect();
        let expected: BTreeSet<_> = desired
            .keys
            .iter()
            .map(|DesiredKey { name, key, .. }| format!("{name}={}", key.blob().fingerprint()))
            .collect();
        prop_assert!(before.is_subset(&recorded) && after.is_subset(&expected));
        prop_assert_eq!(&(&recorded - &before) | &after, expected);
        prop_assert_eq!(patch.before.is_empty() && patch.after.is_empty(), scene.plan.is_empty());
    }
}

#[test]
fn a_diff_has_the_changed_entries_whole_and_no_others() {
    let scene = Scene::of(&world::desired("a=A<ann> b=B"), "a=A#1 b=B#2", "a=A#1* b=B#2");
    let patch = parse(&scene.diff());
    let [before, after] = [&patch.before, &patch.after].map(|side| entries(side));
    assert_eq!((before.len(), after.len()), (1, 1), "{patch:?}");
    let mut expected = before[0].clone();
    expected["owner"] = "ann".into();
    assert_eq!(after[0], expected);
    assert_eq!(after[0]["primary"], true, "what stays is shown too");
}

#[test]
fn a_diff_shows_which_key_was_the_primary_and_which_is() {
    let primaries = |side: &str| {
        let primaries = entries(side).into_iter().filter(|key| key["primary"] == true);
        primaries.map(|key| key["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (wanted, account, before, after) in [
        ("a=A b=B*", "a=A#1* b=B#2", vec!["a"], vec!["b"]),
        ("b=B*", "a=A#1* b=B#2", vec!["a"], vec!["b"]),
        ("a=C b=B", "a=A#1* b=B#2", vec!["a"], vec!["a"]),
        ("a=A b=B c=C*", "a=A#1* b=B#2", vec!["a"], vec!["c"]),
        ("a=A b=B*", "a=A#1 b=B#2", vec![], vec!["b"]),
    ] {
        let scene = Scene::of(&world::desired(wanted), "a=A#1 b=B#2", account);
        let patch = parse(&scene.diff());
        assert_eq!(
            (primaries(&patch.before), primaries(&patch.after)),
            (before.iter().map(ToString::to_string).collect(), after.iter().map(ToString::to_string).collect()),
            "{wanted} on {account}: {patch:?}"
        );
    }
}

#[test]
fn a_recorded_row_that_replaces_another_is_shown_only_with_its_new_name() {
    let scene = Scene::of(&world::desired("b=A"), "a=A#1(b) b=B#2", "b=A#1 b=B#2");
    assert_eq!(world::show(&scene.plan), "±b=A#1 name -#2 (other-key)");
    let patch = parse(&scene.diff());
    let fingerprint = |letter| world::key(letter).blob().fingerprint().to_string();
    assert_eq!(names(&patch.before).len(), 2);
    assert_eq!(names(&patch.after), BTreeSet::from([format!("b={}", fingerprint('A'))]));
}

#[test]
fn a_diff_shows_all_keys_of_a_row_that_is_deleted() {
    let keys_of = |account| {
        let scene = Scene::of(&world::desired("a=A r=B$"), "a=A#1", account);
        let before = entries(&parse(&scene.diff()).before);
        before.first().map(|entry| entry["mixedKeys"].clone()).unwrap_or_default()
    };
    let prints = |letters: &str| -> serde_json::Value {
        letters.chars().map(|letter| world::key(letter).blob().fingerprint().to_string()).collect()
    };
    assert_eq!(keys_of("a=A#1 z=C#2&B"), prints("CB"));
    assert_eq!(keys_of("a=A#1 z=B#2&"), prints("B"));
    assert_eq!(keys_of("a=A#1 z=B#2"), serde_json::Value::Null);
}
