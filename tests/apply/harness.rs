//! An account on which chosen requests fail, and how a plan is carried out on it.

use std::cell::RefCell;
use std::time::Duration;

use crate::support::account::{MemoryAccount, MemorySession, Mode, VirtualClock};
use crate::support::world::{self, plan, recorded, rows};
use keyform::account::{
    Dated, Effect, Failure, FailureKind, Lateness, Page, ReadAccount, RetryPolicy, Row, Throttle, WriteAccount,
};
use keyform::apply::{ApplyOptions, Event, Observation, Outcome, Status, Tools, execute};
use keyform::names::KeyId;
use keyform::plan::Plan;
use keyform::public_key::PublicKey;
use keyform::state::{LoadedState, State};
use tokio_util::sync::CancellationToken;

/// Returns how a request fails, if it does.
pub(crate) type Fault<'f> = Box<dyn Fn(&str) -> Option<Failure> + 'f>;

/// An account on which chosen requests fail.
pub(crate) struct Faulty<'f> {
    pub(crate) account: MemoryAccount,
    /// Asked before each request, such as `POST alice` or `DELETE 1`.
    pub(crate) fault: Fault<'f>,
    pub(crate) log: RefCell<Vec<String>>,
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
pub(crate) const UNHEARD: &str = "nobody heard the answer";

pub(crate) fn unheard() -> Failure {
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
pub(crate) struct Halves<'a, R, W> {
    pub(crate) reader: &'a R,
    pub(crate) writer: &'a W,
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

pub(crate) fn failure(effect: Effect, kind: FailureKind) -> Failure {
    Failure { effect, kind, status: None, retry_after: None, id: None, message: "it failed".to_owned(), help: None }
}

pub(crate) fn refused() -> Failure {
    failure(Effect::Refused, FailureKind::Invalid)
}

pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) session: MemorySession,
    pub(crate) log: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

impl Ran {
    /// The result of each action, in a word.
    pub(crate) fn steps(&self) -> Vec<String> {
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

    pub(crate) fn recorded(&self) -> Vec<String> {
        let records = self.session.state.iter().flat_map(State::sorted);
        records.map(|record| format!("{}#{}", record.name, record.id)).collect()
    }

    /// The rows that are still to be deleted after they were replaced.
    pub(crate) fn replaced(&self) -> Vec<String> {
        let records = self.session.state.iter().flat_map(|state| state.replaced.values());
        records.map(|record| format!("{}#{}", record.name, record.id)).collect()
    }
}

/// Carries out the plan of a world while some of its requests fail.
pub(crate) fn run(
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
pub(crate) fn carry_out(
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
pub(crate) const ONE: ApplyOptions = ApplyOptions {
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

pub(crate) fn as_it_is(_: &mut Plan, _: &mut ApplyOptions) {}
