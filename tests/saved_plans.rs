//! Saved plans: read back as they were, and refused when they, or what they rely on, have changed.

#![cfg(test)]

mod support;

use keyform::account::{Listing, Row};
use keyform::plan::file::{self, PlanFileError};
use keyform::plan::{Change, Plan, broken};
use serde_json::Value;
use support::schema::{assert_valid, problems};
use support::world::{self, listing, plan, recorded, today};

/// A world with one action of each kind.
const WANTED: &str = "up=U ad=A new=R pr=P* na=N";
const STATE: &str = "old=R#1 pr=P#2 gone=G#3 bad=D#4 nb=N#6(na)";
const ACCOUNT: &str = "old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6";

fn one_of_each() -> Plan {
    let plan = plan(WANTED, STATE, ACCOUNT);
    let kinds: std::collections::BTreeSet<_> = plan.actions.iter().map(|action| action.change.kind()).collect();
    assert_eq!(kinds.len(), 6, "{}", world::show(&plan));
    plan
}

#[test]
fn a_saved_plan_reads_back_as_it_was() {
    let plan = one_of_each();
    let read = file::from_text(file::to_text(&plan).as_bytes()).unwrap();
    // What was for the review only is not read back.
    assert_eq!(read, Plan { drift: Vec::new(), notes: Vec::new(), user_seen: false, ..plan });
}

#[test]
fn a_plan_without_changes_and_one_made_offline_read_back_too() {
    for plan in [plan("", "", ""), plan("a=A b=B", "b=C#1", "offline")] {
        let read = file::from_text(file::to_text(&plan).as_bytes()).unwrap();
        assert_eq!(read, Plan { drift: Vec::new(), notes: Vec::new(), user_seen: false, ..plan });
    }
}

#[test]
fn whatever_of_the_actions_or_the_account_is_changed_is_found_out() {
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
            (side("reason/text"), "all is well"),
        ] {
            let mut text = text.clone();
            let Some(place) = text.pointer_mut(&path) else { continue };
            if *place == value {
                continue;
            }
            *place = value.into();
            assert!(file::from_text(text.to_string().as_bytes()).is_err(), "{path} was changed and not found out");
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
        assert!(file::from_text(text.to_string().as_bytes()).is_err(), "{path} was changed and not found out");
    }
    let mut dropped = text.clone();
    dropped["actions"].as_array_mut().unwrap().pop();
    assert!(matches!(file::from_text(dropped.to_string().as_bytes()), Err(PlanFileError::Tampered)));
    // Fields that keyform does not know show a reviewer what is not applied.
    for path in ["", "/actions/0", "/actions/0/key", "/actions/0/reason"] {
        let mut added = text.clone();
        added.pointer_mut(path).unwrap()["note"] = "harmless".into();
        assert!(file::from_text(added.to_string().as_bytes()).is_err(), "a field was added to {path}");
    }
}

#[test]
fn an_action_of_each_kind_is_as_the_schema_says() {
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
fn what_is_no_plan_is_refused() {
    for text in ["", "{}", "[]", "{\"formatVersion\": 1}", "not json", "{\"formatVersion\": 99}"] {
        assert!(file::from_text(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_plan_holds_as_long_as_nothing_it_relies_on_has_changed() {
    let plan = one_of_each();
    assert_eq!(broken(&plan, Some(&recorded(STATE)), &listing(ACCOUNT), today()), Vec::<String>::new());
    // What nobody planned for may change.
    let more = listing(&format!("{ACCOUNT} zz=Z#77"));
    assert_eq!(broken(&plan, Some(&recorded(STATE)), &more, today()), Vec::<String>::new());
}

#[test]
fn each_thing_that_no_longer_holds_is_named() {
    let table: &[(&str, &str)] = &[
        // The account now, and what is said.
        ("old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6 up=U#9", "upload up: its key is on the account by now, as 9"),
        ("old=R#1 pr=P#2 bad=D#4* na=N#6", "adopt ad: 5 no longer holds it"),
        ("old=R#1 pr=P#2 bad=D#4* xx=Z#5 na=N#6", "adopt ad: 5 no longer holds it"),
        ("pr=P#2 bad=D#4* xx=A#5 na=N#6", "replace new: 1 is gone, or holds another key"),
        ("old=R#1* pr=P#2 bad=D#4 xx=A#5 na=N#6", "replace new: 1 is the primary by now"),
        ("old=R#1 new=R#8 pr=P#2 bad=D#4* xx=A#5 na=N#6", "replace new: its key is on the account by now, as 8"),
        ("old=R#1 pr=P#2* bad=D#4 xx=A#5 na=N#6", "promote pr: it is the primary already"),
        ("old=R#1 bad=D#4* xx=A#5 na=N#6", "promote pr: 2 no longer holds it"),
        ("old=R#1 pr=P#2 xx=A#5 na=N#6", "delete bad: 4 is gone, or holds another key"),
        ("old=R#1 pr=P#2 bad=D#4 xx=A#5 na=N#6", "delete bad: 4 is no longer the primary"),
        ("old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6 gone=G#3", "forget gone: 3 is there again"),
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
    assert_eq!(say(Some(&state)), ["it was made from serial 1 of the state, which has serial 2 now"]);
    state.lineage = uuid::Uuid::max();
    assert_eq!(say(Some(&state)), ["it was made from another state"]);
    assert_eq!(say(None)[0], "it was made from a state, and there is none here");
}

#[test]
fn a_plan_is_bound_to_its_account_and_to_the_days_its_keys_are_wanted() {
    let mut plan = one_of_each();
    let mallory = keyform::names::UserId::new("mallory").unwrap();
    let rows = listing(ACCOUNT).rows().to_vec().into_iter();
    let other = Listing::new(rows.map(|row| Row { user_id: mallory.clone(), ..row })).unwrap();
    let said = broken(&plan, Some(&recorded(STATE)), &other, today());
    assert_eq!(said, ["it is for the account of user user-1, and this is that of mallory"]);

    for action in &mut plan.actions {
        if let Change::Upload(key) = &mut action.change {
            key.expires = Some(today());
        }
    }
    let say = |day| broken(&plan, Some(&recorded(STATE)), &listing(ACCOUNT), day);
    assert_eq!(say(today()), Vec::<String>::new());
    assert_eq!(say(today().tomorrow().unwrap()), [format!("upload up: it was wanted until {}", today())]);
}

#[test]
fn no_forged_plan_takes_away_what_is_not_ours() {
    // A forger who also knows how to make a digest can still not aim at a row that the state does not have.
    let account = "old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6 theirs=T#7";
    let forged = Plan { base: one_of_each().base, ..plan(WANTED, &format!("{STATE} theirs=T#7"), account) };
    let read = file::from_text(file::to_text(&forged).as_bytes()).unwrap();
    let said = broken(&read, Some(&recorded(STATE)), &listing(account), today());
    assert_eq!(said, ["delete theirs: 7 is not one of the keys in the state"]);
}
