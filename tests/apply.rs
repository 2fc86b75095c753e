//! Carrying out a plan when something goes wrong: what depends on a failure is skipped, and said so.

#![cfg(test)]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use keyform::account::{
    Dated, Effect, Failure, FailureKind, Lateness, Listing, Page, Permission, ReadAccount, RetryPolicy, Row, Throttle,
    WriteAccount,
};
use keyform::apply::{ApplyOptions, Event, Finding, Observation, Outcome, Status, Tools, execute};
use keyform::names::{KeyId, UserId};
use keyform::plan::Plan;
use keyform::public_key::PublicKey;
use keyform::state::{Lease, LoadedState, State};
use support::account::{MemoryAccount, MemorySession, Mode, VirtualClock};
use support::world::{self, plan, recorded, rows};
use tokio_util::sync::CancellationToken;

/// Returns how a request fails, if it does.
type Fault<'f> = Box<dyn Fn(&str) -> Option<Failure> + 'f>;

/// An account on which chosen requests fail.
struct Faulty<'f> {
    account: MemoryAccount,
    /// Asked before each request, such as `POST alice` or `DELETE 1`.
    fault: Fault<'f>,
    log: RefCell<Vec<String>>,
}

impl Faulty<'_> {
    fn ask(&self, request: String) -> Result<(), Failure> {
        let fault = (self.fault)(&request);
        self.log.borrow_mut().push(request);
        fault.map_or(Ok(()), Err)
    }

    async fn answer<T>(
        &self,
        asked: Result<(), Failure>,
        act: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match asked {
            Ok(()) => act.await,
            Err(failure) if failure.message == UNHEARD => act.await.and(Err(failure)),
            Err(failure) => Err(failure),
        }
    }
}

/// The message of failures after which the request is carried out all the same.
const UNHEARD: &str = "nobody heard the answer";

fn unheard() -> Failure {
    Failure { message: UNHEARD.to_owned(), ..failure(Effect::Unknown, FailureKind::ServerError) }
}

impl ReadAccount for Faulty<'_> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.ask("GET".to_owned())?;
        self.account.page(offset, limit).await
    }
}

impl WriteAccount for Faulty<'_> {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        let asked = self.ask(format!("POST {name}"));
        self.answer(asked, self.account.upload(name, key)).await
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        let asked = self.ask(format!("PATCH {id}"));
        self.answer(asked, self.account.promote(id)).await
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        let asked = self.ask(format!("DELETE {id}"));
        self.answer(asked, self.account.delete(id)).await
    }
}

/// An account with separate reads and writes.
struct Halves<'a, R, W> {
    reader: &'a R,
    writer: &'a W,
}

impl<R: ReadAccount, W> ReadAccount for Halves<'_, R, W> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.reader.page(offset, limit).await
    }
}

impl<R, W: WriteAccount> WriteAccount for Halves<'_, R, W> {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        self.writer.upload(name, key).await
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.writer.promote(id).await
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.writer.delete(id).await
    }
}

fn failure(effect: Effect, kind: FailureKind) -> Failure {
    Failure { effect, kind, status: None, retry_after: None, id: None, message: "it failed".to_owned(), help: None }
}

fn refused() -> Failure {
    failure(Effect::Refused, FailureKind::Invalid)
}

struct Ran {
    outcome: Outcome,
    session: MemorySession,
    log: Vec<String>,
    rows: Vec<Row>,
}

impl Ran {
    /// The result of each action, in a word.
    fn steps(&self) -> Vec<String> {
        let word = |status: &Status| match status {
            Status::Waiting => "waiting".to_owned(),
            Status::Done { .. } => "done".to_owned(),
            Status::Failed(failure) => format!("failed: {}", failure.message),
            Status::Skipped { reason } => format!("skipped: {reason}"),
            Status::Pending(_) => "pending".to_owned(),
        };
        let steps = self.outcome.steps.iter();
        steps.map(|step| format!("{} {} {}", step.kind.verb(), step.name, word(&step.status))).collect()
    }

    fn recorded(&self) -> Vec<String> {
        let records = self.session.state.iter().flat_map(State::sorted);
        records.map(|record| format!("{}#{}", record.name, record.id)).collect()
    }

    /// The rows that are still to be deleted after they were replaced.
    fn replaced(&self) -> Vec<String> {
        let records = self.session.state.iter().flat_map(|state| state.replaced.values());
        records.map(|record| format!("{}#{}", record.name, record.id)).collect()
    }
}

/// Carries out the plan of a world while some of its requests fail.
fn run(
    wanted: &str,
    state: &str,
    account: &str,
    change: impl Fn(&mut Plan, &mut ApplyOptions),
    fault: impl Fn(&str) -> Option<Failure>,
) -> Ran {
    let mut plan = plan(wanted, state, account);
    let mut options = ONE;
    change(&mut plan, &mut options);
    let faulty = Faulty {
        account: MemoryAccount::new(Mode::default(), rows(account)),
        fault: Box::new(fault),
        log: RefCell::default(),
    };
    let mut session = MemorySession { state: Some(recorded(state)), ..MemorySession::default() };
    let observation = plan.refreshed.then(|| Observation::from(world::listing(account)));
    let outcome = carry_out(&plan, observation, &mut session, &faulty, options, &CancellationToken::new(), &|_| {});
    let log = faulty.log.take();
    Ran { outcome, session, log, rows: faulty.account.rows.take() }
}

/// Carries out a plan on the state of a session. Waiting takes no real time.
fn carry_out(
    plan: &Plan,
    observation: Option<Observation>,
    session: &mut MemorySession,
    account: &(impl ReadAccount + WriteAccount),
    options: ApplyOptions,
    stop: &CancellationToken,
    observer: &dyn Fn(&Event<'_>),
) -> Outcome {
    let tools = Tools {
        account,
        throttle: &Throttle::new(VirtualClock::default(), 0),
        options,
        stop,
        observer,
        lineage: uuid::Uuid::nil(),
    };
    let loaded = LoadedState { state: session.state.clone(), ..LoadedState::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(execute(plan, loaded, observation, session, &tools))
}

/// One request at a time.
const ONE: ApplyOptions = ApplyOptions {
    concurrency: 1,
    retries: RetryPolicy { retries: 2 },
    fail_fast: false,
    offline: false,
    timeout: Duration::from_secs(30),
    lateness: Lateness {
        listing_lag: Duration::ZERO,
        arrival: Duration::ZERO,
        confirm: Duration::ZERO,
        cap: Duration::ZERO,
    },
};

fn as_it_is(_: &mut Plan, _: &mut ApplyOptions) {}

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
        plan.user_seen = false;
        plan.pin = Some(UserId::new("somebody-else").unwrap());
        plan.user_id = None;
    };
    let ran = run("a=A b=B", "z=Z#9", "z=Z#9", pinned, |_| None);
    assert_eq!(ran.log.iter().filter(|request| request.starts_with("POST")).count(), 1, "{:?}", ran.log);
    assert!(!ran.log.iter().any(|request| request.starts_with("DELETE")), "{:?}", ran.log);
    assert!(ran.steps()[0].contains("the key was uploaded to the account of user user-1"), "{:?}", ran.steps());
}

#[test]
fn nothing_is_deleted_where_nobody_knows_whose_account_it_is_or_which_key_is_its_primary() {
    let unseen = |plan: &mut Plan, _: &mut ApplyOptions| plan.user_seen = false;
    let ran = run("", "a=A#1 b=B#2", "a=A#1 b=B#2", unseen, |_| None);
    assert!(
        ran.steps().iter().all(|step| step.contains("skipped: the owner of the account is unknown")),
        "{:?}",
        ran.steps()
    );

    let offline = |plan: &mut Plan, _: &mut ApplyOptions| {
        plan.refreshed = false;
        plan.user_seen = true;
    };
    let ran = run("c=C*", "b=B#2 c=C#3", "b=B#2* c=C#3", offline, |request| request.starts_with("PATCH").then(refused));
    assert!(ran.rows.iter().any(|row| row.id.as_str() == "2" && row.is_primary), "{:?}", ran.steps());
}

/// Carries out many uploads on an account that answers at once, except `waits`, which waits until another upload is
/// recorded. Returns the maximum number of uploads that were sent and not yet recorded.
fn unwritten(uploads: u64, waits: Option<&str>) -> usize {
    let plan = world::plan_of(&world::numbered(uploads), None, Some(&world::listing("")));
    let (sent, written, most) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let account = MemoryAccount::new(Mode::default(), Vec::new());
    let waiting = Waiting { account: &account, waits, sent: &sent, written: &written };
    let waiting = Halves { reader: &account, writer: &waiting };
    let observer = |event: &Event<'_>| {
        most.set(most.get().max(sent.get() - written.get()));
        written.set(written.get() + usize::from(matches!(event, Event::Recorded { .. })));
    };
    let (options, stop) = (ApplyOptions { concurrency: 10, ..ONE }, CancellationToken::new());
    let outcome = carry_out(&plan, None, &mut MemorySession::default(), &waiting, options, &stop, &observer);
    assert!(outcome.is_success(), "{outcome:?}");
    most.get()
}

/// Can let one upload wait.
struct Waiting<'a> {
    account: &'a MemoryAccount,
    waits: Option<&'a str>,
    sent: &'a Cell<usize>,
    written: &'a Cell<usize>,
}

impl WriteAccount for Waiting<'_> {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        self.sent.set(self.sent.get() + 1);
        if self.waits == Some(name) {
            let written = self.written.get();
            let mut turns = 0..1000;
            while self.written.get() == written && turns.next().is_some() {
                tokio::task::yield_now().await;
            }
            assert!(!turns.is_empty(), "others are done, and not written down while this one waits");
        }
        self.account.upload(name, key).await
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.account.promote(id).await
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.account.delete(id).await
    }
}

#[test]
fn uploads_are_written_down_together_and_never_many_of_them() {
    let most = unwritten(1000, None);
    assert!((11..=21).contains(&most), "{most} at once");
}

#[test]
fn whoever_waits_for_the_network_has_written_down_what_is_done() {
    unwritten(20, Some("key-0005"));
}

#[test]
fn an_account_that_was_not_as_it_said_is_reported() {
    // Somebody deletes the key between its upload and the listing afterwards.
    let account = MemoryAccount::new(Mode::default(), Vec::new());
    let plan = plan("a=A", "", "");
    let mut session = MemorySession { state: Some(recorded("")), ..MemorySession::default() };
    let account = Halves { reader: &Emptied(&account), writer: &account };
    let outcome = carry_out(&plan, None, &mut session, &account, ONE, &CancellationToken::new(), &|_| {});
    assert!(matches!(outcome.findings(), [Finding::Missing { .. }]), "{outcome:?}");
    assert!(!outcome.is_success());
}

#[test]
fn a_primary_that_cannot_be_restored_is_reported_and_kept_in_the_state() {
    let (state, rows_before) = ("z=Z#9", "z=Z#9*");
    let plan = plan("a=A z=Z", state, rows_before);
    let account = Faulty {
        account: MemoryAccount::new(Mode { uploads_take_primary: true, ..Mode::default() }, rows(rows_before)),
        fault: Box::new(|request| request.starts_with("PATCH").then(refused)),
        log: RefCell::default(),
    };
    let mut session = MemorySession { state: Some(recorded(state)), ..MemorySession::default() };
    let observation = Some(Observation::from(world::listing(rows_before)));
    let outcome = carry_out(&plan, observation, &mut session, &account, ONE, &CancellationToken::new(), &|_| {});
    let findings: Vec<_> = outcome.findings().iter().map(Finding::to_string).collect();
    assert_eq!(findings, ["an upload became the primary key, and promoting z again failed: it failed"]);
    assert!(!outcome.is_success());
    assert_eq!(session.state.unwrap().former_primary.unwrap().as_str(), "9");
}

/// Deletes all rows before it lists them.
struct Emptied<'a>(&'a MemoryAccount);

impl ReadAccount for Emptied<'_> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.0.rows.borrow_mut().clear();
        self.0.page(offset, limit).await
    }
}

/// A listing that never ends, during which the user asks to stop.
struct Endless<'a>(&'a CancellationToken);

impl ReadAccount for Endless<'_> {
    async fn page(&self, _: u64, _: u64) -> Result<Page, Failure> {
        self.0.cancel();
        std::future::pending().await
    }
}

#[test]
fn a_run_that_is_asked_to_stop_does_not_wait_for_what_only_looks() {
    let lost = |request: &str| (request == "POST a").then(unheard);
    for (fault, step) in [(Box::new(|_: &str| None) as Fault<'_>, "done"), (Box::new(lost), "pending")] {
        let stop = CancellationToken::new();
        let account = MemoryAccount::new(Mode::default(), Vec::new());
        let account = Faulty { account, fault, log: RefCell::default() };
        let (plan, mut session) = (plan("a=A", "", ""), MemorySession::default());
        let account = Halves { reader: &Endless(&stop), writer: &account };
        let outcome = carry_out(&plan, None, &mut session, &account, ONE, &stop, &|_| {});
        assert!(outcome.interrupted && outcome.saved.is_some() && !outcome.is_verified());
        let ended = match &outcome.steps[0].status {
            Status::Done { .. } => "done",
            Status::Pending(_) => "pending",
            other => panic!("{other:?}"),
        };
        assert_eq!(ended, step);
        assert_eq!(session.state.unwrap().pending.len(), usize::from(step == "pending"));
    }
}

#[test]
fn a_run_that_is_asked_to_stop_starts_nothing() {
    let stop = CancellationToken::new();
    stop.cancel();
    let account = MemoryAccount::new(Mode::default(), rows("z=Z#9"));
    let plan = plan("a=A", "z=Z#9", "z=Z#9");
    let state = recorded("z=Z#9");
    let mut session = MemorySession { state: Some(state.clone()), ..MemorySession::default() };
    let outcome = carry_out(&plan, None, &mut session, &account, ONE, &stop, &|_| {});
    assert!(outcome.interrupted);
    assert_eq!(account.requests.get(), 0);
    assert_eq!(session.state, Some(state), "and nothing is pending that was never sent");
}

#[test]
fn once_the_lock_is_lost_no_request_is_sent() {
    let (wanted, state, account) = ("a=A* b=B c=C", "b=D#1 d=E#2", "b=D#1* d=E#2");
    let plan = plan(wanted, state, account);
    let run_with = |held_for: usize| {
        let sent = Rc::new(Cell::new(0_usize));
        let counted = Rc::clone(&sent);
        let fault = move |request: &str| {
            counted.set(counted.get() + 1);
            match (request, counted.get()) {
                ("POST a", 1) => Some(failure(Effect::NotSent, FailureKind::Unavailable)),
                ("POST b", 3) => Some(failure(Effect::Unknown, FailureKind::ServerError)),
                _ => None,
            }
        };
        let faulty = Faulty {
            account: MemoryAccount::new(Mode::default(), rows(account)),
            fault: Box::new(fault),
            log: RefCell::default(),
        };
        let lease = Lease::limited(move || sent.get() < held_for);
        let mut session =
            MemorySession { state: Some(recorded(state)), lease: Some(lease), ..MemorySession::default() };
        let observation = Some(Observation::from(world::listing(account)));
        let outcome = carry_out(&plan, observation, &mut session, &faulty, ONE, &CancellationToken::new(), &|_| {});
        (outcome, faulty.log.take())
    };
    let (outcome, all) = run_with(usize::MAX);
    assert!(outcome.is_success(), "{outcome:?}");
    for method in ["POST", "PATCH", "DELETE", "GET"] {
        assert!(all.iter().any(|request| request.starts_with(method)), "{all:?}");
    }
    for held_for in 0..all.len() {
        let (outcome, sent) = run_with(held_for);
        assert_eq!(sent, all[..held_for]);
        let left_out = all[held_for..].iter().filter(|request| *request != "GET").count();
        assert!((left_out == 0 || !outcome.is_success()) && !outcome.interrupted, "{held_for}: {outcome:?}");
    }
}
