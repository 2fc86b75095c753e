//! A run that is asked to stop, or loses its lock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use keyform::account::{Effect, Failure, FailureKind, Page, ReadAccount, Throttle};
use keyform::apply::{Observation, ObserveOptions, Status, observe};
use keyform::state::{Lease, LoadedState};
use tokio_util::sync::CancellationToken;

use crate::harness::{Fault, Faulty, Halves, ONE, carry_out, failure, unheard};
use crate::support::account::{MemoryAccount, MemorySession, Mode, VirtualClock};
use crate::support::world::{self, plan, recorded, rows};

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
fn the_next_run_settles_an_upload_with_everything_that_was_planned_of_it() {
    let not_sent = || failure(Effect::Unknown, FailureKind::ServerError);
    for (wanted, account, lost, expected) in [
        ("a=A(Ann)<ann>+30", "", unheard as fn() -> Failure, ""),
        ("a=A!", "", unheard, ""),
        // A row that showed no key before is not the upload.
        ("a=A", "a=Z#9?", not_sent, "+a=A (absent)"),
    ] {
        let stop = CancellationToken::new();
        let faulty = Faulty {
            account: MemoryAccount::new(Mode::default(), rows(account)),
            fault: Box::new(|request: &str| request.starts_with("POST").then(lost)),
            log: RefCell::default(),
        };
        let halves = Halves { reader: &Endless(&stop), writer: &faulty };
        let (plan, mut session) = (plan(wanted, "", account), MemorySession::default());
        let observation = Some(Observation::from(world::listing(account)));
        carry_out(&plan, observation, &mut session, &halves, ONE, &stop, &|_| {});
        let loaded = LoadedState { state: session.state, ..LoadedState::default() };
        let state = loaded.state.as_ref().unwrap();
        assert_eq!((state.pending.len(), state.records.len()), (1, 0));

        let options = ObserveOptions { retries: ONE.retries, lateness: ONE.lateness, may_upload: false };
        let throttle = Throttle::new(VirtualClock::default(), 0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let observed = runtime.block_on(observe(&faulty.account, &throttle, options, Some(state), &|_| {})).unwrap();
        let again = world::plan_of(&world::desired(wanted), observed.state(&loaded), Some(&observed.listing));
        assert_eq!(world::show(&again), expected, "[{wanted}]");
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
