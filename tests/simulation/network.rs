//! The network: requests that are refused, delayed, carried out although nobody hears of it, or answered by others.
//!
//! A request that is given up, or whose process has died, may still reach the account, though no later than [`LATE`].
//! Nothing could protect against one that comes at any later time: the API has no way to name an upload, so that the
//! account cannot tell one that comes twice. `keyform` waits longer than this before it looks and believes.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use keyform::account::verdict::judge;
use keyform::account::{
    self, BodyFault, Clock as _, Dated, Effect, Failure, FailureKind, Fault, Page, ReadAccount, Row, WriteAccount,
};
use keyform::names::{KeyId, KeyName};
use keyform::public_key::PublicKey;

use crate::kernel::{Due, Process};
use crate::laws;
use crate::world::{Broken, World};
use keyform::emulator::DuplicateKey;

/// How long after it was given up a request may still arrive.
pub(crate) const LATE: Duration = Duration::from_millis(900);

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is asked of the account.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Page { offset: u64, limit: u64 },
    Upload { name: KeyName, key: PublicKey },
    Promote(KeyId),
    Delete(KeyId),
}

/// A request on its way.
pub(crate) struct Request {
    pub(crate) process: Rc<Process>,
    operation: Operation,
    answer: RefCell<Option<Result<Content, Reply>>>,
}

/// What an answer brings.
#[derive(Debug, Clone)]
enum Content {
    Page(Page),
    Row(Box<Row>),
    Nothing,
}

/// What is heard of a request.
#[derive(Debug, Clone, Copy)]
enum Reply {
    Nothing(Fault),
    Answer { status: u16, retry_after: bool, body: Result<(), BodyFault> },
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is answered.
    Fine,
    /// It never reaches the account.
    Away(Reply),
    /// It reaches the account, and this is heard of it.
    Unheard(Reply),
    /// This is heard of it, and then it reaches the account.
    Late(Reply),
}

/// The network as one process has it.
pub(crate) struct Network {
    pub(crate) world: Rc<World>,
    pub(crate) process: Rc<Process>,
}

impl Operation {
    fn kind(&self) -> account::Operation {
        match self {
            Self::Page { .. } => account::Operation::List,
            Self::Upload { .. } => account::Operation::Upload,
            Self::Promote(_) => account::Operation::Promote,
            Self::Delete(_) => account::Operation::Delete,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { offset, .. } => write!(f, "GET from {offset}"),
            Self::Upload { name, key } => write!(f, "POST {name} ({})", key.comment()),
            Self::Promote(id) => write!(f, "PATCH {id}"),
            Self::Delete(id) => write!(f, "DELETE {id}"),
        }
    }
}

impl Fate {
    fn draw(rng: &mut Rng, faults: f64) -> Self {
        use BodyFault::{Foreign, Html, Truncated};
        if rng.f64() >= faults {
            return Self::Fine;
        }
        let away = [
            Reply::Nothing(Fault::ConnectionRefused),
            Reply::Nothing(Fault::ConnectTimeout),
            Reply::Nothing(Fault::Timeout),
            Reply::Nothing(Fault::Reset),
            answer(429, false, Ok(())),
            answer(429, true, Ok(())),
            answer(503, true, Ok(())),
            answer(500, false, Ok(())),
            answer(502, false, Err(Html)),
            answer(200, false, Err(Html)),
            answer(422, false, Ok(())),
            answer(401, false, Ok(())),
        ];
        let unheard = [
            Reply::Nothing(Fault::Timeout),
            Reply::Nothing(Fault::Reset),
            Reply::Nothing(Fault::Closed),
            Reply::Nothing(Fault::Protocol),
            answer(500, false, Ok(())),
            answer(504, false, Err(Html)),
            answer(200, false, Err(Truncated)),
            answer(200, false, Err(Foreign)),
        ];
        let late = [Reply::Nothing(Fault::Timeout), Reply::Nothing(Fault::Reset), answer(504, false, Err(Html))];
        match rng.u8(..8) {
            0..3 => Self::Away(away[rng.usize(..away.len())]),
            3..6 => Self::Unheard(unheard[rng.usize(..unheard.len())]),
            _ => Self::Late(late[rng.usize(..late.len())]),
        }
    }
}

impl Network {
    async fn send(&self, operation: Operation) -> Result<Content, Failure> {
        let Self { world, process } = self;
        if process.is_dead.get() {
            // What comes after a death is only there because the death has not been noticed.
            return std::future::pending().await;
        }
        let kind = operation.kind();
        if kind != account::Operation::List {
            laws::may_send(world, process, &operation);
        }
        let fate = world.draw(|rng| Fate::draw(rng, world.weather.get().faults));
        world.trace(|| format!("process {} sends {operation}: {fate:?}", process.id));
        let (there, back) = (world.millis(1..100), world.millis(1..100));
        let request = Rc::new(Request { process: Rc::clone(process), operation, answer: RefCell::default() });
        let heard = match fate {
            Fate::Fine => None,
            Fate::Away(reply) | Fate::Unheard(reply) | Fate::Late(reply) => Some(reply),
        };
        let patience = match heard {
            Some(Reply::Nothing(Fault::Timeout | Fault::ConnectTimeout)) => TIMEOUT,
            _ => there + back,
        };
        match fate {
            Fate::Away(_) => {}
            Fate::Fine | Fate::Unheard(_) => world.kernel.after(there, Due::Arrive(Rc::clone(&request))),
            Fate::Late(_) => {
                let late = LATE.mul_f64(world.draw(Rng::f64));
                world.kernel.after(patience + late, Due::Arrive(Rc::clone(&request)));
            }
        }
        world.kernel.sleep(patience).await;
        let answer = request.answer.borrow_mut().take();
        match (heard, answer) {
            (None, Some(Ok(content))) => Ok(content),
            (Some(reply), _) | (None, Some(Err(reply))) => self.hear(kind, reply),
            (None, None) => unreachable!("a request that is fine has arrived"),
        }
    }

    fn hear(&self, kind: account::Operation, reply: Reply) -> Result<Content, Failure> {
        let verdict = match reply {
            Reply::Nothing(fault) => Err((fault.effect(), FailureKind::Transport(fault))),
            Reply::Answer { status, retry_after: _, body } => judge(kind, status, None, body),
        };
        let Err((effect, failure)) = verdict else { return Ok(Content::Nothing) };
        let is_blind = self.world.broken == Some(Broken::RetryIsBlind);
        let (status, asks) = match reply {
            Reply::Nothing(_) => (None, false),
            Reply::Answer { status, retry_after, body: _ } => (Some(status), retry_after),
        };
        Err(Failure {
            effect: if is_blind && effect == Effect::Unknown { Effect::NotSent } else { effect },
            kind: failure,
            status,
            retry_after: asks.then(|| Duration::from_secs(self.world.draw(|rng| rng.u64(..90)).min(60))),
            message: format!("{failure:?}"),
            help: None,
            id: None,
        })
    }
}

impl ReadAccount for Network {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        match self.send(Operation::Page { offset, limit }).await? {
            Content::Page(page) => Ok(page),
            other => unreachable!("{other:?} is not a page"),
        }
    }
}

impl WriteAccount for Network {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        match self.send(Operation::Upload { name: KeyName::new(name).unwrap(), key: key.clone() }).await? {
            Content::Row(row) => Ok((*row).into()),
            other => unreachable!("{other:?} is not a row"),
        }
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.send(Operation::Promote(id.clone())).await.map(|_| ().into())
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.send(Operation::Delete(id.clone())).await.map(|_| ().into())
    }
}

/// A request reaches the account.
pub(crate) fn arrive(world: &Rc<World>, request: &Request) {
    let Request { process, operation, answer } = request;
    laws::may_change(world, process, operation);
    let result = act(world, process, operation);
    world.trace(|| match (&result, operation) {
        (Ok(_), Operation::Page { .. }) => format!("{operation} of process {} arrives", process.id),
        _ => format!("{operation} of process {} arrives: {result:?}", process.id),
    });
    *answer.borrow_mut() = Some(result);
}

fn act(world: &Rc<World>, process: &Process, operation: &Operation) -> Result<Content, Reply> {
    let mut account = world.account.borrow_mut();
    let mode = account.mode;
    match operation {
        Operation::Page { offset, limit } => Ok(Content::Page(world.draw(|rng| account.page(*offset, *limit, rng)))),
        Operation::Upload { name, key } => {
            let twin = account.with_blob(key.blob()).next().map(|stored| stored.row.clone());
            match (twin, mode.duplicate_key) {
                (Some(twin), DuplicateKey::SameRow) => Ok(Content::Row(Box::new(twin))),
                (Some(_), DuplicateKey::Refuse) => Err(answer(422, false, Ok(()))),
                _ => {
                    let mut row = account.insert(name.as_str(), key.blob(), true);
                    if mode.uploads_take_primary {
                        account.make_primary(&row.id);
                        row.is_primary = true;
                    }
                    Ok(Content::Row(Box::new(row)))
                }
            }
        }
        Operation::Promote(id) | Operation::Delete(id) if account.get(id).is_none() => Err(answer(404, false, Ok(()))),
        Operation::Promote(id) => {
            account.make_primary(id);
            Ok(Content::Nothing)
        }
        Operation::Delete(id) if mode.keeps_primary && account.get(id).is_some_and(|stored| stored.row.is_primary) => {
            Err(answer(409, false, Ok(())))
        }
        Operation::Delete(id) => {
            if process.is_dead.get() {
                // Others have seen it, and not that it goes.
                let blob = account.get(id).and_then(|stored| stored.row.blob.clone());
                account.robbed.extend(blob);
            }
            account.rows.retain(|stored| stored.row.id != *id);
            Ok(Content::Nothing)
        }
    }
}

fn answer(status: u16, retry_after: bool, body: Result<(), BodyFault>) -> Reply {
    Reply::Answer { status, retry_after, body }
}
