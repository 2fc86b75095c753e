//! A server that takes so many requests a minute, and two thousand keys: nothing fails, and little time is lost.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use keyform::account::{
    Clock as _, Dated, Effect, Failure, FailureKind, Page, ReadAccount, Row, Throttle, WriteAccount,
};
use keyform::apply::{ApplyOptions, Outcome, Tools, execute};
use keyform::names::KeyId;
use keyform::plan::Plan;
use keyform::public_key::PublicKey;
use keyform::state::LoadedState;
use tokio_util::sync::CancellationToken;

use crate::kernel::{Due, Kernel, Process, Program, Watch};
use crate::support::account::{MemoryAccount, MemorySession, Mode};
use crate::support::world;

const KEYS: u64 = 2_000;

/// What the vendor states of another of its resources.
const REQUESTS: u32 = 500;
const WINDOW: Duration = Duration::from_mins(1);

/// From a request's departure to its arrival, and back again.
const WAY: Duration = Duration::from_millis(40);

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// In windows that begin with their first request.
    Fixed,
    /// In the minute before each.
    Sliding,
    /// By a bucket that fills all the time.
    Bucket,
}

/// A count of requests.
struct Limiter {
    kind: Kind,
    /// When the requests arrived that still count.
    taken: VecDeque<Duration>,
    tokens: f64,
    filled: Duration,
}

/// An account behind a limiter, at the other end of a wire.
struct Limited {
    kernel: Rc<Kernel>,
    account: MemoryAccount,
    limiter: RefCell<Limiter>,
    says_when: bool,
    turned_away: Cell<u32>,
}

impl Limiter {
    fn new(kind: Kind) -> Self {
        Self { kind, taken: VecDeque::new(), tokens: f64::from(REQUESTS), filled: Duration::ZERO }
    }

    /// Takes a request, or says how long it is until one is taken.
    fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        if self.kind == Kind::Bucket {
            let rate = f64::from(REQUESTS) / WINDOW.as_secs_f64();
            self.tokens = (self.tokens + now.saturating_sub(self.filled).as_secs_f64() * rate).min(f64::from(REQUESTS));
            self.filled = now;
            if self.tokens < 1.0 {
                return Err(Duration::from_secs_f64((1.0 - self.tokens) / rate));
            }
            self.tokens -= 1.0;
            return Ok(());
        }
        while let Some(first) = self.taken.front().filter(|first| now.saturating_sub(**first) >= WINDOW) {
            let first = *first;
            match self.kind {
                Kind::Fixed => self.taken.clear(),
                _ => self.taken.retain(|taken| *taken != first),
            }
        }
        match self.taken.front() {
            Some(first) if self.taken.len() >= usize::try_from(REQUESTS).unwrap() => {
                Err((*first + WINDOW).saturating_sub(now))
            }
            _ => {
                self.taken.push_back(now);
                Ok(())
            }
        }
    }

    /// The least time in which so many requests are taken, from so many workers.
    fn ideal(kind: Kind, requests: u32, workers: u32) -> Duration {
        let round = |requests: u32| 2 * WAY * requests.div_ceil(workers);
        match kind {
            Kind::Bucket => round(requests).max(WINDOW * (requests - REQUESTS) / REQUESTS),
            Kind::Fixed | Kind::Sliding => {
                let (windows, last) = ((requests - 1) / REQUESTS, (requests - 1) % REQUESTS + 1);
                WINDOW.max(round(REQUESTS)) * windows + round(last)
            }
        }
    }
}

impl Limited {
    async fn arrive(&self) -> Result<(), Failure> {
        self.kernel.sleep(WAY).await;
        let admitted = self.limiter.borrow_mut().admit(self.kernel.now());
        let Err(left) = admitted else { return Ok(()) };
        self.kernel.sleep(WAY).await;
        self.turned_away.set(self.turned_away.get() + 1);
        Err(Failure {
            effect: Effect::NotSent,
            kind: FailureKind::RateLimited,
            status: Some(429),
            // In whole seconds, as the header has it.
            retry_after: self.says_when.then(|| Duration::from_secs(left.as_secs() + 1)),
            message: "too many requests".to_owned(),
            help: None,
            id: None,
        })
    }
}

impl ReadAccount for Limited {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        self.arrive().await?;
        let page = self.account.page(offset, limit).await;
        self.kernel.sleep(WAY).await;
        page
    }
}

impl WriteAccount for Limited {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        self.arrive().await?;
        let row = self.account.upload(name, key).await;
        self.kernel.sleep(WAY).await;
        row
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.arrive().await?;
        self.account.promote(id).await
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.arrive().await?;
        self.account.delete(id).await
    }
}

fn plan() -> Plan {
    world::plan_of(&world::numbered(KEYS), None, Some(&world::listing("other=Z#1")))
}

/// Applies, and tells how it went, how long it took, how many requests were taken and how many turned away.
fn apply(plan: &Plan, kind: Kind, says_when: bool, workers: u32) -> (Outcome, Duration, u32, u32) {
    let kernel = Rc::<Kernel>::default();
    let server = Rc::new(Limited {
        kernel: Rc::clone(&kernel),
        account: MemoryAccount::new(Mode::default(), world::rows("other=Z#1")),
        limiter: RefCell::new(Limiter::new(kind)),
        says_when,
        turned_away: Cell::new(0),
    });
    let run = {
        let (server, plan, kernel) = (Rc::clone(&server), plan.clone(), Rc::clone(&kernel));
        async move {
            let tools = Tools {
                account: &*server,
                throttle: &Throttle::new(Watch { kernel, skew: 0 }, u64::from(workers)),
                options: ApplyOptions { concurrency: usize::try_from(workers).unwrap(), ..ApplyOptions::default() },
                stop: &CancellationToken::new(),
                observer: &|_| {},
                lineage: uuid::Uuid::nil(),
            };
            execute(&plan, LoadedState::default(), None, &mut MemorySession::default(), &tools).await
        }
    };
    let mut program = Program::new(Rc::new(Process::reader()), run);
    let outcome = loop {
        if let Some(outcome) = program.run() {
            break outcome;
        }
        match kernel.pop() {
            Some(Due::Wake(waker)) => waker.wake(),
            _ => panic!("everybody waits, and nothing is to come"),
        }
    };
    let pages = u32::try_from((KEYS + 1).div_ceil(100)).unwrap();
    (outcome, kernel.now(), u32::try_from(KEYS).unwrap() + pages, server.turned_away.get())
}

#[test]
fn two_thousand_keys_go_up_without_an_error_and_near_the_allowed_rate() {
    let plan = plan();
    for kind in [Kind::Fixed, Kind::Sliding, Kind::Bucket] {
        for says_when in [true, false] {
            for workers in [1, 10, 64] {
                let (outcome, took, requests, turned_away) = apply(&plan, kind, says_when, workers);
                let ideal = Limiter::ideal(kind, requests, workers);
                let told = format!(
                    "{kind:?}, says when {says_when}, {workers} workers: {took:?} of {ideal:?}, {turned_away} of \
                     {requests} turned away"
                );
                println!("{told}");
                assert!(outcome.is_success(), "{told}");
                assert!(took <= ideal.mul_f64(1.15), "{told}");
                assert!(turned_away < requests, "{told}");
            }
        }
    }
}
