//! Plan files that somebody has changed.

use keyform::names::KeyId;
use keyform::plan::file::{self};
use keyform::plan::{AccountRow, AttributeChange, Change, NamedRow, NewKey, OldKey, Plan, Reason, broken};
use keyform::state::Origin;

use crate::support::world::{self, listing, plan, recorded, today};
use crate::{DESIRED, STATE, name, one_of_each};

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
