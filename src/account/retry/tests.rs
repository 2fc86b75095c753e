use super::super::failure::{FailureKind, Fault};
use super::*;
use std::cell::Cell;
use std::fmt::Write as _;

/// Lets time pass at once.
#[derive(Default)]
struct Virtual(Cell<Duration>);

impl Clock for Virtual {
    fn now(&self) -> Duration {
        self.0.get()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.set(self.0.get() + duration);
    }
}

fn pace() -> Pace<Virtual> {
    Pace::new(Virtual::default(), 7)
}

fn failure(effect: Effect, kind: FailureKind, retry_after: Option<u64>) -> Failure {
    let retry_after = retry_after.map(Duration::from_secs);
    Failure { effect, kind, status: None, retry_after, message: "no".to_owned(), help: None }
}

#[test]
fn only_what_had_no_effect_or_does_no_harm_twice_is_repeated() {
    let policy = RetryPolicy { retries: 2 };
    let mut table = String::new();
    for effect in [Effect::NotSent, Effect::Refused, Effect::Unknown] {
        for idempotent in [true, false] {
            let failure = failure(effect, FailureKind::ServerError, None);
            let decisions: Vec<_> =
                (0..4).map(|attempt| decide(&failure, idempotent, attempt, policy, Duration::ZERO)).collect();
            writeln!(table, "{effect:?}, idempotent {idempotent}: {decisions:?}").unwrap();
        }
    }
    insta::assert_snapshot!(table, @r"
    NotSent, idempotent true: [Retry, Retry, GiveUp, GiveUp]
    NotSent, idempotent false: [Retry, Retry, GiveUp, GiveUp]
    Refused, idempotent true: [GiveUp, GiveUp, GiveUp, GiveUp]
    Refused, idempotent false: [GiveUp, GiveUp, GiveUp, GiveUp]
    Unknown, idempotent true: [Retry, Retry, GiveUp, GiveUp]
    Unknown, idempotent false: [GiveUp, GiveUp, GiveUp, GiveUp]
    ");
}

#[test]
fn what_is_pushed_back_waits_for_its_turn_within_a_bound_and_uses_up_no_retry() {
    let decision = |effect, kind, asked, retries, minutes| {
        let failure = failure(effect, kind, asked);
        decide(&failure, false, 7, RetryPolicy { retries }, Duration::from_mins(minutes))
    };
    let (limited, unavailable) = (FailureKind::RateLimited, FailureKind::Unavailable);
    assert_eq!(decision(Effect::NotSent, limited, None, 1, 4), Decision::Queue);
    assert_eq!(decision(Effect::NotSent, unavailable, Some(30), 1, 4), Decision::Queue);
    assert_eq!(decision(Effect::NotSent, limited, None, 1, 5), Decision::GiveUp);
    assert_eq!(decision(Effect::NotSent, limited, Some(1), 0, 0), Decision::GiveUp, "no request is sent twice");
    assert_eq!(decision(Effect::Unknown, FailureKind::ServerError, Some(1), 9, 0), Decision::GiveUp);
    assert_eq!(decision(Effect::Refused, FailureKind::Forbidden, Some(1), 9, 0), Decision::GiveUp);
}

#[test]
fn pauses_fill_a_range_that_doubles_up_to_its_cap() {
    let mut rng = fastrand::Rng::with_seed(1);
    for attempt in [0, 1, 3, 6, 7, 31, 32, u32::MAX] {
        let range = (BACKOFF_BASE.as_secs_f64() * 2_f64.powf(f64::from(attempt))).min(BACKOFF_CAP.as_secs_f64());
        let drawn: Vec<f64> =
            (0..2_000).map(|_| backoff(attempt, BACKOFF_BASE, BACKOFF_CAP, &mut rng).as_secs_f64()).collect();
        let mean = drawn.iter().sum::<f64>() / 2_000.0;
        assert!(drawn.iter().all(|&pause| pause <= range), "attempt {attempt}");
        assert!((mean / range - 0.5).abs() < 0.05, "attempt {attempt}: mean {mean} of {range}");
    }
}

#[tokio::test]
async fn a_request_is_repeated_until_it_works() {
    let pace = pace();
    let asked = Cell::new(0);
    let answer = repeat(&pace, RetryPolicy::default(), || async {
        asked.set(asked.get() + 1);
        let lost = failure(Effect::Unknown, FailureKind::ServerError, None);
        if asked.get() < 4 { Err(lost) } else { Ok(asked.get()) }
    });
    assert_eq!(answer.await, Ok(4));
    assert!(pace.clock().now() <= BACKOFF_BASE * 7);
}

#[tokio::test]
async fn a_request_is_given_up_after_its_retries_and_says_so() {
    let asked = Cell::new(0);
    let answer: Result<(), _> = repeat(&pace(), RetryPolicy { retries: 3 }, || async {
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
    let answer: Result<(), _> = repeat(&pace(), RetryPolicy::default(), || async {
        asked.set(asked.get() + 1);
        Err(failure(Effect::Refused, FailureKind::Invalid, None))
    })
    .await;
    assert_eq!(asked.get(), 1);
    assert_eq!(answer.unwrap_err().message, "no");
}

#[tokio::test]
async fn a_server_that_takes_nothing_is_given_up_after_a_bound_that_is_named() {
    let (pace, asked) = (pace(), Cell::new(0));
    let answer: Result<(), _> = repeat(&pace, RetryPolicy { retries: 1 }, || async {
        asked.set(asked.get() + 1);
        Err(failure(Effect::NotSent, FailureKind::RateLimited, None))
    })
    .await;
    assert_eq!(answer.unwrap_err().message, "no (for 5 minutes, the longest that is waited)");
    let waited = pace.clock().now();
    assert!((PUSH_BACK_CAP..PUSH_BACK_CAP + Duration::from_secs(6)).contains(&waited), "{waited:?}");
    assert!((60..130).contains(&asked.get()), "asked {} times", asked.get());
}
