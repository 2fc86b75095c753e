//! A table of worlds with the actions planned for each.

use std::collections::BTreeSet;

use keyform::names::KeyName;
use keyform::plan::{Selection, broken, file};

use crate::support::world::{self, plan, show};

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
    ["a=A(x)", "a=A#1 a=A#2{x}(x)", "a=A#1 x=A#2", "-a=A#1 (superseded)"],
    ["b=A", "a=A#1 b=A#2", "a=A#1 b=A#2", "-a=A#1 (superseded)"],
    ["b=A", "a=A#1 b=A#2(a)", "a=A#1 a=A#2", "-a=A#1 (superseded)"],
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
    ["a=A(x)", "a=A#1$ a=A#2{x}(x)", "a=A#1 x=A#2", "-a=A#1 (superseded)"],
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
fn a_saved_plan_holds_as_long_as_nothing_changes_and_so_does_each_part_of_it() {
    for [desired, state, account, _] in TABLE.iter().filter(|row| row[2] != "offline") {
        assert_holds(desired, state, account);
    }
}

/// Fails if the saved plan of a world, or a part of it, is taken to be out of date.
pub(crate) fn assert_holds(desired: &str, state: &str, account: &str) {
    let (recorded, observed) = (world::recorded(state), world::listing(account));
    let whole = plan(desired, state, account);
    let names: BTreeSet<_> = whole.actions.iter().map(|action| action.name.clone()).collect();
    let of_names = |name: &KeyName| {
        let target = Selection { target: vec![name.clone()], ..Selection::default() };
        [target, Selection { exclude: vec![name.clone()], ..Selection::default() }]
    };
    let mut selections = vec![
        Selection::default(),
        Selection { no_deletes: true, ..Selection::default() },
        Selection { only_expired: true, ..Selection::default() },
    ];
    selections.extend(names.iter().flat_map(of_names));
    for selection in selections {
        let mut part = whole.clone();
        part.select(&selection);
        let saved = file::from_text(file::to_text(&part).as_bytes()).unwrap();
        let broken = broken(&saved, Some(&recorded), &observed, world::today());
        assert_eq!(broken, [""; 0], "[{desired}] [{state}] [{account}] {selection:?}");
    }
}
