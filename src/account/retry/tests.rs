use super::super::failure::FailureKind;
use super::*;
use std::fmt::Write as _;

fn failure(effect: Effect, kind: FailureKind, retry_after: Option<u64>) -> Failure {
    let retry_after = retry_after.map(Duration::from_secs);
    Failure { effect, kind, status: None, retry_after, id: None, message: "no".to_owned(), help: None }
}

#[test]
fn only_requests_without_effect_or_that_are_idempotent_are_retried() {
    let policy = RetryPolicy { retries: 2 };
    let mut table = String::new();
    for effect in [Effect::NotSent, Effect::Refused, Effect::Unknown] {
        for operation in [Operation::Promote, Operation::Upload] {
            let failure = failure(effect, FailureKind::ServerError, None);
            let decisions: Vec<_> =
                (0..4).map(|attempt| decide(&failure, operation, attempt, policy, Duration::ZERO)).collect();
            writeln!(table, "{effect:?}, idempotent {}: {decisions:?}", operation.is_idempotent()).unwrap();
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
fn a_429_waits_for_a_bounded_time_and_uses_up_no_retry() {
    let decision = |effect, kind, asked, retries, minutes| {
        let failure = failure(effect, kind, asked);
        decide(&failure, Operation::Upload, 7, RetryPolicy { retries }, Duration::from_mins(minutes))
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
        let drawn: Vec<f64> = (0..2_000).map(|_| backoff(attempt, &mut rng).as_secs_f64()).collect();
        let mean = drawn.iter().sum::<f64>() / 2_000.0;
        assert!(drawn.iter().all(|&pause| pause <= range), "attempt {attempt}");
        assert!((mean / range - 0.5).abs() < 0.05, "attempt {attempt}: mean {mean} of {range}");
    }
}

#[test]
fn pauses_without_retry_after_grow_up_to_a_bound() {
    let mut rng = fastrand::Rng::with_seed(1);
    for push_backs in [0, 1, 3, 5, 31, u32::MAX] {
        let longest = (0.25 * 2_f64.powf(f64::from(push_backs))).min(5.0);
        for _ in 0..1_000 {
            let pause = hold(None, push_backs, &mut rng).as_secs_f64();
            assert!((longest / 2.0..=longest).contains(&pause), "{push_backs}: {pause} of {longest}");
        }
    }
}

#[test]
fn retry_after_is_respected_up_to_a_bound_and_never_rounded_to_zero() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut drawn = |asked: u64, push_backs| hold(Some(Duration::from_secs(asked)), push_backs, &mut rng);
    assert!((Duration::from_secs(30)..Duration::from_secs(31)).contains(&drawn(30, 9)));
    assert!((RETRY_AFTER_CAP..RETRY_AFTER_CAP + Duration::from_secs(1)).contains(&drawn(86_400, 0)));
    assert!(drawn(0, 9) >= PROBE_CAP / 2, "one that says nought again and again is not believed");
}
