//! What follows a request that fails: what depends on it is skipped, and the rest is carried out.

use keyform::account::{Effect, FailureKind, Listing, Permission};
use keyform::apply::ApplyOptions;
use keyform::names::UserId;
use keyform::plan::{Plan, Sight};
use tokio_util::sync::CancellationToken;

use crate::harness::{ONE, as_it_is, carry_out, failure, refused, run, unheard};
use crate::support::account::{MemoryAccount, MemorySession, Mode};
use crate::support::world::{self, plan, recorded, rows};

#[test]
fn one_failure_does_not_stop_the_others() {
    let ran = run("a=A b=B c=C", "", "", as_it_is, |request| (request == "POST b").then(refused));
    assert_eq!(ran.steps(), ["upload a done", "upload b failed: it failed", "upload c done"]);
    assert_eq!(ran.recorded(), ["a#1001", "c#1002"]);
    assert!(!ran.outcome.is_success());
}

#[test]
fn fail_fast_starts_nothing_more() {
    let fast = |_: &mut Plan, options: &mut ApplyOptions| options.fail_fast = true;
    let ran = run("a=A b=B c=C", "z=Z#9", "z=Z#9", fast, |request| (request == "POST b").then(refused));
    let skipped = "skipped: another key failed, and --fail-fast is set";
    assert_eq!(
        ran.steps(),
        ["upload a done", "upload b failed: it failed", &format!("upload c {skipped}"), &format!("delete z {skipped}")]
    );
}

#[test]
fn a_failure_that_concerns_all_is_met_once() {
    let no_scope = || failure(Effect::Refused, FailureKind::MissingPermission(Permission::Write));
    let ran = run("a=A b=B c=C", "z=Z#9", "z=Z#9", as_it_is, |request| request.starts_with("POST").then(no_scope));
    assert_eq!(ran.log.iter().filter(|request| *request != "GET").collect::<Vec<_>>(), ["POST a"]);
    assert_eq!(ran.recorded(), ["z#9"]);
    assert_eq!(ran.session.state.unwrap().serial, 1, "nothing changed, so nothing is written");
}

#[test]
fn an_old_key_stays_if_the_new_one_is_not_there() {
    let ran = run("a=B", "a=A#1", "a=A#1", as_it_is, |request| (request == "POST a").then(refused));
    assert_eq!(ran.steps(), ["replace a failed: it failed"]);
    assert_eq!(ran.recorded(), ["a#1"]);
    assert!(ran.rows.iter().any(|row| row.id.as_str() == "1"));
}

#[test]
fn a_primary_stays_if_no_other_has_become_primary() {
    for (wanted, steps) in [
        ("a=B", vec!["replace a failed: it failed"]),
        (
            "a=B*",
            vec![
                "replace a skipped: it is the primary key, and no other key was promoted",
                "promote a failed: it failed",
            ],
        ),
    ] {
        let ran = run(wanted, "a=A#1", "a=A#1*", as_it_is, |request| request.starts_with("PATCH").then(refused));
        assert_eq!(ran.steps(), steps);
        assert!(ran.rows.iter().any(|row| row.id.as_str() == "1" && row.is_primary), "{:?}", ran.rows);
        // The next plan deletes the old row.
        assert_eq!(ran.recorded(), ["a#1001"]);
        assert_eq!(ran.replaced(), ["a#1"]);
    }
}

#[test]
fn an_old_key_that_cannot_be_deleted_is_recorded_as_replaced() {
    let ran = run("a=B", "a=A#1", "a=A#1", as_it_is, |request| (request == "DELETE 1").then(refused));
    assert_eq!(
        ran.steps(),
        ["replace a failed: the new key was uploaded as 1001, but the old one, 1, was not deleted: it failed"]
    );
    assert_eq!((ran.recorded(), ran.replaced()), (vec!["a#1001".to_owned()], vec!["a#1".to_owned()]));
}

#[test]
fn a_recorded_row_is_deleted_after_every_other_row_with_its_key() {
    let ran = run("c=C", "a=A#1 c=C#3", "a=A#1 z=A#2 c=C#3", as_it_is, |_| None);
    assert_eq!(ran.log, ["DELETE 2", "DELETE 1", "GET"]);
    // While another row remains, the record does too, so that the next plan deletes both.
    for (wanted, account) in [("c=C", "a=A#1 z=A#2 c=C#3"), ("c=C", "z=A#2 c=C#3"), ("c=C a=B", "a=A#1 z=A#2 c=C#3")] {
        let ran = run(wanted, "a=A#1 c=C#3", account, as_it_is, |request| (request == "DELETE 2").then(refused));
        assert!(ran.steps().iter().any(|step| step.ends_with("skipped: another row with this key was not deleted")));
        let state = ran.session.state.unwrap();
        let next = world::plan_of(&world::desired(wanted), Some(&state), Some(&Listing::new(ran.rows).unwrap()));
        let deleted = next.actions.iter().flat_map(|action| action.change.old_rows()).map(|old| old.id.as_str());
        assert!(deleted.collect::<Vec<_>>().contains(&"2"), "[{wanted}] [{account}] {}", world::show(&next));
    }
}

#[test]
fn a_row_with_a_revoked_key_and_a_desired_one_is_deleted_after_the_upload_of_the_latter() {
    let ran = run("a=A r=B$", "", "z=A#2&B", as_it_is, |_| None);
    assert_eq!(ran.log, ["POST a", "DELETE 2", "GET"]);
    let ran = run("a=A r=B$", "", "z=A#2&B", as_it_is, |request| (request == "POST a").then(refused));
    assert_eq!(
        ran.steps(),
        ["upload a failed: it failed", "delete z skipped: it also contains a desired key that was not uploaded"]
    );
}

#[test]
fn rows_that_still_have_a_removed_key_are_found_after_the_apply() {
    let ran = run("c=C", "a=A#1 c=C#3", "a=A#1 z=A#2&B c=C#3", as_it_is, |_| None);
    assert!(ran.outcome.is_success(), "the plan named the row as left");
    assert_eq!(
        ran.outcome.findings().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["the key a is still in 2, which has other keys or options and was left"]
    );
    // Somebody adds the key again while it is removed.
    let plan = plan("c=C", "a=A#1 c=C#3", "a=A#1 c=C#3");
    let account = MemoryAccount::new(Mode::default(), rows("a=A#1 z=A#2 c=C#3"));
    let mut session = MemorySession { state: Some(recorded("a=A#1 c=C#3")), ..MemorySession::default() };
    let observation = Some(world::listing("a=A#1 c=C#3").into());
    let outcome = carry_out(&plan, observation, &mut session, &account, ONE, &CancellationToken::new(), &|_| {});
    assert!(!outcome.is_success());
    assert_eq!(
        outcome.findings().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a was deleted, but its key is on the account again as 2; revoke the key to delete it"]
    );
}

#[test]
fn the_request_is_repeated_only_when_that_is_safe() {
    let posts = |effect: Effect| {
        let fault = move |request: &str| (request == "POST a").then(|| failure(effect, FailureKind::ServerError));
        let ran = run("a=A", "", "", as_it_is, fault);
        let log: Vec<_> = ran.log.iter().map(|request| request.split(' ').next().unwrap().to_owned()).collect();
        log.join(" ")
    };
    // A request that was not sent is repeated at once, an uncertain one only after a listing.
    assert_eq!(posts(Effect::NotSent), "POST POST POST GET");
    assert_eq!(posts(Effect::Unknown), "POST GET POST GET POST GET GET");
    assert_eq!(posts(Effect::Refused), "POST GET");
}

#[test]
fn uploads_whose_answers_are_lost_are_looked_for_all_at_once() {
    let ran = run("a=A b=B c=C", "", "", as_it_is, |request| request.starts_with("POST").then(unheard));
    assert_eq!(ran.steps(), ["upload a done", "upload b done", "upload c done"]);
    assert_eq!(ran.log, ["POST a", "POST b", "POST c", "GET", "GET"]);
    assert_eq!(ran.recorded(), ["a#1001", "b#1002", "c#1003"]);
}

#[test]
fn a_promotion_and_deletions_whose_answers_are_lost_are_settled_by_the_listing_afterwards() {
    let ran =
        run("a=A*", "a=A#1 y=Y#8 z=Z#9", "a=A#1 y=Y#8* z=Z#9", as_it_is, |request| (request != "GET").then(unheard));
    assert_eq!(
        ran.steps(),
        ["promote a done", "delete y skipped: it is the primary key, and no other key was promoted", "delete z done"]
    );
    assert_eq!(ran.log.iter().filter(|request| *request == "GET").count(), 1, "{:?}", ran.log);
    assert_eq!(ran.recorded(), ["a#1", "y#8"]);
}

#[test]
fn a_deletion_that_is_not_made_after_all_is_reported() {
    let ran = run("", "z=Z#9", "z=Z#9", as_it_is, |request| {
        request.starts_with("DELETE").then(|| failure(Effect::Unknown, FailureKind::ServerError))
    });
    assert_eq!(ran.steps(), ["delete z failed: it failed (tried 3 times)"]);
    assert_eq!(ran.recorded(), ["z#9"]);
}

#[test]
fn a_key_that_lands_on_another_account_ends_the_run_after_one() {
    let pinned = |plan: &mut Plan, options: &mut ApplyOptions| {
        // Until a response shows the owner of the account, one upload is in flight, despite the concurrency.
        options.concurrency = 10;
        plan.sight = Sight::Empty;
        plan.pin = Some(UserId::new("somebody-else").unwrap());
        plan.user_id = None;
    };
    let ran = run("a=A b=B", "z=Z#9", "z=Z#9", pinned, |_| None);
    assert_eq!(ran.log.iter().filter(|request| request.starts_with("POST")).count(), 1, "{:?}", ran.log);
    assert!(!ran.log.iter().any(|request| request.starts_with("DELETE")), "{:?}", ran.log);
    assert!(ran.steps()[0].contains("the key was uploaded to the account of user user-1"), "{:?}", ran.steps());
}

#[test]
fn nothing_is_deleted_while_the_user_or_the_primary_is_unknown() {
    let unseen = |plan: &mut Plan, _: &mut ApplyOptions| plan.sight = Sight::Empty;
    let ran = run("", "a=A#1 b=B#2", "a=A#1 b=B#2", unseen, |_| None);
    assert!(
        ran.steps().iter().all(|step| step.contains("skipped: the owner of the account is unknown")),
        "{:?}",
        ran.steps()
    );

    let offline = |plan: &mut Plan, _: &mut ApplyOptions| {
        plan.refreshed = false;
        plan.sight = Sight::Rows;
    };
    let ran = run("c=C*", "b=B#2 c=C#3", "b=B#2* c=C#3", offline, |request| request.starts_with("PATCH").then(refused));
    assert!(ran.rows.iter().any(|row| row.id.as_str() == "2" && row.is_primary), "{:?}", ran.steps());
}
