//! When the results of uploads are journaled.

use std::cell::Cell;

use keyform::account::{Dated, Failure, Row, WriteAccount};
use keyform::apply::{ApplyOptions, Event};
use keyform::names::KeyId;
use keyform::public_key::PublicKey;
use tokio_util::sync::CancellationToken;

use crate::harness::{Halves, ONE, carry_out};
use crate::support::account::{MemoryAccount, MemorySession, Mode};
use crate::support::world;

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
fn results_are_journaled_before_a_run_waits_for_the_network() {
    unwritten(20, Some("key-0005"));
}
