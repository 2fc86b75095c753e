//! The plan as a pure function: a table of worlds with the actions planned for each.

#![cfg(test)]

mod support;

use keyform::account::Endpoint;
use keyform::manifest::{Desired, Glob, UnmanagedPolicy};
use keyform::names::{KeyId, KeyName, UserId};
use keyform::plan::guard::{self, Acknowledged, Refusal, Stage};
use keyform::plan::{self as plans, Note, Plan, Reason};
use keyform::state::{DeletedRow, JournalEntry};
use support::world::{self, plan, show};

/// Manifest, state, account, plan. `support::world` explains the notation.
const TABLE: &[[&str; 4]] = &[
    // No changes.
    ["", "", "", ""],
    ["a=A", "a=A#1", "a=A#1", ""],
    ["a=A", "a=A#1", "offline", ""],
    ["a=A*", "a=A#1", "a=A#1*", ""],
    ["a=A*", "a=A#1", "offline", ""],
    // A key that is not on the account is uploaded.
    ["a=A", "", "", "+a=A (absent)"],
    ["a=A", "", "offline", "+a=A (unrecorded)"],
    ["b=B a=A", "", "", "+a=A (absent); +b=B (absent)"],
    ["a=A", "", "x=X#9", "+a=A (absent)"],
    ["a=A", "", "a=A#9%", "+a=A (absent)"],
    ["a=A", "a=A#1", "", "+a=A dropping [\"1\"] (gone)"],
    ["a=A", "a=A#1", "a=X#1", "+a=A dropping [\"1\"] (gone)"],
    ["a=A*", "", "", "+a=A (absent); ^a=A (new-primary)"],
    ["a=A*", "", "x=X#9*", "+a=A (absent); ^a=A (new-primary)"],
    ["a=A~", "", "", ""],
    // A key that is on the account is adopted, even with another name.
    ["a=A", "", "a=A#1", "=a=A#1 (present)"],
    ["a=A", "", "z=A#1", "=a=A#1 (present)"],
    ["a=A*", "", "a=A#1", "=a=A#1 (present); ^a=A#1 (not-primary)"],
    ["a=A*", "", "a=A#1*", "=a=A#1 (present)"],
    ["a=A", "a=A#1", "a=A#2", "=a=A#2 dropping [\"1\"] (other-id)"],
    // Of several rows: the recorded one, then the same name, then the primary, then the smallest id.
    ["a=A", "a=A#3", "z=A#1 a=A#2 y=A#3", ""],
    ["a=A", "", "z=A#1* a=A#2", "=a=A#2 (present)"],
    ["a=A", "", "z=A#1 y=A#2*", "=a=A#2 (present)"],
    ["a=A", "", "z=A#2 y=A#1", "=a=A#1 (present)"],
    // A different key with the same name replaces the old one.
    ["a=B", "a=A#1", "a=A#1", "±a=B -#1 (other-key)"],
    ["a=B", "a=A#1", "offline", "±a=B -#1 (other-key)"],
    ["a=B", "a=A#1", "a=A#1*", "±a=B -#1 ^ (other-key)"],
    ["a=B*", "a=A#1", "a=A#1*", "±a=B -#1 (other-key); ^a=B (new-primary)"],
    ["a=B c=C*", "a=A#1 c=C#2", "a=A#1* c=C#2", "±a=B -#1 (other-key); ^c=C#2 (not-primary)"],
    ["a=B", "a=A#1", "a=A#1 z=B#2", "±a=B#2 -#1 (other-key)"],
    ["a=B", "a=A#1", "a=A#1* z=B#2", "±a=B#2 -#1 ^ (other-key)"],
    ["a=B", "a=A#1", "", "+a=B (absent); xa=A#1 (undesired)"],
    ["a=B!<ann>", "a=A#1", "a=A#1", "±a=B owner+protect -#1 (other-key)"],
    // What the state records and the manifest changes is recorded. Names on the account stay.
    ["b=A", "a=A#1", "a=A#1", "~b=A#1 name (changed)"],
    ["b=A", "a=A#1", "a=A#1*", "~b=A#1 name (changed)"],
    ["b=A", "a=A#1", "offline", "~b=A#1 name (changed)"],
    ["b=A", "a=A#1(b)", "b=A#1", "~b=A#1 name (changed)"],
    ["b=A", "a=A#1", "", "+b=A name dropping [\"1\"] (gone)"],
    ["a=A<ann>", "a=A#1<bob>", "a=A#1", "~a=A#1 owner (changed)"],
    ["a=A<ann>", "a=A#1", "offline", "~a=A#1 owner (changed)"],
    ["a=A", "a=A#1<bob>", "a=A#1", "~a=A#1 owner (changed)"],
    ["a=A+30", "a=A#1+20", "a=A#1", "~a=A#1 expires (changed)"],
    ["a=A", "a=A#1+20", "a=A#1", "~a=A#1 expires (changed)"],
    ["a=A+30", "a=A#1~", "a=A#1", "~a=A#1 expires (changed)"],
    ["a=A!", "a=A#1", "a=A#1", "~a=A#1 protect (changed)"],
    ["a=A", "a=A#1!", "a=A#1", "~a=A#1 protect (changed)"],
    ["b=A!<ann>+30*", "a=A#1", "a=A#1", "~b=A#1 name+owner+expires+protect (changed); ^b=A#1 (not-primary)"],
    // Swaps and other permutations of names are updates.
    ["a=B b=A", "a=A#1 b=B#2", "a=A#1 b=B#2", "~a=B#2 name (changed); ~b=A#1 name (changed)"],
    [
        "a=B b=C c=A",
        "a=A#1 b=B#2 c=C#3",
        "a=A#1 b=B#2 c=C#3",
        "~a=B#2 name (changed); ~b=C#3 name (changed); ~c=A#1 name (changed)",
    ],
    ["a=B c=A", "a=A#1", "a=A#1", "+a=B (absent); ~c=A#1 name (changed)"],
    ["a=B", "a=A#1 b=B#2", "a=A#1 b=B#2", "±a=B#2 name -#1 (other-key)"],
    ["a=B", "a=A#1 b=B#2", "a=A#1* b=B#2", "±a=B#2 name -#1 ^ (other-key)"],
    ["a=B", "a=A#1 b=B#2", "a=A#1 b=B#2*", "±a=B#2 name -#1 (other-key)"],
    // A new `accountName` replaces the row, unless the row already has this name.
    ["a=A(x)", "a=A#1", "a=A#1", "±a=A accountName -#1 (renamed)"],
    ["a=A(x)", "a=A#1", "a=A#1*", "±a=A accountName -#1 ^ (renamed)"],
    ["a=A(x)", "a=A#1", "offline", "±a=A accountName -#1 (renamed)"],
    ["a=A(x)*", "a=A#1", "a=A#1*", "±a=A accountName -#1 (renamed); ^a=A (new-primary)"],
    ["a=A(x)", "a=A#1{y}(y)", "y=A#1", "±a=A accountName -#1 (renamed)"],
    ["a=A(x)", "a=A#1", "x=A#1", "~a=A#1 accountName (changed)"],
    ["a=A(x)", "a=A#1", "a=A#1 x=A#2", "±a=A#2 accountName -#1 (renamed)"],
    ["a=A(x)", "a=A#1", "", "+a=A accountName dropping [\"1\"] (gone)"],
    ["a=A(a)", "a=A#1", "a=A#1", "~a=A#1 accountName (changed)"],
    // A removed `accountName` changes nothing on the account, and neither does a row that was renamed by hand.
    ["a=A", "a=A#1{x}(x)", "x=A#1", "~a=A#1 accountName (changed)"],
    ["a=A(x)", "a=A#1{x}(x)", "z=A#1", ""],
    ["a=A(x)", "a=A#1{x}", "a=A#1", ""],
    ["a=A(x)", "", "a=A#1", "=a=A#1 (present)"],
    ["a=A(x)", "", "a=A#1 x=A#2", "=a=A#2 (present)"],
    // A recorded key that is no longer desired is deleted.
    ["", "a=A#1", "a=A#1", "-a=A#1 (undesired)"],
    ["", "a=A#1", "offline", "-a=A#1 (undesired)"],
    ["", "a=A#1", "", "xa=A#1 (undesired)"],
    ["", "a=A#1", "a=X#1", "xa=A#1 (undesired)"],
    ["a=A~", "a=A#1", "a=A#1", "-a=A#1 (expired)"],
    ["a=A~", "a=A#1", "", "xa=A#1 (expired)"],
    ["a=A~", "", "a=A#1", "-a=A#1 (expired)"],
    // The state decides what is protected.
    ["a=A~", "a=A#1!", "a=A#1", "-a=A#1 protected (expired)"],
    ["", "a=A#1!", "a=A#1", "-a=A#1 protected (undesired)"],
    ["", "a=A#1!", "a=A#1 z=A#2", "-a=A#1 protected (undesired); -a=A#2 protected (copy-of-removed)"],
    ["", "a=A#1!", "", "xa=A#1 (undesired)"],
    ["a=B", "a=A#1!", "a=A#1", "±a=B protect -#1 protected (other-key)"],
    ["a=B!", "a=A#1", "a=A#1", "±a=B protect -#1 (other-key)"],
    ["a=A!(x)", "a=A#1!", "a=A#1", "±a=A accountName -#1 protected (renamed)"],
    ["b=A", "a=A#1!", "a=A#1", "~b=A#1 name+protect (changed)"],
    ["a=A!~", "a=A#1~", "a=A#1", "-a=A#1 (expired)"],
    // A key that is not recorded is never deleted.
    ["", "", "x=X#9* y=Y#8", ""],
    ["", "", "x=X#9%", ""],
    ["", "a=A#1", "a=A#1%", "xa=A#1 (undesired)"],
    // A key that an interrupted replacement left on the account is deleted.
    ["a=B", "a=A#1 a=B#2", "a=A#1 a=B#2", "-a=A#1 (left-over)"],
    ["a=A(x)", "a=A#1 a=A#2{x}(x)", "a=A#1 x=A#2", "-a=A#1 (left-over)"],
    ["b=A", "a=A#1 b=A#2", "a=A#1 b=A#2", "-a=A#1 (left-over)"],
    ["b=A", "a=A#1 b=A#2(a)", "a=A#1 a=A#2", "-a=A#1 (left-over)"],
    ["b=A", "a=A#1 b=A#2", "b=A#2", "xa=A#1 (copy)"],
    ["b=A", "a=A#1 b=A#2", "offline", ""],
    ["c=A(x)", "a=A#1 b=A#2", "a=A#1 b=A#2", "±c=A name+accountName -#1 -#2 (renamed)"],
    // Replaced rows are deleted by later plans, unless their key is desired and in no other row.
    ["a=B", "a=A#1$ a=B#2", "a=A#1 a=B#2", "-a=A#1 (left-over)"],
    ["a=B", "a=A#1$ a=B#2", "offline", "-a=A#1 (left-over)"],
    ["a=B", "a=A#1$ a=B#2", "a=B#2", "xa=A#1 (left-over)"],
    ["a=B", "a=A#1$! a=B#2", "a=A#1 a=B#2", "-a=A#1 protected (left-over)"],
    ["a=B", "a=A#1$ a=B#2", "a=A#1 a=B#2 z=A#3", "-a=A#1 (left-over); -a=A#3 (copy-of-removed)"],
    ["", "a=A#1$ a=B#2", "a=A#1 a=B#2", "-a=B#2 (undesired); -a=A#1 (left-over)"],
    ["a=A(x)", "a=A#1$ a=A#2{x}(x)", "a=A#1 x=A#2", "-a=A#1 (left-over)"],
    ["a=A(x)", "a=A#1$ a=A#2{x}(x)", "a=A#1", "=a=A#1 accountName dropping [\"2\"] (needed)"],
    ["a=B b=A", "a=A#1$ a=B#2", "a=A#1 a=B#2", "=b=A#1 name (needed)"],
    ["a=B b=A", "a=A#1$ a=B#2", "offline", "=b=A#1 name (needed)"],
    ["a=B b=A", "a=A#1$ a=B#2", "a=A#1 a=B#2 b=A#3", "=b=A#1 name (needed)"],
    ["a=B b=A*", "a=A#1$ a=B#2", "a=A#1 a=B#2", "=b=A#1 name (needed); ^b=A#1 (not-primary)"],
    ["a=B", "a=A#1$ a=B b=C#2", "offline", "-a=A#1 (left-over); -b=C#2 (undesired)"],
    // A removed key leaves no row behind, even if the recorded one is gone.
    ["", "a=A#1", "z=A#2", "-a=A#2 (copy-of-removed); xa=A#1 (undesired)"],
    ["a=B", "a=A#1", "z=A#2", "+a=B (absent); -a=A#2 (copy-of-removed); xa=A#1 (undesired)"],
    // What is still pending after the account was observed can be on it.
    ["a=A", "a=A", "", ""],
    ["", "a=A", "", ""],
    // Without a listing, a pending key is not uploaded again, and does not replace others.
    ["a=A", "a=A", "offline", ""],
    ["a=B", "a=A#1 a=B", "offline", ""],
    ["a=B*", "a=B", "offline", ""],
    // A row without a public key is matched by its id.
    ["a=A", "a=A#1", "a=A#1?", ""],
    ["", "a=A#1", "a=A#1?", "-a=A#1 (undesired)"],
    ["a=A", "", "a=A#1?", "+a=A (absent)"],
    // The primary key of the manifest and of the account.
    ["a=A* b=B", "a=A#1 b=B#2", "a=A#1 b=B#2*", "^a=A#1 (not-primary)"],
    ["a=A b=B", "a=A#1 b=B#2", "a=A#1 b=B#2*", ""],
    ["a=A*~ b=B", "a=A#1 b=B#2", "a=A#1* b=B#2", "-a=A#1 (expired)"],
];

#[test]
fn each_world_has_the_expected_plan() {
    let wrong: Vec<_> = TABLE
        .iter()
        .filter_map(|[desired, state, account, expected]| {
            let found = show(&plan(desired, state, account));
            (found != *expected).then(|| format!("[{desired}] [{state}] [{account}]\n  {found}\n  {expected} expected"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn digests_are_equal_only_for_equal_changes() {
    let digest = |desired, state, account| plan(desired, state, account).digest();
    let first = digest("a=A b=B", "", "x=X#1");
    assert_eq!(first, digest("b=B a=A", "", "x=X#1"));
    assert_ne!(first, digest("a=A", "", "x=X#1"));
    assert_ne!(first, digest("a=A c=B", "", "x=X#1"));
    assert_ne!(first, digest("a=A b=C", "", "x=X#1"));
    assert_ne!(digest("", "a=A#1", "a=A#1"), digest("", "a=A#2", "a=A#2"));
}

#[test]
fn a_digest_covers_the_actions_and_the_account_only() {
    let plan = plan("a=A* b=B", "b=C#1", "b=C#1*");
    let changed = |change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        assert_ne!(other, plan);
        other.digest() != plan.digest()
    };
    let user = UserId::new("somebody-else").unwrap();
    assert!(changed(&|plan| plan.endpoint = Endpoint::default()));
    assert!(changed(&|plan| plan.user_id = Some(user.clone())));
    assert!(changed(&|plan| plan.pin = Some(user.clone())));
    assert!(changed(&|plan| plan.primary = None));
    assert!(changed(&|plan| plan.actions[0].name = KeyName::new("mallory").unwrap()));
    assert!(changed(&|plan| plan.actions.swap(0, 1)));
    assert!(changed(&|plan| drop(plan.actions.pop())));
    assert!(!changed(&|plan| plan.actions[0].reason = Reason::Gone));
    assert!(!changed(&|plan| plan.base.serial += 1));
    assert!(!changed(&|plan| plan.managed += 1));
    assert!(!changed(&|plan| plan.notes.push(Note::PrimaryUnknown)));
}

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
        ("a=B r=A$", "a=A#1!", "a=A#1", "±a=B protect -#1 (other-key)"),
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
    }
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
