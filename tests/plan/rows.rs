//! Rows that go, and rows that stay and are named.

use keyform::manifest::{Desired, Glob, UnmanagedPolicy};
use keyform::names::KeyId;
use keyform::plan::guard::{self, Acknowledged, Refusal, Stage};
use keyform::plan::{self as plans, AccessChange, Plan};
use keyform::state::{DeletedRow, JournalEntry};

use crate::support::world::{self, plan, show};
use crate::table::assert_holds;

#[test]
fn keys_that_are_neither_recorded_nor_desired_are_counted_as_unmanaged() {
    let counted = plan("a=A b=B", "b=B#2", "a=A#1 b=B#2 z=A#3 x=X#4 s=S#5%");
    assert_eq!((counted.unchanged, counted.managed, counted.unmanaged.len()), (1, 1, 1), "copies are not unmanaged");
}

#[test]
fn a_key_that_must_be_removed_goes_from_every_row() {
    for (wanted, state, account, expected) in [
        // Revoked: recorded or not, under any name, in every row.
        ("r=A$", "", "z=A#1", "-z=A#1 (revoked)"),
        ("r=A$", "a=A#1", "a=A#1 z=A#2", "-a=A#1 (revoked); -a=A#2 (revoked)"),
        ("b=B r=A$", "b=B#2", "b=B#2", ""),
        ("r=A$", "a=A#1", "", "xa=A#1 (revoked)"),
        // Revocation overrides protection.
        ("b=B! r=A$", "a=A#1! b=B#2!", "a=A#1 b=B#2 z=A#3", "-a=A#1 (revoked); -a=A#3 (revoked)"),
        ("a=B r=A$", "a=A#1!", "a=A#1", "±a=B protect -#1 (revoked)"),
        // No longer listed, or replaced by another key of the same name.
        ("", "a=A#1", "a=A#1 z=A#2", "-a=A#1 (undesired); -a=A#2 (copy-of-removed)"),
        ("a=B", "a=A#1", "a=A#1 z=A#2", "±a=B -#1 (other-key); -a=A#2 (copy-of-removed)"),
        // Expired, recorded or not.
        ("a=A~", "", "z=A#2", "-a=A#2 (expired)"),
        ("a=A~", "a=A#1", "a=A#1 z=A#2", "-a=A#1 (expired); -a=A#2 (expired)"),
        // A desired key is never deleted, and copies of it are not either.
        ("a=A", "a=A#1", "a=A#1 z=A#2", ""),
        // Mixed rows do not hold a desired key. They are deleted only for a revoked one.
        ("a=A", "", "z=A#1&", "+a=A (absent)"),
        ("a=A", "a=A#1", "a=A#1&B", "+a=A dropping [\"1\"] (gone)"),
        ("", "a=A#1", "a=A#1 z=A#2&B", "-a=A#1 (undesired)"),
        ("a=A~", "", "z=A#2&B", ""),
        ("r=A$", "", "z=A#1&", "-z=A#1 (revoked)"),
        ("a=A r=B$", "a=A#1", "a=A#1 z=A#2&B", "-z=B#2 (revoked)"),
        ("a=A r=B$", "", "z=A#2&B", "+a=A (absent); -z=B#2 (revoked)"),
        ("r=B$", "b=B#1", "b=B#1 z=C#2&B", "-b=B#1 (revoked); -b=B#2 (revoked)"),
        // System keys are never touched.
        ("r=A$", "", "z=A#1%", ""),
    ] {
        assert_eq!(show(&plan(wanted, state, account)), expected, "[{wanted}] [{state}] [{account}]");
        assert_holds(wanted, state, account);
    }
}

#[test]
fn a_key_loses_access_only_if_it_stays_in_no_row_that_an_earlier_run_left() {
    for (wanted, state, account, expected) in [
        ("a=A(x)", "a=A#1$ a=A#2{x}(x)", "a=A#1 x=A#2", AccessChange::Changes),
        ("b=A", "a=A#1 b=A#2", "a=A#1 b=A#2", AccessChange::Changes),
        ("a=B", "a=A#1$ a=B#2", "a=A#1 a=B#2", AccessChange::Loses),
        ("b=B", "a=A#1 b=B#2", "a=A#1 b=B#2", AccessChange::Loses),
    ] {
        let plan = plan(wanted, state, account);
        let access: Vec<_> = plan.actions.iter().map(|action| plan.access(action)).collect();
        assert_eq!(access, [expected], "{}", show(&plan));
    }
}

#[test]
fn a_key_that_stays_in_a_mixed_row_does_not_lose_access_and_the_action_says_so() {
    let stays = "keeps access through the row \"z\" (9), which has other keys or options";
    for (wanted, state, account, access, expected) in [
        ("b=B", "a=A#1 b=B#2", "a=A#1 b=B#2 z=B#9&A", AccessChange::Changes, stays.to_owned()),
        ("b=B", "a=A#1 b=B#2", "b=B#2 z=A#9&", AccessChange::Changes, stays.to_owned()),
        ("a=B", "a=A#1", "a=A#1 z=C#9&A", AccessChange::Changes, format!("the old key {stays}")),
        ("b=B", "a=A#1 b=B#2", "a=A#1 b=B#2 z=B#9&C", AccessChange::Loses, String::new()),
        ("b=B r=A$", "a=A#1 b=B#2", "a=A#1 b=B#2", AccessChange::Loses, String::new()),
    ] {
        let plan = plan(wanted, state, account);
        let [action] = plan.actions.as_slice() else { panic!("{}", show(&plan)) };
        let facts: Vec<_> = plan.facts(action).iter().map(|fact| fact.phrase.to_string()).collect();
        let said: Vec<_> = facts.iter().filter(|fact| fact.contains("access through")).cloned().collect();
        assert_eq!((plan.access(action), said.concat()), (access, expected), "{facts:?}");
    }
}

#[test]
fn a_revoked_key_goes_even_while_the_upload_that_replaces_it_is_pending() {
    // The row `a` shows no key, so it can be the upload, and the entry has no row yet.
    let (state, account) = ("a=A#1 a=B", "a=A#1 a=B#2?");
    assert_eq!(show(&plan("a=B", state, account)), "");
    assert_eq!(show(&plan("a=B r=A$", state, account)), "-a=A#1 (revoked)");
}

#[test]
fn rows_that_are_left_are_named() {
    let remarks = |wanted, state, account| {
        let plan = plan(wanted, state, account);
        let remarks: Vec<_> = plan.remarks().iter().map(ToString::to_string).collect();
        assert_eq!(plan.has_no_other_rows(), remarks.is_empty(), "{remarks:?}");
        remarks.join("\n")
    };
    let print = |letter| world::key(letter).blob().fingerprint();
    assert_eq!(remarks("a=A", "a=A#1", "a=A#1"), "");
    assert_eq!(remarks("a=A", "a=A#1", "a=A#1 z=A#2"), "duplicates of a on the account are not changed: 2");
    let left = remarks("a=A~", "b=B#1", "z=A#2&BC");
    assert_eq!(
        left,
        format!(
            "the row \"z\" (2) is left, although it contains keys to remove: a, b; it also has other keys or options, so \
             delete it on the web page or revoke the key\nnot managed: \"z\" (several keys or options: {}, {}, {})",
            print('A'),
            print('B'),
            print('C')
        )
    );
    // The key stays, in a new row.
    let renamed = remarks("a=A(x)", "a=A#1", "a=A#1 z=B#9&A");
    assert!(renamed.starts_with("not managed: \"z\" ("), "{renamed}");
    assert_eq!(
        remarks("a=A", "a=A#1", "a=A#1 z=A#2& y=Y#3?"),
        format!(
            "1 key on the account has no readable public key and cannot be compared with the manifest\n\
             not managed: \"y\" (no readable key), \"z\" (several keys or options: {})",
            print('A')
        )
    );
}

#[test]
fn a_row_that_was_deleted_and_is_still_there_is_deleted_again_unless_its_key_is_desired() {
    let mut state = world::recorded("b=B#2");
    let deleted = DeletedRow { id: KeyId::new("1").unwrap(), public_key: world::key('A').blob().clone(), at: None };
    state.apply(JournalEntry::Delete(deleted));
    for (wanted, account, expected) in [
        ("b=B", "a=A#1 b=B#2", "-a=A#1 (undeleted)"),
        ("b=B", "a=A#1? b=B#2", "-a=A#1 (undeleted)"),
        ("b=B", "a=C#1 b=B#2", ""),
        ("b=B", "b=B#2", ""),
        ("a=A b=B", "a=A#1 b=B#2", "=a=A#1 (present)"),
    ] {
        let plan = world::plan_of(&world::desired(wanted), Some(&state), Some(&world::listing(account)));
        assert_eq!(show(&plan), expected, "[{wanted}] [{account}]");
        assert_eq!(plans::broken(&plan, Some(&state), &world::listing(account), world::today()), [""; 0]);
    }
}

#[test]
fn unmanaged_rows_are_listed_and_refused_if_the_policy_says_so() {
    let mut desired = world::desired("a=A");
    desired.unmanaged_except = vec![Glob::new("sky*")];
    let plan_of = |desired: &Desired| {
        let (state, listing) = (world::recorded("a=A#1"), world::listing("a=A#1 z=Z#3 skypilot=Y#2"));
        world::plan_of(desired, Some(&state), Some(&listing))
    };
    let refusals = |plan: &Plan, unmanaged| {
        let acknowledged = Acknowledged { unmanaged, ..Acknowledged::default() };
        guard::refusals(plan, &acknowledged, Stage::Apply)
    };
    let plan = plan_of(&desired);
    let rows: Vec<_> = plan.unmanaged.iter().map(|row| (row.account_name.as_str(), row.is_expected)).collect();
    assert_eq!(rows, [("skypilot", true), ("z", false)]);
    assert_eq!(refusals(&plan, false), []);
    let remarks: Vec<_> = plan.remarks().iter().map(ToString::to_string).collect();
    assert!(remarks.iter().any(|remark| remark.starts_with("not managed: \"z\" (SHA256:")), "{remarks:?}");
    assert!(remarks.iter().any(|remark| remark.ends_with("; 1 more that the policy expects")), "{remarks:?}");

    desired.unmanaged = UnmanagedPolicy::Refuse;
    let plan = plan_of(&desired);
    assert_eq!(refusals(&plan, false), [Refusal::Unmanaged { rows: 1, first: "z".to_owned() }]);
    assert_eq!(refusals(&plan, true), []);
    let read = plans::file::from_text(plans::file::to_text(&plan).as_bytes()).unwrap();
    assert_eq!(refusals(&read, false).len(), 1, "a saved plan is refused too");
}
