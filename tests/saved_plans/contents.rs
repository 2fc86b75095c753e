//! What a saved plan contains, and files that are refused.

use keyform::manifest::{PolicyCheck, Violation};
use keyform::names::KeyName;
use keyform::plan::file::{self, PlanFileError};
use keyform::plan::guard::{Acknowledged, Stage, refusals};
use keyform::plan::{Plan, Selection, Sight};
use serde_json::Value;

use crate::support::schema::{assert_valid, problems};
use crate::support::world::{self, listing, plan, recorded};
use crate::{STATE, one_of_each};

#[test]
fn a_saved_plan_reads_back_unchanged() {
    let plan = one_of_each();
    let read = file::from_text(file::to_text(&plan).as_bytes()).unwrap();
    // A listing at apply finds out.
    assert_eq!(read, Plan { sight: Sight::Unseen, ..plan });
}

#[test]
fn a_plan_without_changes_and_one_made_offline_read_back_too() {
    for plan in [plan("", "", ""), plan("a=A b=B", "b=C#1", "offline")] {
        let read = file::from_text(file::to_text(&plan).as_bytes()).unwrap();
        assert_eq!(read, Plan { sight: Sight::Unseen, ..plan });
    }
}

#[test]
fn every_change_of_the_actions_or_the_account_is_detected() {
    let text: Value = serde_json::from_str(&file::to_text(&one_of_each())).unwrap();
    let other = world::key('Z');
    let (blob, fingerprint) = (other.blob().to_string(), other.blob().fingerprint().to_string());
    let mut tampered = 0;
    for index in 0..text["actions"].as_array().unwrap().len() {
        let side = |side: &str| format!("/actions/{index}/{side}");
        for (path, value) in [
            (side("name"), "mallory"),
            (side("key/publicKey"), &*blob),
            (side("key/fingerprint"), &*fingerprint),
            (side("key/type"), "RSA"),
            (side("key/comment"), "mallory"),
            (side("id"), "999"),
            (side("recordedName"), "mallory"),
            (side("row/id"), "999"),
            (side("row/accountName"), "mallory"),
            (side("old/0/id"), "999"),
            (side("old/0/key/publicKey"), &*blob),
            (side("old/0/key/fingerprint"), &*fingerprint),
            (side("action"), "delete"),
            (side("reason/code"), "absent"),
            (side("reason/text"), "harmless"),
        ] {
            let mut text = text.clone();
            let Some(place) = text.pointer_mut(&path) else { continue };
            if *place == value {
                continue;
            }
            *place = value.into();
            assert!(file::from_text(text.to_string().as_bytes()).is_err(), "a change of {path} was not detected");
            tampered += 1;
        }
    }
    assert!(tampered > 50, "{tampered}");
    for (path, value) in [
        ("/endpoint", Value::from("https://evil.example")),
        ("/userId", "mallory".into()),
        ("/primary", "up".into()),
        ("/digest", format!("sha256:{}", "0".repeat(64)).into()),
        ("/formatVersion", 2.into()),
        ("/counts/delete", 0.into()),
    ] {
        let mut text = text.clone();
        *text.pointer_mut(path).unwrap() = value;
        assert!(file::from_text(text.to_string().as_bytes()).is_err(), "a change of {path} was not detected");
    }
    let mut dropped = text.clone();
    dropped["actions"].as_array_mut().unwrap().pop();
    assert!(matches!(file::from_text(dropped.to_string().as_bytes()), Err(PlanFileError::Tampered)));
    // Unknown fields could show a reviewer something that is not applied.
    for path in ["", "/actions/0", "/actions/0/key", "/actions/0/reason"] {
        let mut added = text.clone();
        added.pointer_mut(path).unwrap()["note"] = "harmless".into();
        assert!(file::from_text(added.to_string().as_bytes()).is_err(), "a field was added to {path}");
    }
}

#[test]
fn an_action_of_each_kind_matches_the_schema() {
    let mut document: Value = serde_json::from_str(&file::to_text(&one_of_each())).unwrap();
    assert_valid("plan", &document);
    for path in ["/actions/0", "/actions/0/key", "/actions/0/reason"] {
        let mut added = document.clone();
        added.pointer_mut(path).unwrap()["note"] = "harmless".into();
        assert!(!problems("plan", &added).is_empty(), "a field was added to {path}");
    }
    document["actions"][0]["reason"]["code"] = "no-reason".into();
    assert!(!problems("plan", &document).is_empty());
}

#[test]
fn conflict_markers_of_git_are_named_with_their_line() {
    let saved = file::to_text(&one_of_each());
    let (first, rest) = saved.split_once('\n').unwrap();
    for (text, expected) in [
        (format!("<<<<<<< HEAD\n{saved}=======\n{saved}>>>>>>> main\n"), 1),
        (format!("{first}\n<<<<<<< HEAD\n{rest}"), 2),
        (format!("{first}\r\n||||||| base\r\n{rest}"), 2),
        (format!("\u{feff}{first}\n=======\n{rest}"), 2),
        (format!("{saved}>>>>>>> main\n"), saved.lines().count() + 1),
    ] {
        let error = file::from_text(text.as_bytes()).unwrap_err();
        assert!(matches!(error, PlanFileError::Conflict(line) if line == expected), "{expected}: {error}");
    }
}

#[test]
fn files_that_are_not_plans_are_refused() {
    let saved = file::to_text(&one_of_each());
    let newer = saved.replacen("\"formatVersion\": 1", "\"formatVersion\": 2", 1);
    let state = keyform::state::file::to_text(&recorded(STATE));
    for (text, expected) in [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        (&saved[..saved.len() / 2], "the plan is truncated: EOF while parsing"),
        (&saved[..saved.len() - 3], "the plan is truncated: EOF while parsing"),
        ("{\"formatVersion\": 1", "the plan is truncated: EOF while parsing"),
        (&state, "this is a state, not a plan"),
        ("{\"formatVersion\": 1, \"success\": true, \"plan\": {}}", "this is the result of an apply, not a plan"),
        (&newer, "the plan has the format version 2; this version of keyform supports 1"),
        ("{\"formatVersion\": 99}", "the plan has the format version 99; this version of keyform supports 1"),
        ("{}", "not a plan saved by keyform: missing field"),
        ("[]", "not a plan saved by keyform: invalid"),
        ("{\"formatVersion\": 1}", "not a plan saved by keyform: missing field"),
        ("{\"formatVersion\": \"1\"}", "not a plan saved by keyform: invalid type"),
        ("version: 1\nkeys: []\n", "not a plan saved by keyform: expected value at line 1 column 1"),
        ("<!-- keyform:plan -->\n", "not a plan saved by keyform: expected value at line 1 column 1"),
    ] {
        let error = file::from_text(text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error} for {text}");
        assert!(!error.help().is_empty());
    }
}

/// A plan with drift, a note, an unmanaged row, a violation of the policy, and everything that a flag left out.
fn remarkable() -> Plan {
    let mut plan = world::plan_of(
        &world::desired("a=A+3 b=B c=C"),
        Some(&recorded("a=A#1+3 b=B#2 d=D#4 e=E#5 f=F#6")),
        Some(&listing("renamed=A#1 b=B#2* b=B#9 d=D#4 e=E#5 guest=G#7 f=F#6")),
    );
    plan.violations.push(Violation {
        name: KeyName::new("a").unwrap(),
        check: PolicyCheck::RequireOwner,
        message: "`a` has no `owner`".to_owned(),
        help: "add it".to_owned(),
    });
    let exclude = vec![KeyName::new("c").unwrap()];
    plan.select(&Selection { exclude, ..Selection::default() });
    plan.refuses_unmanaged = true;
    plan.refusals = refusals(&plan, &Acknowledged::default(), Stage::Plan);
    plan.arguments = vec!["--exclude".to_owned(), "c".to_owned()];
    plan
}

#[test]
fn what_a_review_needs_is_read_back_too_and_matches_the_schema() {
    let plan = remarkable();
    assert_eq!((plan.drift.len(), plan.notes.len(), plan.unmanaged.len(), plan.recorded.len()), (1, 2, 1, 3));
    assert_eq!(plan.refusals.len(), 3, "{:?}", plan.refusals);
    let text = file::to_text(&plan);
    assert_valid("plan", &serde_json::from_str(&text).unwrap());
    assert_eq!(file::from_text(text.as_bytes()).unwrap(), Plan { sight: Sight::Unseen, ..plan });
}

#[test]
fn the_sentences_of_a_saved_plan_match_its_details() {
    let document: Value = serde_json::from_str(&file::to_text(&remarkable())).unwrap();
    for list in ["drift", "warnings", "refusals"] {
        for field in ["text", "help", "allowedBy", "code", "guard", "surplus"] {
            let mut changed = document.clone();
            let item = &mut changed[list][0];
            if field != "surplus" && item.get(field).is_none() {
                continue;
            }
            item[field] = "harmless".into();
            assert!(file::from_text(changed.to_string().as_bytes()).is_err(), "{field} of {list}");
        }
    }
    assert_eq!(document["refusals"][2]["guard"], "deletes");
    assert_eq!(document["refusals"][2]["allowedBy"], "--allow-deletes 3");
    assert_eq!(document["refusals"][0]["guard"], "policy");
    assert_eq!(document["refusals"][0].get("allowedBy"), None);
}

/// A forged plan must not lower the number of managed keys that it deletes.
#[test]
fn guards_of_a_saved_plan_count_the_records_of_the_state() {
    let state = recorded("a=A#1 b=B#2 d=D#4 e=E#5 f=F#6");
    let mut plan = remarkable();
    (plan.recorded, plan.managed) = (Vec::new(), 100);
    plan.refuses_unmanaged = false;
    plan.violations.clear();
    let refused = |plan: &Plan| refusals(plan, &Acknowledged::default(), Stage::Apply).len();
    assert_eq!(refused(&plan), 0);
    plan.rebase(Some(&state));
    assert_eq!((refused(&plan), plan.managed), (1, 5));
}
