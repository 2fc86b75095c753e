use std::convert::Infallible;
use std::future::{pending, ready};

use futures_util::FutureExt as _;

use super::super::clock::VirtualClock;
use super::super::failure::{Effect, FailureKind, Fault};
use super::super::retry::{BACKOFF_BASE, PUSH_BACK_CAP};
use super::*;

fn throttle() -> Throttle<VirtualClock> {
    Throttle::new(VirtualClock::default(), 7)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn failure(effect: Effect, kind: FailureKind, asked: Option<u64>) -> Failure {
    let retry_after = asked.map(seconds);
    Failure { effect, kind, status: None, retry_after, id: None, message: "no".to_owned(), help: None }
}

fn too_many(asked: Option<u64>) -> Result<(), Failure> {
    Err(failure(Effect::NotSent, FailureKind::RateLimited, asked))
}

/// Sends a request that may be repeated and that nothing stops.
async fn send<T, F>(
    throttle: &Throttle<VirtualClock>,
    policy: RetryPolicy,
    request: impl FnMut() -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    match throttle.send(Operation::List, policy, 0, pending::<Infallible>(), |_| {}, request).await {
        Ok(value) => Ok(value),
        Err(SendError::Failed(failure)) => Err(failure),
    }
}

/// A permit that needs no waiting.
fn permit(throttle: &Throttle<VirtualClock>) -> Option<Permit<'_, VirtualClock>> {
    let before = throttle.clock.now();
    throttle.acquire().now_or_never().filter(|_| throttle.clock.now() == before)
}

#[test]
fn a_lost_response_delays_no_other_request_and_a_429_delays_all() {
    let throttle = throttle();
    permit(&throttle).unwrap().finish(&Err::<(), _>(failure(Effect::NotSent, FailureKind::ServerError, None)));
    assert!(permit(&throttle).is_some());

    permit(&throttle).unwrap().finish(&too_many(Some(30)));
    let after = throttle.acquire().now_or_never().unwrap();
    let waited = throttle.clock.now().as_secs_f64();
    assert!((30.0..=30.25).contains(&waited), "{waited}");
    drop(after);
}

#[test]
fn after_a_429_one_request_is_sent_and_each_success_allows_one_more() {
    let throttle = throttle();
    permit(&throttle).unwrap().finish(&too_many(Some(1)));
    let ahead = throttle.acquire().now_or_never().unwrap();
    assert!(permit(&throttle).is_none(), "only one");
    ahead.finish(&Ok(()));
    let two = [permit(&throttle).unwrap(), permit(&throttle).unwrap()];
    assert!(permit(&throttle).is_none(), "only two");
    for permit in two {
        permit.finish(&Ok(()));
    }
    let four: Vec<_> = std::iter::from_fn(|| permit(&throttle)).collect();
    assert_eq!(four.len(), 4);
}

#[test]
fn responses_to_requests_sent_before_a_429_do_not_change_the_limit() {
    let throttle = throttle();
    let [first, second, third] = [(); 3].map(|()| permit(&throttle).unwrap());
    first.finish(&too_many(None));
    let held = throttle.held_until.get();
    second.finish(&too_many(None));
    third.finish(&Ok(()));
    assert_eq!((throttle.held_until.get(), throttle.push_backs.get(), throttle.max_in_flight.get()), (held, 1, 1));
    assert!(throttle.pushed_since.get().is_some());
}

#[test]
fn an_accepted_request_resets_the_pauses() {
    let throttle = throttle();
    let push_back = || {
        throttle.acquire().now_or_never().unwrap().finish(&too_many(None));
        throttle.held_until.get().saturating_sub(throttle.clock.now())
    };
    let pauses = [(); 5].map(|()| push_back().as_secs_f64());
    assert!(pauses[4] >= 2.0 && !throttle.pushed_for().is_zero(), "{pauses:?}");
    throttle.acquire().now_or_never().unwrap().finish(&Ok(()));
    assert!(throttle.pushed_for().is_zero());
    assert!(push_back().as_secs_f64() <= 0.25);
}

#[tokio::test]
async fn a_request_is_repeated_until_it_works() {
    let throttle = throttle();
    let asked = Cell::new(0);
    let answer = send(&throttle, RetryPolicy::default(), || async {
        asked.set(asked.get() + 1);
        let lost = failure(Effect::Unknown, FailureKind::ServerError, None);
        if asked.get() < 4 { Err(lost) } else { Ok(asked.get()) }
    });
    assert_eq!(answer.await, Ok(4));
    assert!(throttle.clock().now() <= BACKOFF_BASE * 7);
}

#[tokio::test]
async fn a_request_is_given_up_after_its_retries_and_says_so() {
    let asked = Cell::new(0);
    let answer: Result<(), _> = send(&throttle(), RetryPolicy { retries: 3 }, || async {
        asked.set(asked.get() + 1);
        Err(failure(Effect::NotSent, FailureKind::Transport(Fault::Dns), None))
    })
    .await;
    assert_eq!(asked.get(), 4);
    assert_eq!(answer.unwrap_err().message, "no (tried 4 times)");
}

#[tokio::test]
async fn a_refusal_is_final() {
    let asked = Cell::new(0);
    let answer: Result<(), _> = send(&throttle(), RetryPolicy::default(), || async {
        asked.set(asked.get() + 1);
        Err(failure(Effect::Refused, FailureKind::Invalid, None))
    })
    .await;
    assert_eq!(asked.get(), 1);
    assert_eq!(answer.unwrap_err().message, "no");
}

#[tokio::test]
async fn a_server_that_only_answers_429_is_given_up_after_a_named_bound() {
    let (throttle, asked) = (throttle(), Cell::new(0));
    let answer: Result<(), _> = send(&throttle, RetryPolicy { retries: 1 }, || async {
        asked.set(asked.get() + 1);
        Err(failure(Effect::NotSent, FailureKind::RateLimited, None))
    })
    .await;
    assert_eq!(answer.unwrap_err().message, "no (gave up after 5 minutes)");
    let waited = throttle.clock().now();
    assert!((PUSH_BACK_CAP..PUSH_BACK_CAP + Duration::from_secs(6)).contains(&waited), "{waited:?}");
    assert!((60..130).contains(&asked.get()), "asked {} times", asked.get());
}

#[tokio::test]
async fn nothing_is_sent_once_it_is_stopped() {
    let throttle = throttle();
    let never = || async { unreachable!("sent") };
    let result: Result<(), _> =
        throttle.send(Operation::Delete, RetryPolicy::default(), 0, ready("stop"), |_| {}, never).await;
    assert_eq!(result, Err(SendError::Stopped("stop")));
}

#[tokio::test]
async fn after_a_stop_requests_in_flight_finish_and_are_not_retried() {
    for effect in [Effect::NotSent, Effect::Refused] {
        let stop = tokio_util::sync::CancellationToken::new();
        let (throttle, sent) = (throttle(), Cell::new(0));
        let request = || async {
            sent.set(sent.get() + 1);
            stop.cancel();
            tokio::task::yield_now().await;
            Err::<(), _>(failure(effect, FailureKind::ServerError, None))
        };
        let result = throttle.send(Operation::Delete, RetryPolicy::default(), 0, stop.cancelled(), |_| {}, request);
        match result.await.unwrap_err() {
            SendError::Stopped(()) => assert_eq!(effect, Effect::NotSent),
            SendError::Failed(failure) => assert_eq!((effect, failure.effect), (Effect::Refused, Effect::Refused)),
        }
        assert_eq!(sent.get(), 1);
    }
}

#[tokio::test]
async fn retries_used_before_count() {
    let (throttle, sent) = (throttle(), Cell::new(0));
    let request = || async {
        sent.set(sent.get() + 1);
        Err::<(), _>(failure(Effect::NotSent, FailureKind::ServerError, None))
    };
    let policy = RetryPolicy { retries: 3 };
    let result = throttle.send(Operation::Upload, policy, 2, pending::<Infallible>(), |_| {}, request).await;
    let SendError::Failed(failure) = result.unwrap_err();
    assert_eq!((sent.get(), failure.message.as_str()), (2, "no (tried 4 times)"));
}
