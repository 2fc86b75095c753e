//! Changes of the state and the account that make a saved plan invalid.

use keyform::account::{Listing, Row};
use keyform::plan::file::{self, PlanFileError};
use keyform::plan::{Change, Selection, broken};
use serde_json::Value;

use crate::support::world::{self, listing, plan, recorded, today};
use crate::{ACCOUNT, STATE, name, one_of_each};

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
