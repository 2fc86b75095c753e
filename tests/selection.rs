//! Flags that select actions of a complete plan.

#![cfg(test)]

mod support;

use keyform::names::KeyName;
use keyform::plan::{Plan, Selection, file};
use support::world::{plan, show};

fn names(text: &str) -> Vec<KeyName> {
    text.split_whitespace().map(|name| KeyName::new(name).unwrap()).collect()
}

fn target(text: &str) -> Selection {
    Selection { target: names(text), ..Selection::default() }
}

fn exclude(text: &str) -> Selection {
    Selection { exclude: names(text), ..Selection::default() }
}

fn selected(wanted: &str, state: &str, account: &str, selection: &Selection) -> Plan {
    let mut plan = plan(wanted, state, account);
    plan.select(selection);
    plan
}

/// The actions that are left out: `delete bob`.
fn left_out(plan: &Plan) -> Vec<String> {
    let left_out = plan.partial.iter().flat_map(|partial| &partial.left_out);
    left_out.map(|left| format!("{} {}", left.kind.verb(), left.name)).collect()
}

#[test]
fn without_a_selection_the_plan_is_complete() {
    let whole = selected("a=A b=C", "b=B#2 d=D#4", "b=B#2 d=D#4", &Selection::default());
    assert_eq!(whole, plan("a=A b=C", "b=B#2 d=D#4", "b=B#2 d=D#4"));
    assert_eq!(whole.partial, None);
}

#[test]
fn a_selection_that_leaves_nothing_out_gives_the_complete_plan() {
    let whole = selected("a=A b=B", "b=B#2", "b=B#2", &target("a"));
    assert_eq!((show(&whole).as_str(), whole.partial), ("+a=A (absent)", None));
}

#[test]
fn target_and_exclude_divide_the_plan() {
    let (wanted, state, account) = ("a=A* b=X c=C", "b=B#2 d=D#4", "b=B#2* d=D#4");
    let whole = plan(wanted, state, account);
    for some in ["", "a", "b", "c", "d", "a b", "a b c d"] {
        if some.is_empty() {
            continue;
        }
        let (kept, rest) =
            (selected(wanted, state, account, &target(some)), selected(wanted, state, account, &exclude(some)));
        let mut all: Vec<_> = [&kept, &rest]
            .into_iter()
            .flat_map(|plan| show(plan).split("; ").map(str::to_owned).collect::<Vec<_>>())
            .collect();
        all.retain(|action| !action.is_empty());
        let mut expected: Vec<_> = show(&whole).split("; ").map(str::to_owned).collect();
        all.sort();
        expected.sort();
        assert_eq!(all, expected, "{some}");
        assert_eq!(left_out(&kept).len() + kept.actions.len(), whole.actions.len());
    }
    let both = Selection { target: names("a b"), exclude: names("b"), ..Selection::default() };
    let plan = selected(wanted, state, account, &both);
    assert_eq!(show(&plan), "+a=A (absent); ^a=A (new-primary)");
    assert_eq!(left_out(&plan), ["upload c", "replace b", "delete d"]);
}

#[test]
fn an_excluded_key_stays_desired() {
    // Its other row is neither deleted nor unmanaged, and the counts are those of the complete plan.
    let plan = selected("a=A b=B", "", "b=B#2", &exclude("b"));
    assert_eq!(show(&plan), "+a=A (absent)");
    assert_eq!((left_out(&plan), plan.unmanaged.len()), (vec!["adopt b".to_owned()], 0));
    // A key that takes the name of an excluded one is excluded with it.
    assert_eq!(show(&selected("robert=B", "bob=B#2", "bob=B#2", &exclude("bob"))), "");
    assert_eq!(show(&selected("robert=B", "bob=B#2", "bob=B#2", &target("bob"))), "~robert=B#2 name (changed)");
    assert_eq!(show(&selected("bob=X", "bob=B#2", "bob=B#2", &exclude("bob"))), "");
    // One key that replaces rows of two names is excluded with each.
    for name in ["a", "b", "c"] {
        assert_eq!(show(&selected("c=A(x)", "a=A#1 b=A#2", "a=A#1 b=A#2", &exclude(name))), "", "{name}");
    }
}

#[test]
fn no_deletes_leaves_out_deletions_replacements_and_what_depends_on_them() {
    let no_deletes = Selection { no_deletes: true, ..Selection::default() };
    let (state, account) = ("b=B#2 c=C#3 d=D#4 e=E#5", "b=B#2 c=C#3* d=D#4");
    let plan = selected("a=A b=X* c=C", state, account, &no_deletes);
    assert_eq!(show(&plan), "+a=A (absent); xe=E#5 (undesired)");
    assert_eq!(left_out(&plan), ["replace b", "promote b", "delete d"]);
    assert_eq!(plan.primary, None, "the key that becomes the primary is not uploaded");
    // The promotion does not need a deletion of the same name.
    let plan = selected("a=A*", "a=A#1 a=B#2", "a=A#1 a=B#2", &no_deletes);
    assert_eq!((show(&plan).as_str(), left_out(&plan)), ("^a=A#1 (not-primary)", vec!["delete a".to_owned()]));
}

#[test]
fn only_expired_keeps_removals_of_keys_whose_recorded_expiry_has_passed() {
    let only = Selection { only_expired: true, ..Selection::default() };
    let account = "a=A#1 b=B#2 c=C#3 d=D#4 e=E#5 g=G#7 copy=A#11";
    let state = "a=A#1~ b=B#2~ c=C#3~ d=D#4 e=E#5+9 f=F#6~ h=H#8~";
    // Removed: a with its copy, whose entry has expired too; f and h, which have no row and no entry. Not removed: b and c,
    // whose entries now end later or never; d, which never ended; e, which ends later; g, whose expiry is not recorded.
    let plan = selected("a=A~ b=B+30 c=C g=G~ new=N", state, account, &only);
    assert_eq!(show(&plan), "-a=A#1 (expired); -a=A#11 (expired); xf=F#6 (undesired); xh=H#8 (undesired)");
    assert_eq!(left_out(&plan), ["upload new", "update b", "update c", "delete d", "delete e", "delete g"]);
    // A removed entry has no later expiry either, but one with another key has a new row to upload.
    assert_eq!(show(&selected("", "a=A#1~", "a=A#1", &only)), "-a=A#1 (undesired)");
    assert_eq!(show(&selected("a=X", "a=A#1~", "a=A#1", &only)), "");
    // The new entry of the key has another name.
    assert_eq!(show(&selected("z=A+30", "a=A#1~", "a=A#1", &only)), "");
}

#[test]
fn a_partial_plan_says_what_it_leaves_out_and_is_saved_with_it() {
    let both = Selection { exclude: names("a d"), no_deletes: true, ..Selection::default() };
    let plan = selected("a=A b=B", "c=C#3", "c=C#3", &both);
    let phrase = plan.partial.as_ref().unwrap().phrase().to_string();
    assert_eq!(phrase, "limited by --exclude a, d and --no-deletes; 2 more changes are left out");
    let read = file::from_text(file::to_text(&plan).as_bytes()).unwrap();
    assert_eq!(read.partial, plan.partial);
    support::schema::assert_valid("plan", &serde_json::from_str(&file::to_text(&plan)).unwrap());
}

#[test]
fn a_row_with_the_only_copy_of_an_excluded_key_is_not_deleted() {
    let (wanted, account) = ("r=R$ d=D", "x=R#1&D");
    assert_eq!(show(&plan(wanted, "", account)), "+d=D (absent); -x=R#1 (revoked)");
    let plan = selected(wanted, "", account, &exclude("d"));
    assert_eq!((show(&plan).as_str(), left_out(&plan)), ("", vec!["upload d".to_owned(), "delete x".to_owned()]));
}

#[test]
fn a_row_is_deleted_if_an_excluded_key_in_it_has_another_row() {
    let plan = selected("r=R$ d=D", "", "x=R#1&D d=D#2", &exclude("d"));
    assert_eq!((show(&plan).as_str(), left_out(&plan)), ("-x=R#1 (revoked)", vec!["adopt d".to_owned()]));
}

#[test]
fn a_partial_plan_has_the_records_and_the_primary_of_its_own_keys() {
    let of = |selection| {
        let plan = selected("a=A* b=B<ann> c=C<ann>", "a=A#1 b=B#2 c=C#3", "a=A#1* b=B#2 c=C#3", &selection);
        let recorded: Vec<_> = plan.recorded.iter().map(|record| record.name.to_string()).collect();
        (recorded.join(" "), plan.primary.map(|name| name.to_string()).unwrap_or_default())
    };
    let pair = |recorded: &str, primary: &str| (recorded.to_owned(), primary.to_owned());
    assert_eq!(of(Selection::default()), pair("b c", "a"));
    assert_eq!(of(target("a b")), pair("b", "a"));
    assert_eq!(of(target("b")), pair("b", ""));
    assert_eq!(of(exclude("b")), pair("c", "a"));
    assert_eq!(of(exclude("a b")), pair("c", ""));
}
