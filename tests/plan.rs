//! The plan as a pure function: a table of worlds, and what is to be done in each.

#![cfg(test)]

mod support;

use keyform::account::Endpoint;
use keyform::names::{KeyName, UserId};
use keyform::plan::{Note, Plan, Reason};
use support::world::{plan, show};

/// Manifest, state, account, plan. The words are explained in `support::world`.
const TABLE: &[[&str; 4]] = &[
    // Nothing to do.
    ["", "", "", ""],
    ["a=A", "a=A#1", "a=A#1", ""],
    ["a=A", "a=A#1", "offline", ""],
    ["a=A*", "a=A#1", "a=A#1*", ""],
    ["a=A*", "a=A#1", "offline", ""],
    // What is nowhere is uploaded.
    ["a=A", "", "", "+a=A (absent)"],
    ["a=A", "", "offline", "+a=A (unrecorded)"],
    ["b=B a=A", "", "", "+a=A (absent); +b=B (absent)"],
    ["a=A", "", "x=X#9", "+a=A (absent)"],
    ["a=A", "", "a=A#9%", "+a=A (absent)"],
    ["a=A", "a=A#1", "", "+a=A dropping [\"1\"] (gone)"],
    ["a=A", "a=A#1", "a=X#1", "+a=A dropping [\"1\"] (gone)"],
    ["a=A", "a=A", "", "+a=A (absent)"],
    ["a=A*", "", "", "+a=A (absent); ^a=A (new-primary)"],
    ["a=A*", "", "x=X#9*", "+a=A (absent); ^a=A (new-primary)"],
    ["a=A~", "", "", ""],
    // What is there is adopted, whatever its name.
    ["a=A", "", "a=A#1", "=a=A#1 (present)"],
    ["a=A", "", "z=A#1", "=a=A#1 (present)"],
    ["a=A*", "", "a=A#1", "=a=A#1 (present); ^a=A#1 (not-primary)"],
    ["a=A*", "", "a=A#1*", "=a=A#1 (present)"],
    ["a=A", "a=A#1", "a=A#2", "=a=A#2 (other-id)"],
    ["a=A", "a=A", "a=A#2", "=a=A#2 (interrupted)"],
    // Of several rows: the recorded one, then the same name, then the primary, then the smallest id.
    ["a=A", "a=A#3", "z=A#1 a=A#2 y=A#3", ""],
    ["a=A", "", "z=A#1* a=A#2", "=a=A#2 (present)"],
    ["a=A", "", "z=A#1 y=A#2*", "=a=A#2 (present)"],
    ["a=A", "", "z=A#2 y=A#1", "=a=A#1 (present)"],
    // Another key under the name takes the place of the old one.
    ["a=B", "a=A#1", "a=A#1", "±a=B -#1 (other-key)"],
    ["a=B", "a=A#1", "offline", "±a=B -#1 (other-key)"],
    ["a=B", "a=A#1", "a=A#1*", "±a=B -#1 ^ (other-key)"],
    ["a=B*", "a=A#1", "a=A#1*", "±a=B -#1 (other-key); ^a=B (new-primary)"],
    ["a=B c=C*", "a=A#1 c=C#2", "a=A#1* c=C#2", "±a=B -#1 (other-key); ^c=C#2 (not-primary)"],
    ["a=B", "a=A#1", "a=A#1 z=B#2", "±a=B#2 -#1 (other-key)"],
    ["a=B", "a=A#1", "a=A#1* z=B#2", "±a=B#2 -#1 ^ (other-key)"],
    ["a=B", "a=A#1", "", "+a=B (absent); xa=A#1 (undesired)"],
    // A new name is a replacement by the same key, unless the account has the name already.
    ["b=A", "a=A#1", "a=A#1", "±b=A -#1 (renamed)"],
    ["b=A", "a=A#1", "a=A#1*", "±b=A -#1 ^ (renamed)"],
    ["b=A", "a=A#1", "offline", "±b=A -#1 (renamed)"],
    ["b=A", "a=A#1(b)", "b=A#1", "=b=A#1 (name-agrees)"],
    ["b=A", "a=A#1(b)", "offline", "=b=A#1 (name-agrees)"],
    ["b=A", "a=A#1", "", "+b=A dropping [\"1\"] (gone)"],
    // Blobs decide before names: a swap is two renames, a name given to another key is a new key.
    ["a=B b=A", "a=A#1 b=B#2", "a=A#1 b=B#2", "±a=B -#2 (renamed); ±b=A -#1 (renamed)"],
    ["a=B c=A", "a=A#1", "a=A#1", "+a=B (absent); ±c=A -#1 (renamed)"],
    ["a=B", "a=A#1 b=B#2", "a=A#1 b=B#2", "±a=B -#1 -#2 (renamed)"],
    // What is recorded and no longer desired goes.
    ["", "a=A#1", "a=A#1", "-a=A#1 (undesired)"],
    ["", "a=A#1", "offline", "-a=A#1 (undesired)"],
    ["", "a=A#1", "", "xa=A#1 (undesired)"],
    ["", "a=A#1", "a=X#1", "xa=A#1 (undesired)"],
    ["a=A~", "a=A#1", "a=A#1", "-a=A#1 (expired)"],
    ["a=A~", "a=A#1", "", "xa=A#1 (expired)"],
    ["a=A~", "", "a=A#1", ""],
    ["a=A~!", "a=A#1", "a=A#1", "-a=A#1 protected (expired)"],
    ["a=B!", "a=A#1", "a=A#1", "±a=B -#1 protected (other-key)"],
    ["b=A!", "a=A#1", "a=A#1", "±b=A -#1 protected (renamed)"],
    // What is not recorded never goes.
    ["", "", "x=X#9* y=Y#8", ""],
    ["", "", "x=X#9%", ""],
    ["", "a=A#1", "a=A#1%", "xa=A#1 (undesired)"],
    // What an interrupted replacement left behind goes.
    ["a=B", "a=A#1 a=B#2", "a=A#1 a=B#2", "-a=A#1 (left-over)"],
    ["b=A", "a=A#1 b=A#2", "a=A#1 b=A#2", "-a=A#1 (copy)"],
    ["b=A", "a=A#1 b=A#2(a)", "a=A#1 a=A#2", "-a=A#1 (copy)"],
    ["b=A", "a=A#1 b=A#2", "b=A#2", "xa=A#1 (copy)"],
    ["c=A", "a=A#1 b=A#2", "a=A#1 b=A#2", "±c=A -#1 -#2 (renamed)"],
    // What an interrupted run uploaded and nobody wants goes, if it is what was meant.
    ["", "a=A", "a=A#1", "-a=A#1 (orphan)"],
    ["", "a=A", "z=A#1", ""],
    ["", "a=A", "", ""],
    // Without a listing, what is pending is neither sent again nor made room for.
    ["a=A", "a=A", "offline", ""],
    ["a=B", "a=A#1 a=B", "offline", ""],
    ["a=B*", "a=B", "offline", ""],
    // A row that shows no key is gone by its id.
    ["a=A", "a=A#1", "a=A#1?", ""],
    ["", "a=A#1", "a=A#1?", "-a=A#1 (undesired)"],
    ["a=A", "", "a=A#1?", "+a=A (absent)"],
    // The manifest's primary, and the account's.
    ["a=A* b=B", "a=A#1 b=B#2", "a=A#1 b=B#2*", "^a=A#1 (not-primary)"],
    ["a=A b=B", "a=A#1 b=B#2", "a=A#1 b=B#2*", ""],
    ["a=A*~ b=B", "a=A#1 b=B#2", "a=A#1* b=B#2", "-a=A#1 (expired)"],
];

#[test]
fn each_world_has_its_plan() {
    let wrong: Vec<_> = TABLE
        .iter()
        .filter_map(|[wanted, state, account, expected]| {
            let found = show(&plan(wanted, state, account));
            (found != *expected).then(|| format!("[{wanted}] [{state}] [{account}]\n  {found}\n  {expected} expected"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_same_world_gives_the_same_digest_and_another_change_another() {
    let digest = |wanted, state, account| plan(wanted, state, account).digest();
    let first = digest("a=A b=B", "", "x=X#1");
    assert_eq!(first, digest("b=B a=A", "", "x=X#1"));
    assert_ne!(first, digest("a=A", "", "x=X#1"));
    assert_ne!(first, digest("a=A c=B", "", "x=X#1"));
    assert_ne!(first, digest("a=A b=C", "", "x=X#1"));
    assert_ne!(digest("", "a=A#1", "a=A#1"), digest("", "a=A#2", "a=A#2"));
}

#[test]
fn a_digest_covers_what_is_done_and_to_which_account_and_nothing_else() {
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
    assert!(changed(&|plan| plan.actions[0].protected = true));
    assert!(changed(&|plan| plan.actions.swap(0, 1)));
    assert!(changed(&|plan| drop(plan.actions.pop())));
    assert!(!changed(&|plan| plan.actions[0].reason = Reason::Gone));
    assert!(!changed(&|plan| plan.base.serial += 1));
    assert!(!changed(&|plan| plan.managed += 1));
    assert!(!changed(&|plan| plan.notes.push(Note::PrimaryUnknown)));
}

#[test]
fn what_is_neither_recorded_nor_desired_is_counted() {
    let counted = plan("a=A b=B", "b=B#2", "a=A#1 b=B#2 z=A#3 x=X#4 s=S#5%");
    assert_eq!((counted.unchanged, counted.managed, counted.unmanaged), (1, 1, 2));
}
