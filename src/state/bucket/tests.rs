//! Time is that of a paused Tokio runtime, so nothing waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::account::{Clock as _, TokioClock};
use crate::state::sample::{intend, record, state};
use crate::state::{
    JournalEntry, LoadedState, LockHolder, Repair as _, Session as _, State, StateError, StateErrorKind, Store as _,
    lock_within, while_kept,
};

/// Content and time of each object.
type Objects = BTreeMap<String, (Vec<u8>, Timestamp)>;

/// A bucket in memory that all processes share.
#[derive(Debug, Clone, Default)]
struct MemoryBucket {
    objects: Rc<RefCell<Objects>>,
    requests: Rc<RefCell<Vec<String>>>,
    /// What happens to the next writes.
    faults: Rc<RefCell<Vec<WriteFault>>>,
    ignores_conditions: bool,
    /// The clock of the store, in seconds.
    date: Rc<Cell<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteFault {
    /// The object is created, and the response is lost.
    ResponseLost,
    /// Nothing is created.
    RequestLost,
    /// The object is created, and a repeated request finds it.
    Repeated,
    Denied,
}

fn failed(kind: BucketErrorKind) -> BucketError {
    BucketError { kind, message: "it failed".to_owned(), help: "repair it".to_owned() }
}

impl MemoryBucket {
    fn note(&self, request: String) {
        self.requests.borrow_mut().push(request);
    }

    fn names(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.objects.borrow()[name].0.clone()).unwrap()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.date.get()).unwrap()
    }

    fn store(&self, run: u128) -> BucketStore<Self, TokioClock> {
        let holder = LockHolder { who: format!("process {run}"), since: Timestamp::now() };
        let place = "s3://bucket/keyform".to_owned();
        BucketStore::new(self.clone(), TokioClock::default(), place, holder, Uuid::from_u128(run))
    }
}

impl Bucket for MemoryBucket {
    async fn list(&self) -> Result<ObjectList, BucketError> {
        self.note("list".to_owned());
        let objects = self.objects.borrow();
        let objects =
            objects.iter().map(|(name, (_, modified))| ObjectInfo { name: name.clone(), modified: *modified });
        Ok(ObjectList { objects: objects.collect(), date: Some(self.now()) })
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.note(format!("read {name}"));
        Ok(self.objects.borrow().get(name).map(|(bytes, _)| bytes.clone()))
    }

    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<Creation, BucketError> {
        self.note(format!("create {name}"));
        let fault = self.faults.borrow_mut().pop();
        match fault {
            Some(WriteFault::RequestLost) => return Err(failed(BucketErrorKind::Unavailable)),
            Some(WriteFault::Denied) => return Err(failed(BucketErrorKind::Refused)),
            Some(WriteFault::ResponseLost | WriteFault::Repeated) | None => {}
        }
        let mut objects = self.objects.borrow_mut();
        let exists = objects.contains_key(name);
        if !exists || self.ignores_conditions {
            objects.insert(name.to_owned(), (bytes, self.now()));
        }
        match fault {
            Some(WriteFault::ResponseLost) => Err(failed(BucketErrorKind::Unavailable)),
            Some(WriteFault::Repeated) => Ok(Creation::Exists),
            _ if exists && !self.ignores_conditions => Ok(Creation::Exists),
            _ => Ok(Creation::Created),
        }
    }

    async fn delete(&self, names: Vec<String>) -> Result<(), BucketError> {
        self.note("delete".to_owned());
        self.objects.borrow_mut().retain(|name, _| !names.contains(name));
        Ok(())
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn loaded(bucket: &MemoryBucket) -> LoadedState {
    bucket.store(99).load().await.unwrap()
}

/// Records keys and folds, as one apply does.
async fn apply(bucket: &MemoryBucket, run: u128, state: &State) -> Result<(), StateError> {
    let mut session = bucket.store(run).lock().await?;
    session.load().await?;
    session.fold(state).await
}

fn lost(result: &Result<(), StateError>) -> bool {
    matches!(result, Err(StateError { kind: StateErrorKind::LockLost { .. }, .. }))
}

#[test]
fn a_state_and_its_journal_are_read_as_one() {
    run(async {
        let bucket = MemoryBucket::default();
        assert_eq!(loaded(&bucket).await.state, None);
        apply(&bucket, 1, &state(1, &[1])).await.unwrap();
        assert_eq!(loaded(&bucket).await.state, Some(state(1, &[1])));

        let mut session = bucket.store(2).lock().await.unwrap();
        let base = session.load().await.unwrap().state.unwrap();
        session.append(&base, &[intend(4)]).await.unwrap();
        session.sync().await.unwrap();
        session.append(&base, &[JournalEntry::Record(record(4))]).await.unwrap();
        session.append(&base, &[JournalEntry::Record(record(5))]).await.unwrap();
        session.release().await.unwrap();
        let found = loaded(&bucket).await;
        assert!(found.journaled && found.warnings.is_empty(), "{found:?}");
        let mut expected = state(1, &[1, 4, 5]);
        expected.serial = 1;
        assert_eq!(found.state, Some(expected));
        assert_eq!(
            bucket.names(),
            [
                "0000000000.log/00000001",
                "0000000000.log/00000002",
                "0000000001.json",
                "0000000001.log/00000001",
                "0000000001.log/00000002",
                "0000000001.log/00000003",
                "0000000001.log/00000004",
            ]
        );
        // The next session continues the journal, and folds it.
        let mut session = bucket.store(3).lock().await.unwrap();
        let mut base = session.load().await.unwrap().state.unwrap();
        session.append(&base, &[JournalEntry::Record(record(6))]).await.unwrap();
        session.sync().await.unwrap();
        assert_eq!(loaded(&bucket).await.state.unwrap().records.len(), 4);
        base.serial = 2;
        session.fold(&base).await.unwrap();
        assert_eq!(loaded(&bucket).await.state, Some(base));
        assert!(!loaded(&bucket).await.journaled);
    });
}

#[test]
fn a_live_session_is_not_succeeded_and_a_dead_one_is_after_its_lease() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut first = bucket.store(1).lock().await.unwrap();
        let rival = bucket.store(2);
        let clock = TokioClock::default();
        let error = while_kept(&mut first, async |_| {
            lock_within(&rival, Duration::ZERO, &clock, |_| {}).await.map(drop).unwrap_err()
        })
        .await;
        assert!(error.is_locked() && !error.may_lapse() && error.to_string().contains("process 1"), "{error}");
        assert!(clock.now() <= Duration::from_secs(12), "{:?}", clock.now());

        // From here on, it gives no sign of life.
        let lease = first.lease();
        let base = state(0, &[]);
        let started = clock.now();
        let mut second = lock_within(&bucket.store(3), Duration::ZERO, &clock, |_| {}).await.unwrap();
        let waited = clock.now().checked_sub(started).unwrap();
        assert!(waited >= Duration::from_secs(30) && waited < Duration::from_secs(34), "{waited:?}");
        assert!(!lease.is_held());
        let before = bucket.names();
        assert!(lost(&first.append(&base, &[intend(4)]).await));
        assert!(lost(&first.sync().await));
        assert!(lost(&first.fold(&state(1, &[1])).await));
        assert!(lost(&first.discard().await));
        first.release().await.unwrap();
        while_kept(&mut first, async |_| pass(60).await).await;
        assert_eq!(bucket.names(), before, "nothing is written without the lock");
        assert!(second.lease().is_held() || lost(&second.sync().await));
    });
}

#[test]
fn a_session_that_was_stopped_beyond_its_lease_holds_no_lock_although_nobody_took_it() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        let lease = session.lease();
        pass(19).await;
        assert!(lease.is_held());
        pass(2).await;
        assert!(!lease.is_held());
        assert!(lost(&session.append(&state(0, &[]), &[intend(4)]).await));
    });
}

#[test]
fn a_lock_is_renewed_while_its_session_works() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        let lease = session.lease();
        while_kept(&mut session, async |session| {
            for _ in 0..600 {
                pass(1).await;
                assert!(lease.is_held());
            }
            session.release().await.unwrap();
        })
        .await;
        assert!(!lease.is_held());
        assert_eq!(bucket.names().len(), 1 + 600 / 10);
        apply(&bucket, 2, &state(1, &[1])).await.unwrap();
    });
}

#[test]
fn the_lock_of_a_session_that_died_long_ago_is_taken_at_once() {
    run(async {
        let bucket = MemoryBucket::default();
        drop(bucket.store(1).lock().await.unwrap());
        bucket.date.set(299);
        assert!(bucket.store(2).lock().await.unwrap_err().may_lapse());
        bucket.date.set(301);
        bucket.store(2).lock().await.unwrap();
    });
}

#[test]
fn what_a_session_appends_is_written_together_and_soon() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        let base = state(0, &[]);
        while_kept(&mut session, async |session| {
            let before = bucket.names().len();
            for number in 0..20 {
                session.append(&base, &[intend(number)]).await.unwrap();
            }
            assert_eq!(bucket.names().len(), before);
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(bucket.names().len(), before + 1);
            assert_eq!(loaded(&bucket).await.state.unwrap().pending.len(), 20);
        })
        .await;
    });
}

#[test]
fn a_session_that_ended_between_seal_and_state_is_completed_with_the_same_bytes() {
    run(async {
        let bucket = MemoryBucket::default();
        apply(&bucket, 1, &state(1, &[1])).await.unwrap();
        let text = bucket.text("0000000001.json");
        bucket.objects.borrow_mut().remove("0000000001.json");
        assert_eq!(loaded(&bucket).await.state, Some(state(1, &[1])), "the seal holds it");
        apply(&bucket, 2, &state(2, &[1, 2])).await.unwrap();
        assert_eq!(bucket.text("0000000001.json"), text);
        assert_eq!(loaded(&bucket).await.state, Some(state(2, &[1, 2])));
    });
}

#[test]
fn lost_repeated_and_refused_responses_change_nothing() {
    run(async {
        let expected = {
            let bucket = MemoryBucket::default();
            apply(&bucket, 1, &state(1, &[1, 2])).await.unwrap();
            bucket.objects.take()
        };
        for fault in [WriteFault::ResponseLost, WriteFault::RequestLost, WriteFault::Repeated] {
            for position in 0..3 {
                let bucket = MemoryBucket::default();
                let fail = |at: usize| {
                    if position == at {
                        bucket.faults.replace(vec![fault; at + 1]);
                    }
                };
                fail(0);
                let mut session = bucket.store(1).lock().await.unwrap();
                session.load().await.unwrap();
                fail(1);
                fail(2);
                session.fold(&state(1, &[1, 2])).await.unwrap();
                let names: Vec<_> = expected.keys().cloned().collect();
                assert_eq!(bucket.names(), names, "{fault:?} at {position}");
                assert_eq!(loaded(&bucket).await.state, Some(state(1, &[1, 2])), "{fault:?} at {position}");
            }
        }
        let bucket = MemoryBucket::default();
        bucket.faults.replace(vec![WriteFault::Denied]);
        let error = bucket.store(1).lock().await.unwrap_err();
        assert_eq!(error.help(), "repair it");
        assert!(bucket.names().is_empty());
    });
}

#[test]
fn a_store_that_ignores_conditions_is_refused_and_left_as_it_was() {
    run(async {
        let bucket = MemoryBucket { ignores_conditions: true, ..MemoryBucket::default() };
        let error = bucket.store(1).lock().await.unwrap_err();
        assert!(matches!(error.kind, StateErrorKind::Unconditional), "{error}");
        assert!(bucket.names().is_empty());
    });
}

#[test]
fn a_store_that_vanishes_fails_the_session_before_its_lease_ends() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        bucket.faults.replace(vec![WriteFault::RequestLost; 1000]);
        let started = tokio::time::Instant::now();
        session.append(&state(0, &[]), &[intend(4)]).await.unwrap();
        let error = session.sync().await.unwrap_err();
        assert!(matches!(error.kind, StateErrorKind::Bucket { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        assert!(!session.lease().is_held());
        assert!(session.append(&state(0, &[]), &[intend(5)]).await.is_err());
    });
}

#[test]
fn a_write_that_was_dropped_is_completed_by_the_next_one() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        let base = state(0, &[]);
        bucket.faults.replace(vec![WriteFault::RequestLost; 2]);
        session.append(&base, &[intend(4)]).await.unwrap();
        let dropped = tokio::time::timeout(Duration::from_millis(400), session.sync()).await;
        assert!(dropped.is_err());
        session.append(&base, &[intend(5)]).await.unwrap();
        session.sync().await.unwrap();
        assert_eq!(loaded(&bucket).await.state.unwrap().pending.len(), 2);
    });
}

#[test]
fn reading_takes_three_requests_and_runs_without_changes_do_not_make_it_more() {
    run(async {
        let bucket = MemoryBucket::default();
        apply(&bucket, 1, &state(1, &[1])).await.unwrap();
        for number in 0..150 {
            let mut session = bucket.store(100 + number).lock().await.unwrap();
            session.load().await.unwrap();
            session.discard().await.unwrap();
            session.release().await.unwrap();
            let before = bucket.requests.borrow().len();
            assert_eq!(loaded(&bucket).await.state, Some(state(1, &[1])));
            assert!(bucket.requests.borrow().len() - before <= 3);
        }
        assert!(bucket.names().len() < 130, "{}", bucket.names().len());
    });
}

#[test]
fn a_broken_state_is_kept_under_another_name_and_replaced() {
    run(async {
        let bucket = MemoryBucket::default();
        apply(&bucket, 1, &state(7, &[1])).await.unwrap();
        bucket.objects.borrow_mut().insert("0000000001.json".to_owned(), (b"broken".to_vec(), bucket.now()));
        let mut session = bucket.store(2).lock().await.unwrap();
        assert!(session.load().await.unwrap_err().is_broken());
        assert!(session.state_alone().await.is_err());
        let kept = session.set_aside().await.unwrap();
        assert_eq!(kept, ["s3://bucket/keyform/0000000001.json.old"]);
        let mut new = state(session.new_serial(), &[2]);
        new.lineage = Uuid::from_u128(5);
        session.fold(&new).await.unwrap();
        assert_eq!(loaded(&bucket).await.state, Some(new));
        assert_eq!(bucket.text("0000000001.json.old"), "broken");
    });
}

#[test]
fn the_renewal_of_a_lost_lock_ends_although_something_is_queued() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        session.append(&state(0, &[]), &[intend(4)]).await.unwrap();
        pass(60).await;
        session.keep().await;
        assert!(lost(&session.sync().await));
    });
}

#[test]
fn an_entry_that_keyform_did_not_write_or_not_this_version_is_named() {
    run(async {
        let bucket = MemoryBucket::default();
        apply(&bucket, 1, &state(1, &[1])).await.unwrap();
        let put = |text: &str| {
            let name = "0000000001.log/00000001".to_owned();
            bucket.objects.borrow_mut().insert(name, (text.as_bytes().to_vec(), bucket.now()));
        };
        for (text, expected) in [
            ("", "is not a valid entry of a log"),
            ("{}", "is not a valid entry of a log"),
            ("{\"log\":1,\"kind\":\"claim\"", "is not a valid entry of a log"),
            ("{\"log\":2,\"kind\":\"other\"}\n", "has version 2"),
        ] {
            put(text);
            for error in [bucket.store(2).load().await.unwrap_err(), bucket.store(2).lock().await.unwrap_err()] {
                let shown = error.to_string();
                assert!(shown.contains("s3://bucket/keyform/0000000001.log/00000001"), "{shown}");
                assert!(shown.contains(expected), "{text}: {shown}");
            }
        }
    });
}

#[test]
fn an_invalid_or_incomplete_line_of_a_journal_is_named_with_its_object() {
    run(async {
        let bucket = MemoryBucket::default();
        let mut session = bucket.store(1).lock().await.unwrap();
        session.load().await.unwrap();
        for number in 1..=3 {
            session.append(&state(0, &[]), &[intend(number)]).await.unwrap();
            session.sync().await.unwrap();
        }
        session.release().await.unwrap();
        let name = "0000000000.log/00000003";
        let text = bucket.text(name);
        for (changed, line, problem) in [
            (text.replace("{\"intend\":", "{\"intent\":"), 2, "unknown variant"),
            (text.trim_end().to_owned(), 2, "trailing characters"),
            (format!("{text}\0\0"), 3, "it is incomplete"),
        ] {
            bucket.objects.borrow_mut().insert(name.to_owned(), (changed.into_bytes(), bucket.now()));
            let error = bucket.store(2).load().await.unwrap_err();
            let shown = error.to_string();
            let place = format!("line {line} of the journal s3://bucket/keyform/{name} is not valid: ");
            assert!(shown.starts_with(&place) && shown.contains(problem), "{shown}");
            assert!(error.is_broken());
        }
    });
}
