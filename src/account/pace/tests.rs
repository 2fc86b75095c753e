use super::super::failure::{Effect, FailureKind};
use super::*;
use futures_util::FutureExt as _;

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

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn failed(kind: FailureKind, asked: Option<u64>) -> Result<(), Failure> {
    let retry_after = asked.map(seconds);
    Err(Failure { effect: Effect::NotSent, kind, status: None, retry_after, message: "no".to_owned(), help: None })
}

fn too_many(asked: Option<u64>) -> Result<(), Failure> {
    failed(FailureKind::RateLimited, asked)
}

/// A turn that needs no waiting.
fn turn(pace: &Pace<Virtual>) -> Option<Turn<'_, Virtual>> {
    let before = pace.clock.now();
    pace.turn().now_or_never().filter(|_| pace.clock.now() == before)
}

#[test]
fn a_lost_answer_holds_back_nobody_and_a_429_everybody() {
    let pace = pace();
    turn(&pace).unwrap().end(&failed(FailureKind::ServerError, None));
    assert!(turn(&pace).is_some());

    turn(&pace).unwrap().end(&too_many(Some(30)));
    let after = pace.turn().now_or_never().unwrap();
    let waited = pace.clock.now().as_secs_f64();
    assert!((30.0..=30.25).contains(&waited), "{waited}");
    drop(after);
}

#[test]
fn after_a_429_one_goes_ahead_and_with_each_that_is_taken_one_more_may_go() {
    let pace = pace();
    turn(&pace).unwrap().end(&too_many(Some(1)));
    let ahead = pace.turn().now_or_never().unwrap();
    assert!(turn(&pace).is_none(), "only one");
    ahead.end(&Ok(()));
    let two = [turn(&pace).unwrap(), turn(&pace).unwrap()];
    assert!(turn(&pace).is_none(), "only two");
    for turn in two {
        turn.end(&Ok(()));
    }
    let four: Vec<_> = std::iter::from_fn(|| turn(&pace)).collect();
    assert_eq!(four.len(), 4);
}

#[test]
fn what_was_sent_before_a_429_tells_nothing_about_it() {
    let pace = pace();
    let [first, second, third] = [(); 3].map(|()| turn(&pace).unwrap());
    first.end(&too_many(None));
    let held = pace.held_until.get();
    second.end(&too_many(None));
    third.end(&Ok(()));
    assert_eq!((pace.held_until.get(), pace.in_a_row.get(), pace.width.get()), (held, 1, 1));
    assert!(pace.pushed_since.get().is_some());
}

#[test]
fn a_server_that_says_no_time_is_asked_less_and_less_often_but_often_enough() {
    let mut rng = fastrand::Rng::with_seed(1);
    for in_a_row in [0, 1, 3, 5, 31, u32::MAX] {
        let longest = (0.25 * 2_f64.powf(f64::from(in_a_row))).min(5.0);
        for _ in 0..1_000 {
            let pause = hold(None, in_a_row, &mut rng).as_secs_f64();
            assert!((longest / 2.0..=longest).contains(&pause), "{in_a_row}: {pause} of {longest}");
        }
    }
}

#[test]
fn a_time_that_is_asked_for_is_kept_up_to_a_bound_and_never_comes_to_nothing() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut drawn = |asked: u64, in_a_row| hold(Some(seconds(asked)), in_a_row, &mut rng);
    assert!((seconds(30)..seconds(31)).contains(&drawn(30, 9)));
    assert!((RETRY_AFTER_CAP..RETRY_AFTER_CAP + seconds(1)).contains(&drawn(86_400, 0)));
    assert!(drawn(0, 9) >= PROBE_CAP / 2, "one that says nought again and again is not believed");
}

#[test]
fn a_server_that_takes_a_request_begins_with_a_clean_slate() {
    let pace = pace();
    let push_back = || {
        pace.turn().now_or_never().unwrap().end(&too_many(None));
        pace.held_until.get().saturating_sub(pace.clock.now())
    };
    let pauses = [(); 5].map(|()| push_back().as_secs_f64());
    assert!(pauses[4] >= 2.0 && !pace.pushed_for().is_zero(), "{pauses:?}");
    pace.turn().now_or_never().unwrap().end(&Ok(()));
    assert!(pace.pushed_for().is_zero());
    assert!(push_back().as_secs_f64() <= 0.25);
}
