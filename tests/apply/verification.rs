//! What the listing after the changes shows.

use std::cell::RefCell;

use keyform::account::{Failure, Page, ReadAccount};
use keyform::apply::{Finding, Observation};
use tokio_util::sync::CancellationToken;

use crate::harness::{Faulty, Halves, ONE, as_it_is, carry_out, refused, run};
use crate::support::account::{MemoryAccount, MemorySession, Mode};
use crate::support::world::{self, plan, recorded, rows};

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

#[test]
fn rows_that_may_hold_a_removed_key_are_named() {
    let (state, account) = ("a=A#1 b=B#2", "a=A#1 b=B#2? x=X#3? y=A#4&C");
    let ran = run("b=B", state, account, as_it_is, |_| None);
    let findings: Vec<_> = ran.outcome.findings().iter().map(Finding::to_string).collect();
    assert_eq!(
        findings,
        [
            "the key a is still in 4, which has other keys or options and was left",
            "no readable key is in \"x\" (3), so it is unknown whether a removed key is",
        ]
    );
    assert!(ran.outcome.is_success(), "they are notes");
    // If nothing was removed, there is nothing to look for.
    let ran = run("a=A b=B c=D", state, account, as_it_is, |_| None);
    assert_eq!(ran.outcome.findings(), []);
}

/// Deletes all rows before it lists them.
struct Emptied<'a>(&'a MemoryAccount);

impl ReadAccount for Emptied<'_> {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.0.rows.borrow_mut().clear();
        self.0.page(offset, limit).await
    }
}
