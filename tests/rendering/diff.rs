//! The diff can be applied with `patch`, and gives the other side.

use keyform::report::diff;
use proptest::prelude::*;

use crate::scenes::Scene;
use crate::support::world;

/// Returns the lines of a diff without its comments.
fn hunks(diff: &str) -> impl Iterator<Item = &str> {
    diff.lines().filter(|line| !line.starts_with('#'))
}

/// Applies a unified diff to the lines it was made from.
fn patched(before: &[String], diff: &str) -> Vec<String> {
    let mut after = Vec::new();
    let mut at = 0;
    for line in hunks(diff).skip(2) {
        if let Some(header) = line.strip_prefix("@@ -") {
            let range = header.split(' ').next().unwrap();
            let (start, length) = range.split_once(',').unwrap_or((range, "1"));
            let start: usize = start.parse().unwrap();
            let first = if length == "0" { start } else { start - 1 };
            after.extend_from_slice(&before[at..first]);
            at = first;
            continue;
        }
        let (tag, text) = line.split_at(1);
        match tag {
            " " | "-" => {
                assert_eq!(before[at], text, "{diff}");
                at += 1;
                if tag == " " {
                    after.push(text.to_owned());
                }
            }
            "+" => after.push(text.to_owned()),
            other => panic!("{other:?} in {diff}"),
        }
    }
    after.extend_from_slice(&before[at..]);
    after
}

/// Returns the lines of a state, taken from the diff of a plan that deletes all of it.
fn written(state: &str) -> Vec<String> {
    let scene = Scene::of(&world::desired(""), state, state);
    let diff = diff::plan(&scene.plan, Some(&scene.recorded));
    hunks(&diff).skip(3).map(|line| line[1..].to_owned()).collect()
}

/// Returns the names and fingerprints in a YAML list.
fn names(lines: &[String]) -> Vec<String> {
    let keys: Vec<serde_json::Value> = serde_yaml::from_str(&lines.join("\n")).unwrap();
    keys.iter()
        .map(|key| format!("{}={}", key["name"].as_str().unwrap(), key["fingerprint"].as_str().unwrap()))
        .collect()
}

fn words(with_ids: bool) -> impl Strategy<Value = String> {
    // Names and letters vary independently, so that keys are rotated, renamed and swapped.
    prop::collection::btree_map(0..12_u8, 0..12_u8, 0..10).prop_map(move |pairs| {
        let mut taken = std::collections::BTreeSet::new();
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
        let scene = Scene::of(&world::desired(&desired), &recorded, &recorded);
        let diff = scene.diff();
        let after = patched(&written(&recorded), &diff);
        let fingerprint = |key: &keyform::manifest::DesiredKey| format!("{}={}", key.name, key.key.blob().fingerprint());
        let expected: Vec<_> = world::desired(&desired).keys.iter().map(fingerprint).collect();
        prop_assert_eq!(names(&after), expected);
        prop_assert_eq!(hunks(&diff).count() == 0, scene.plan.is_empty());
    }
}

#[test]
fn a_recorded_row_that_replaces_another_is_shown_only_with_its_new_name() {
    let scene = Scene::of(&world::desired("b=A"), "a=A#1(b) b=B#2", "b=A#1 b=B#2");
    assert_eq!(world::show(&scene.plan), "±b=A#1 name -#2 (other-key)");
    let before = written("a=A#1(b) b=B#2");
    let after = patched(&before, &diff::plan(&scene.plan, Some(&scene.recorded)));
    assert_eq!(names(&after), [format!("b={}", world::key('A').blob().fingerprint())]);
}
