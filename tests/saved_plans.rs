//! Saved plans: read back unchanged, and refused if they or their basis have changed.

#![cfg(test)]

mod support;

use keyform::account::{Listing, Row};
use keyform::manifest::{PolicyCheck, Violation};
use keyform::names::{KeyId, KeyName};
use keyform::plan::file::{self, PlanFileError};
use keyform::plan::guard::{Acknowledged, Stage, refusals};
use keyform::plan::{
    AccountRow, AttributeChange, Change, NamedRow, NewKey, OldKey, Plan, Reason, Selection, Sight, broken,
};
use keyform::state::Origin;
use serde_json::Value;
use support::schema::{assert_valid, problems};
use support::world::{self, listing, plan, recorded, today};

/// A world with one action of each kind.
const DESIRED: &str = "up=U ad=A new=R(new) pr=P* na=N<ann>";
const STATE: &str = "old=R#1 pr=P#2 gone=G#3 bad=D#4 nb=N#6(na)";
const ACCOUNT: &str = "old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6";

fn one_of_each() -> Plan {
    let plan = plan(DESIRED, STATE, ACCOUNT);
    let kinds: std::collections::BTreeSet<_> = plan.actions.iter().map(|action| action.change.kind()).collect();
    assert_eq!(kinds.len(), 7, "{}", world::show(&plan));
    plan
}

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

#[test]
fn a_plan_is_valid_until_something_it_depends_on_changes() {
    let plan = one_of_each();
    assert_eq!(broken(&plan, Some(&recorded(STATE)), &listing(ACCOUNT), today()), Vec::<String>::new());
    // Keys outside the plan may change.
    let more = listing(&format!("{ACCOUNT} zz=Z#77"));
    assert_eq!(broken(&plan, Some(&recorded(STATE)), &more, today()), Vec::<String>::new());
}

#[test]
fn each_change_that_invalidates_a_plan_is_reported() {
    let table: &[(&str, &str)] = &[
        // The account now, and the report.
        ("old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6 up=U#9", "upload up: the key is already on the account, id 9"),
        ("old=R#1 pr=P#2 bad=D#4* na=N#6", "adopt ad: id 5 no longer has this key"),
        ("old=R#1 pr=P#2 bad=D#4* xx=Z#5 na=N#6", "adopt ad: id 5 no longer has this key"),
        ("pr=P#2 bad=D#4* xx=A#5 na=N#6", "replace new: id 1 is no longer on the account, or has another key"),
        ("old=R#1* pr=P#2 bad=D#4 xx=A#5 na=N#6", "replace new: id 1 is now the primary key"),
        ("old=R#1 new=R#8 pr=P#2 bad=D#4* xx=A#5 na=N#6", "replace new: the key is already on the account, id 8"),
        ("old=R#1 pr=P#2* bad=D#4 xx=A#5 na=N#6", "promote pr: it is already the primary key"),
        ("old=R#1 bad=D#4* xx=A#5 na=N#6", "promote pr: id 2 no longer has this key"),
        ("old=R#1 pr=P#2 xx=A#5 na=N#6", "delete bad: id 4 is no longer on the account, or has another key"),
        ("old=R#1 pr=P#2 bad=D#4 xx=A#5 na=N#6", "delete bad: id 4 is no longer the primary key"),
        ("old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6 gone=G#3", "forget gone: id 3 is on the account again"),
        // Names on the account are shown to the reviewer, so they must hold.
        ("old=R#1 pr=P#2 bad=D#4* xx=A#5 nb=N#6", "update na: id 6 was named \"na\" on the account, and is now \"nb\""),
        ("old=R#1 pr=P#2 bad=D#4* yy=A#5 na=N#6", "adopt ad: id 5 was named \"xx\" on the account, and is now \"yy\""),
        (
            "odd=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6",
            "replace new: id 1 was named \"old\" on the account, and is now \"odd\"",
        ),
        (
            "old=R#1 pr=P#2 good=D#4* xx=A#5 na=N#6",
            "delete bad: id 4 was named \"bad\" on the account, and is now \"good\"",
        ),
        ("old=R#1 pr=P#2 bad=D#4* xx=A#5", "update na: id 6 no longer has this key"),
    ];
    let plan = one_of_each();
    for (account, expected) in table {
        let said = broken(&plan, Some(&recorded(STATE)), &listing(account), today());
        assert!(said.iter().any(|line| line == expected), "[{account}]\n  {said:?}\n  {expected:?} expected");
    }
}

#[test]
fn a_plan_is_bound_to_its_state() {
    let plan = one_of_each();
    let say = |state: Option<&keyform::state::State>| broken(&plan, state, &listing(ACCOUNT), today());
    let mut state = recorded(STATE);
    state.serial = 2;
    assert_eq!(say(Some(&state)), ["the plan was made from serial 1 of the state, which is now at serial 2"]);
    state.lineage = uuid::Uuid::max();
    assert_eq!(say(Some(&state)), ["the plan was made from another state"]);
    assert_eq!(say(None)[0], "the plan was made from a state, but the state is now missing");
    let mut state = recorded(STATE);
    state.endpoint = keyform::account::Endpoint::default();
    assert_eq!(
        say(Some(&state)),
        ["the plan is for http://localhost/test, but the state is for https://api.primeintellect.ai"]
    );
}

#[test]
fn a_plan_is_bound_to_its_account_and_to_the_expiry_of_its_keys() {
    let mut plan = one_of_each();
    let mallory = keyform::names::UserId::new("mallory").unwrap();
    let rows = listing(ACCOUNT).rows().to_vec().into_iter();
    let other = Listing::new(rows.map(|row| Row { user_id: mallory.clone(), ..row })).unwrap();
    let said = broken(&plan, Some(&recorded(STATE)), &other, today());
    assert_eq!(said, ["the plan is for user user-1, but the account belongs to user mallory"]);

    for action in &mut plan.actions {
        if let Change::Upload(key) = &mut action.change {
            key.expires = Some(today());
        }
    }
    let say = |day| broken(&plan, Some(&recorded(STATE)), &listing(ACCOUNT), day);
    assert_eq!(say(today()), Vec::<String>::new());
    assert_eq!(say(today().tomorrow().unwrap()), [format!("upload up: the key expired; its last day was {}", today())]);
}

#[test]
fn a_forged_plan_cannot_delete_keys_that_are_not_managed() {
    // Even a forged plan with a valid digest cannot delete a row that is not in the state.
    let account = "old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6 theirs=T#7";
    let forged = Plan { base: one_of_each().base, ..plan(DESIRED, &format!("{STATE} theirs=T#7"), account) };
    let read = file::from_text(file::to_text(&forged).as_bytes()).unwrap();
    let said = broken(&read, Some(&recorded(STATE)), &listing(account), today());
    let expected = ["the state has another record of id 7", "delete theirs: id 7 does not match a key in the state"];
    assert_eq!(said, expected);
}

#[test]
fn a_saved_plan_cannot_hide_a_deletion_from_its_digest_by_calling_it_expired() {
    for (state, is_true) in [("a=A#1+1 b=B#2", false), ("a=A#1 b=B#2", false), ("a=A#1~ b=B#2", true)] {
        let account = listing("a=A#1 b=B#2");
        let mut forged = world::plan_of(&world::desired("b=B"), Some(&recorded(state)), Some(&account));
        for action in &mut forged.actions {
            if let Change::Delete(old) = &mut action.change {
                (old.expires, old.has_expired) = (Some(today().yesterday().unwrap()), true);
            }
        }
        let said = broken(&forged, Some(&recorded(state)), &account, today());
        let expected = if is_true { vec![] } else { vec!["delete a: the state has another expiry for id 1"] };
        assert_eq!(said, expected, "[{state}]");
    }
    let said = said_of_forged("b=B", "a=A#1+1 b=B#2", "a=A#1 b=B#2", |plan| old(plan, "a").has_expired = true);
    assert_eq!(said, ["delete a: the state has another expiry for id 1"]);
}

/// A change of a plan that its file allows, since the digest is computed again.
type Forgery = fn(&mut Plan);

/// Returns what is said of a plan that was changed after it was made.
fn said_of_forged(wanted: &str, state: &str, account: &str, forge: Forgery) -> Vec<String> {
    let mut forged = plan(wanted, state, account);
    assert_eq!(broken(&forged, Some(&recorded(state)), &listing(account), today()), [""; 0], "before the change");
    forge(&mut forged);
    let read = file::from_text(file::to_text(&forged).as_bytes()).unwrap();
    broken(&read, Some(&recorded(state)), &listing(account), today())
}

/// The first old row of an action with this name.
fn old<'p>(plan: &'p mut Plan, name: &str) -> &'p mut OldKey {
    let action =
        plan.actions.iter_mut().find(|action| action.name.as_str() == name && !action.change.old_rows().is_empty());
    match &mut action.unwrap().change {
        Change::Delete(old) | Change::Forget(old) => old,
        Change::Replace { old, .. } => &mut old[0],
        other => panic!("{other:?}"),
    }
}

fn new<'p>(plan: &'p mut Plan, name: &str) -> (&'p mut NewKey, Option<&'p mut AccountRow>) {
    let change = plan.actions.iter_mut().map(|action| (action.name.as_str() == name, &mut action.change));
    let keys = change.filter(|(is_meant, _)| *is_meant).find_map(|(_, change)| match change {
        Change::Upload(key) => Some((key, None)),
        Change::Adopt { key, row } | Change::Update { key, row } => Some((key, Some(row))),
        Change::Replace { key, row, .. } => Some((key, row.as_mut())),
        _ => None,
    });
    keys.unwrap()
}

/// Adds the deletion of a row, as the plan of another world has it.
fn add_deletion(plan: &mut Plan, id: &str, reason: Reason, letter: char) {
    let account = format!("x={letter}#{id}");
    let mut action = world::plan("", &account, &account).actions.remove(0);
    action.reason = reason;
    plan.actions.push(action);
}

fn id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

#[test]
fn each_forgery_that_the_state_or_the_account_contradicts_is_refused() {
    let (state, account) = (
        "old=R#1<ann>! pr=P#2 gone=G#3 bad=D#4+9<eve> na=N#6(nb){nb} k=K#9 l=L#8",
        "old=R#1 pr=P#2 bad=D#4* nb=N#6 k=K#9 xx=A#5 kk=K#7 z=Z#10 l=L#8",
    );
    let wanted = "up=U ad=A old=X pr=P* na=N<ann> k=K l=L";
    let unmatched = |id: &str| format!("id {id} does not match a key in the state");
    let table: Vec<(String, Forgery)> = vec![
        // Whose key goes, and what protects it.
        ("delete bad: the state has another owner for id 4".into(), |plan| old(plan, "bad").owner = None),
        ("delete bad: the state has another expiry for id 4".into(), |plan| old(plan, "bad").expires = None),
        ("replace old: the state has another protection for id 1".into(), |plan| old(plan, "old").protect = false),
        ("replace old: the state has another name for id 1".into(), |plan| old(plan, "old").name = name("other")),
        ("forget gone: the state has another owner for id 3".into(), |plan| {
            old(plan, "gone").owner = Some("mallory".to_owned());
        }),
        ("delete mallory: the state has another name for id 4".into(), |plan| {
            for action in plan.actions.iter_mut().filter(|action| action.name.as_str() == "bad") {
                action.name = name("mallory");
            }
            old(plan, "mallory").name = name("mallory");
        }),
        // Rows of others, and copies of keys that stay, whatever the reason says.
        (format!("delete bad: {}", unmatched("10")), |plan| old(plan, "bad").id = id("10")),
        (format!("delete x: {}", unmatched("10")), |plan| add_deletion(plan, "10", Reason::Undesired, 'Z')),
        (format!("delete x: {}", unmatched("10")), |plan| add_deletion(plan, "10", Reason::CopyOfRemoved, 'Z')),
        (format!("delete x: {}", unmatched("10")), |plan| add_deletion(plan, "10", Reason::Undeleted, 'Z')),
        (format!("delete x: {}", unmatched("7")), |plan| add_deletion(plan, "7", Reason::CopyOfRemoved, 'K')),
        (format!("delete x: {}", unmatched("7")), |plan| add_deletion(plan, "7", Reason::Superseded, 'K')),
        (format!("delete x: {}", unmatched("7")), |plan| {
            add_deletion(plan, "7", Reason::Revoked { because: None }, 'K');
        }),
        (format!("delete x: {}", unmatched("7")), |plan| {
            add_deletion(plan, "7", Reason::Expired { until: today().yesterday().unwrap() }, 'K');
        }),
        // Removals that contradict the plan.
        ("delete bad: the plan deletes id 4 more than once".into(), |plan| {
            let again = plan.actions.iter().find(|action| action.name.as_str() == "bad").unwrap().clone();
            plan.actions.push(again);
        }),
        ("delete x: the plan also records id 5".into(), |plan| add_deletion(plan, "5", Reason::Undesired, 'A')),
        ("delete x: the plan also records this key".into(), |plan| add_deletion(plan, "77", Reason::Undesired, 'A')),
        // What is recorded.
        (format!("update na: {}", unmatched("5")), |plan| new(plan, "na").1.unwrap().id = id("5")),
        ("update na: the state has other attributes than the plan changes".into(), |plan| {
            new(plan, "na").0.owner = None;
        }),
        ("update na: the state has other attributes than the plan changes".into(), |plan| {
            drop(new(plan, "na").0.changes.pop());
        }),
        ("adopt ad: the state has other attributes than the plan changes".into(), |plan| {
            let change = AttributeChange::Owner { from: Some("eve".to_owned()), to: None };
            new(plan, "ad").0.changes.push(change);
        }),
        ("adopt ad: the state has another origin for its row".into(), |plan| {
            new(plan, "ad").1.unwrap().origin = Origin::Uploaded;
        }),
        ("adopt ad: id 5 was created at another time".into(), |plan| {
            new(plan, "ad").1.unwrap().created_at = Some(jiff::Timestamp::MAX);
        }),
        (format!("upload up: {}", unmatched("9")), |plan| new(plan, "up").0.stale.push(id("9"))),
        ("upload up: the plan records this name more than once".into(), |plan| {
            let mut again = plan.actions[0].clone();
            if let Change::Upload(key) = &mut again.change {
                key.key = world::key('V');
            }
            plan.actions.push(again);
        }),
        ("upload up: the plan records this key more than once".into(), |plan| {
            let again = plan.actions[0].clone();
            plan.actions.push(again);
        }),
        // The records that the diff of the plan shows.
        ("the state has another record of id 4".into(), |plan| plan.recorded[0].owner = None),
        // The primary.
        ("the plan neither promotes k nor is it the primary key".into(), |plan| plan.primary = Some(name("k"))),
        ("the primary key was \"x\" (4), and is now \"bad\" (4)".into(), |plan| {
            plan.primary_row.as_mut().unwrap().account_name = "x".to_owned();
        }),
        ("the primary key was missing, and is now \"bad\" (4)".into(), |plan| plan.primary_row = None),
        ("the plan promotes more than one key".into(), |plan| {
            let mut again = plan.actions.iter().find(|action| action.change.promotes()).unwrap().clone();
            again.name = name("k");
            plan.actions.push(again);
        }),
        ("promote pr: id 2 was named \"x\" on the account, and is now \"pr\"".into(), |plan| {
            promoted(plan).1.as_mut().unwrap().account_name = "x".to_owned();
        }),
        ("promote pr: the state has another name or owner for this key".into(), |plan| {
            *promoted(plan).0 = Some("mallory".to_owned());
        }),
        ("promote pr: the plan does not upload this key".into(), |plan| *promoted(plan).1 = None),
        ("promote pr: the state has another name or owner for this key".into(), |plan| {
            promoted(plan).1.as_mut().unwrap().id = id("9");
        }),
    ];
    for (expected, forge) in table {
        let said = said_of_forged(wanted, state, account, forge);
        assert!(said.contains(&expected), "{expected:?} expected\n  {said:#?}");
    }
    let until = today();
    let said = said_of_forged("a=A~ b=B", "b=B#2", "a=A#1 b=B#2", |plan| {
        plan.actions[0].reason = Reason::Expired { until: today() };
    });
    assert_eq!(said, [format!("delete a: its last day is {until}")]);
    let said = said_of_forged("", "a=A#1", "a=A#1", |plan| plan.actions[0].reason = Reason::Superseded);
    assert_eq!(said, ["delete a: no other row of this key is recorded"]);
}

/// The owner and the row of the promotion.
fn promoted(plan: &mut Plan) -> (&mut Option<String>, &mut Option<NamedRow>) {
    let promotion = plan.actions.iter_mut().find_map(|action| match &mut action.change {
        Change::Promote { owner, row, .. } => Some((owner, row)),
        _ => None,
    });
    promotion.unwrap()
}

#[test]
fn what_the_manifest_alone_decides_is_bound_by_the_digest() {
    // A saved plan is applied without its manifest. These changes are not refused, but they have another digest, which
    // `apply --plan-digest` refuses.
    let (wanted, state, account) = ("up=U<ann>", "bad=D#4!", "bad=D#4 x=X#5");
    let whole = plan(wanted, state, account);
    let forgeries: [Forgery; 5] = [
        |plan| new(plan, "up").0.key = world::key('V'),
        |plan| new(plan, "up").0.owner = Some("eve".to_owned()),
        |plan| plan.actions[0].name = name("eve"),
        |plan| {
            plan.actions[1].reason = Reason::Revoked { because: None };
            old(plan, "bad").protect = false;
        },
        |plan| {
            add_deletion(plan, "5", Reason::Revoked { because: None }, 'X');
        },
    ];
    for forge in forgeries {
        let mut forged = whole.clone();
        forge(&mut forged);
        assert_eq!(said_of_forged(wanted, state, account, forge), [""; 0]);
        assert_ne!(forged.digest(), whole.digest());
    }
}

#[test]
fn a_plan_that_was_made_offline_says_nothing_of_the_account() {
    let mut text: Value = serde_json::from_str(&file::to_text(&one_of_each())).unwrap();
    text["refreshed"] = false.into();
    assert!(matches!(file::from_text(text.to_string().as_bytes()), Err(PlanFileError::Tampered)));
}

#[test]
fn a_primary_that_was_moved_by_hand_since_is_refused() {
    let (wanted, state) = ("a=A b=B c=C", "a=A#1 b=B#2");
    let plan = plan(wanted, state, "a=A#1* b=B#2");
    let said = broken(&plan, Some(&recorded(state)), &listing("a=A#1 b=B#2*"), today());
    assert_eq!(said, ["the primary key was \"a\" (1), and is now \"b\" (2)"]);
}

#[test]
fn a_row_with_several_keys_is_deleted_only_if_it_has_the_same_ones() {
    let plan = plan("r=B$", "", "z=C#2&B");
    assert_eq!(broken(&plan, Some(&recorded("")), &listing("z=C#2&B"), today()), [""; 0]);
    for account in ["z=C#2&BD", "z=B#2", "z=B#2&", "z=C#2"] {
        let said = broken(&plan, Some(&recorded("")), &listing(account), today());
        assert_eq!(said, ["delete z: id 2 is no longer on the account, or has another key"], "[{account}]");
    }
}

#[test]
fn a_plan_without_a_listing_holds_whatever_the_primary_is() {
    for account in ["a=A#1* b=B#2", "a=A#1 b=B#2*"] {
        let state = recorded("a=A#1 b=B#2");
        let plan = world::plan_of(&world::desired("a=A<ann>"), Some(&state), None);
        assert_eq!(world::show(&plan), "~a=A#1 owner (changed); -b=B#2 (undesired)");
        let created_at = Some(jiff::Timestamp::UNIX_EPOCH);
        let rows: Vec<_> = listing(account).rows().iter().map(|row| Row { created_at, ..row.clone() }).collect();
        assert_eq!(broken(&plan, Some(&state), &Listing::new(rows).unwrap(), today()), [""; 0], "[{account}]");
    }
}

#[test]
fn a_plan_holds_while_the_primary_may_have_been_uploaded_and_while_a_record_of_a_key_is_left_out() {
    let (state, account) = ("a=A b=B#1", "b=B#1* a=A#2?");
    let pending = plan("a=A* b=B", state, account);
    assert_eq!(broken(&pending, Some(&recorded(state)), &listing(account), today()), [""; 0]);
    let (state, account) = ("a=A#1 b=A#2", "a=A#1 b=A#2 z=A#3");
    let mut partial = plan("", state, account);
    partial.select(&Selection { exclude: vec![name("b")], ..Selection::default() });
    assert_eq!(world::show(&partial), "-a=A#1 (undesired); -a=A#3 (copy-of-removed)");
    assert_eq!(broken(&partial, Some(&recorded(state)), &listing(account), today()), [""; 0]);
}

#[test]
fn a_row_that_is_not_recorded_goes_only_as_it_is() {
    let forgeries: [(&str, Forgery); 3] = [
        ("x", |plan| old(plan, "x").owner = Some("eve".to_owned())),
        ("x", |plan| old(plan, "x").expires = Some(today())),
        ("eve", |plan| {
            old(plan, "x").name = name("eve");
            plan.actions[0].name = name("eve");
        }),
    ];
    for (action, forge) in forgeries {
        let said = said_of_forged("r=X$", "", "x=X#5", forge);
        assert_eq!(said, [format!("delete {action}: id 5 does not match a key in the state")]);
    }
    let said = said_of_forged("", "a=A#1<ann>", "a=A#1 z=A#2", |plan| {
        for action in &mut plan.actions {
            if let Change::Delete(old) = &mut action.change {
                old.owner = old.owner.take().filter(|_| old.id != id("2"));
            }
        }
    });
    assert_eq!(said, ["delete a: id 2 does not match a key in the state"]);
}
