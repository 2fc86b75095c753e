//! The network: requests that are refused, delayed, carried out although nobody hears of it, or answered in odd ways.
//!
//! Whatever was heard of a request, and even if its process has died, it can be carried out until its timeout and
//! [`ARRIVAL`] after it was sent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use keyform::account::verdict::judge;
use keyform::account::{
    self, BodyFault, Clock as _, Dated, Effect, Failure, FailureKind, Fault, Page, ReadAccount, Row, WriteAccount,
};
use keyform::emulator::DuplicateKey;
use keyform::names::{KeyId, KeyName};
use keyform::public_key::PublicKey;

use crate::kernel::{Due, Process};
use crate::laws;
use crate::world::{Broken, World};

/// How long after its timeout, counted from the sending, a request can be carried out.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(15);

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
    pub(crate) operation: Operation,
    /// The latest time at which it can be carried out.
    pub(crate) deadline: Duration,
    /// What is wrong with the response.
    oddity: Option<Oddity>,
    /// Whether a response is received that says that it was carried out.
    is_acknowledged: bool,
    /// Whether the account only says so.
    is_hollow: bool,
    answer: RefCell<Option<Result<Content, Reply>>>,
}

/// What an answer brings.
#[derive(Debug, Clone)]
enum Content {
    Page(Page),
    Row(Dated<Row>),
    Nothing(Dated<()>),
}

/// What is heard of a request.
#[derive(Debug, Clone, Copy)]
enum Reply {
    Nothing(Fault),
    Answer { status: u16, retry_after: bool, body: Result<(), BodyFault> },
}

/// A 2xx that does not show the key that was sent, but has an id.
#[derive(Debug, Clone, Copy)]
enum Oddity {
    /// The key is masked, missing, or has a line break.
    Response,
    /// The listing does not show it either.
    ResponseAndListing,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is carried out and answered.
    Fine,
    /// It is never carried out.
    Away(Reply),
    /// It is carried out, and this is heard of it.
    Unheard(Reply),
    /// It is carried out at any time until its deadline, no matter when this is heard of it.
    Late(Reply),
    /// It is carried out, and the response is odd.
    Odd(Oddity),
    /// It is acknowledged, and has no effect.
    Hollow,
}

/// The network as one process has it.
pub(crate) struct Network {
    pub(crate) world: Rc<World>,
    pub(crate) process: Rc<Process>,
    /// The last row of each page of the current listing, for [`Broken::OverlapIsFaked`].
    ends: RefCell<BTreeMap<u64, Row>>,
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
    fn draw(rng: &mut Rng, faults: f64, operation: &Operation) -> Self {
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
            answer(503, false, Ok(())),
            answer(503, true, Ok(())),
            answer(504, false, Err(Html)),
            answer(200, false, Err(Truncated)),
            answer(200, false, Err(Foreign)),
        ];
        let late = [
            Reply::Nothing(Fault::Timeout),
            Reply::Nothing(Fault::Reset),
            answer(503, true, Ok(())),
            answer(504, false, Err(Html)),
        ];
        match rng.u8(..9) {
            0..3 => Self::Away(away[rng.usize(..away.len())]),
            3..6 => Self::Unheard(unheard[rng.usize(..unheard.len())]),
            8 if matches!(operation, Operation::Upload { .. }) => {
                Self::Odd([Oddity::Response, Oddity::ResponseAndListing][rng.usize(..2)])
            }
            8 if matches!(operation, Operation::Delete(_)) => Self::Hollow,
            _ => Self::Late(late[rng.usize(..late.len())]),
        }
    }
}

impl Network {
    pub(crate) fn new(world: &Rc<World>, process: &Rc<Process>) -> Self {
        Self { world: Rc::clone(world), process: Rc::clone(process), ends: RefCell::default() }
    }

    async fn send(&self, operation: Operation) -> Result<Content, Failure> {
        let Self { world, process, ends: _ } = self;
        if process.is_dead.get() {
            // What comes after a death is only there because the death has not been noticed.
            return std::future::pending().await;
        }
        let kind = operation.kind();
        if kind != account::Operation::List {
            laws::may_send(world, process, &operation);
        }
        let fate = world.draw(|rng| Fate::draw(rng, world.weather.get().faults, &operation));
        world.trace(|| format!("process {} sends {operation}: {fate:?}", process.id));
        let (heard, oddity) = match fate {
            Fate::Fine | Fate::Hollow => (None, None),
            Fate::Odd(oddity) => (None, Some(oddity)),
            Fate::Away(reply) | Fate::Unheard(reply) | Fate::Late(reply) => (Some(reply), None),
        };
        let (there, back) = self.ways(kind);
        let patience = match heard {
            Some(Reply::Nothing(Fault::Timeout | Fault::ConnectTimeout)) => process.timeout,
            _ => there + back,
        };
        let last = process.timeout + ARRIVAL;
        let deadline = world.kernel.now() + last;
        let answer = RefCell::default();
        let (process, is_acknowledged) = (Rc::clone(process), heard.is_none());
        let is_hollow = matches!(fate, Fate::Hollow);
        let request = Rc::new(Request { process, operation, deadline, oddity, is_acknowledged, is_hollow, answer });
        match fate {
            Fate::Away(_) => {}
            Fate::Fine | Fate::Unheard(_) | Fate::Odd(_) | Fate::Hollow => {
                world.kernel.after(there, Due::Arrive(Rc::clone(&request)));
            }
            Fate::Late(_) => {
                let late = if world.chance(0.3) { last } else { last.mul_f64(world.draw(Rng::f64)) };
                world.kernel.after(late, Due::Arrive(Rc::clone(&request)));
            }
        }
        self.process.waited.set(self.process.waited.get() + patience);
        world.kernel.sleep(patience).await;
        let answer = request.answer.borrow_mut().take();
        match (heard, answer) {
            (None, Some(Ok(content))) => self.check(&request, content),
            (Some(reply), _) | (None, Some(Err(reply))) => self.hear(kind, reply),
            (None, None) => unreachable!("a request that is fine has arrived"),
        }
    }

    /// Draws how long it takes to the account and back.
    fn ways(&self, kind: account::Operation) -> (Duration, Duration) {
        let world = &self.world;
        let (there, back) = (world.millis(1..100), world.millis(1..100));
        let is_slow = kind == account::Operation::List && world.chance(world.weather.get().faults / 8.0);
        if !is_slow {
            return (there, back);
        }
        let both = self.process.timeout.mul_f64(0.99);
        let there = both.mul_f64(world.draw(Rng::f64));
        (there, both.saturating_sub(there))
    }

    fn check(&self, request: &Request, content: Content) -> Result<Content, Failure> {
        match (request.oddity, content) {
            (Some(_), Content::Row(row)) => {
                let kept = self.world.broken != Some(Broken::IdIsDropped);
                let fault = FailureKind::Body(BodyFault::Foreign);
                self.world.account.borrow_mut().note_heard(&row.value.id);
                let id = kept.then(|| row.value.id.clone());
                Err(Failure { id, status: Some(201), ..failure(Effect::Unknown, fault) })
            }
            (_, content) => Ok(content),
        }
    }

    fn hear(&self, kind: account::Operation, reply: Reply) -> Result<Content, Failure> {
        let verdict = match reply {
            Reply::Nothing(fault) => Err((fault.effect(), FailureKind::Transport(fault))),
            Reply::Answer { status, retry_after: _, body } => judge(kind, status, None, body),
        };
        let Err((effect, kind)) = verdict else { return Ok(Content::Nothing(().into())) };
        self.process.failures.set(self.process.failures.get() + 1);
        let (status, asks) = match reply {
            Reply::Nothing(_) => (None, false),
            Reply::Answer { status, retry_after, body: _ } => (Some(status), retry_after),
        };
        let is_certain = match self.world.broken {
            Some(Broken::RetryIsBlind) => true,
            Some(Broken::UnavailableIsCertain) => status == Some(503),
            _ => false,
        };
        Err(Failure {
            status,
            retry_after: asks.then(|| Duration::from_secs(self.world.draw(|rng| rng.u64(..90)).min(60))),
            ..failure(if is_certain && effect == Effect::Unknown { Effect::NotSent } else { effect }, kind)
        })
    }

    /// Returns a page as a process gets it.
    fn shown(&self, offset: u64, mut page: Page) -> Page {
        match self.world.broken {
            Some(Broken::OverlapIsFaked) => self.fake_overlap(offset, &mut page),
            Some(Broken::DateIsAhead) => page.date = page.date.map(|date| date + Duration::from_mins(1)),
            Some(Broken::NamesAreIgnored) => {
                for row in &mut page.rows {
                    let intended = self.process.planned.borrow().upload_of(row);
                    row.name = intended.unwrap_or_else(|| std::mem::take(&mut row.name));
                }
            }
            _ => {}
        }
        page
    }
}

impl Network {
    /// Lets a page begin with the last row of the page before.
    fn fake_overlap(&self, offset: u64, page: &mut Page) {
        let mut ends = self.ends.borrow_mut();
        if offset == 0 {
            ends.clear();
        }
        // Pages that are requested side by side do not arrive in their order.
        let before = page.limit.and_then(|limit| offset.checked_sub(limit - 1));
        let end = before.and_then(|before| ends.get(&before).cloned());
        if let (Some(end), Some(first)) = (end, page.rows.first_mut()) {
            *first = end;
        }
        ends.extend(page.rows.last().map(|row| (offset, row.clone())));
    }
}

impl ReadAccount for Network {
    async fn page(&self, offset: u64, limit: u64) -> Result<Page, Failure> {
        match self.send(Operation::Page { offset, limit }).await? {
            Content::Page(page) => Ok(self.shown(offset, page)),
            other => unreachable!("{other:?} is not a page"),
        }
    }
}

impl WriteAccount for Network {
    async fn upload(&self, name: &str, key: &PublicKey) -> Result<Dated<Row>, Failure> {
        match self.send(Operation::Upload { name: KeyName::new(name).unwrap(), key: key.clone() }).await? {
            Content::Row(row) => Ok(row),
            other => unreachable!("{other:?} is not a row"),
        }
    }

    async fn promote(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.send(Operation::Promote(id.clone())).await.map(|content| acknowledged(&content))
    }

    async fn delete(&self, id: &KeyId) -> Result<Dated<()>, Failure> {
        self.send(Operation::Delete(id.clone())).await.map(|content| acknowledged(&content))
    }
}

/// A request reaches the account.
pub(crate) fn arrive(world: &Rc<World>, request: &Request) {
    let Request { process, operation, deadline: _, oddity: _, is_acknowledged: _, is_hollow: _, answer } = request;
    laws::may_change(world, process, operation);
    let result = act(world, request);
    world.trace(|| match (&result, operation) {
        (Ok(Content::Page(page)), _) => {
            let ids: Vec<_> = page.rows.iter().map(|row| row.id.as_str()).collect();
            format!("{operation} of process {} arrives: {}", process.id, ids.join(" "))
        }
        (Ok(Content::Row(row)), _) => {
            let mark = if row.value.is_primary { "*" } else { "" };
            format!("{operation} of process {} arrives: {}{mark}", process.id, row.value.id)
        }
        _ => format!("{operation} of process {} arrives: {result:?}", process.id),
    });
    *answer.borrow_mut() = Some(result);
}

fn act(world: &Rc<World>, request: &Request) -> Result<Content, Reply> {
    let Request { process, operation, oddity, is_acknowledged, .. } = request;
    let mut account = world.account.borrow_mut();
    let (mode, now) = (account.mode, world.kernel.now());
    let date = account.date(now);
    let has_ended = process.is_dead.get();
    if has_ended && !matches!(operation, Operation::Page { .. }) {
        account.disturbed = Some(now);
    }
    match operation {
        Operation::Page { offset, limit } => {
            Ok(Content::Page(world.draw(|rng| account.page(*offset, *limit, now, rng))))
        }
        Operation::Upload { name, key } => {
            let twin = account.with_blob(key.blob()).next().map(|stored| stored.row.clone());
            match (twin, mode.duplicate_key) {
                (Some(value), DuplicateKey::SameRow) => Ok(Content::Row(Dated { value, date })),
                (Some(_), DuplicateKey::Refuse) => Err(answer(422, false, Ok(()))),
                _ => {
                    let mut row = world.draw(|rng| account.insert(name.as_str(), key.blob(), true, now, rng).clone());
                    if mode.uploads_take_primary {
                        let start = process.started.get();
                        world.draw(|rng| account.promote_upload(&row.id, start, now, rng));
                        row.is_primary = true;
                    }
                    if matches!(oddity, Some(Oddity::ResponseAndListing)) {
                        account.hide_key(&row.id);
                    }
                    Ok(Content::Row(Dated { value: row, date }))
                }
            }
        }
        Operation::Promote(id) | Operation::Delete(id) if account.get(id).is_none() => Err(answer(404, false, Ok(()))),
        Operation::Promote(id) => {
            let is_expected = account.expected_primary.as_ref() == Some(id);
            if has_ended {
                world.draw(|rng| account.displace_primary(id, now, rng));
            } else {
                world.draw(|rng| account.make_primary(id, now, rng));
            }
            if !is_acknowledged && !is_expected {
                account.expected_primary = None;
            }
            Ok(Content::Nothing(Dated { value: (), date }))
        }
        Operation::Delete(id) if request.is_hollow => {
            account.keep_undeleted(id, now);
            Ok(Content::Nothing(Dated { value: (), date }))
        }
        Operation::Delete(id) if mode.keeps_primary && account.primary().is_some_and(|stored| stored.row.id == *id) => {
            Err(answer(409, false, Ok(())))
        }
        Operation::Delete(id) => {
            if has_ended || !is_acknowledged {
                // The next run sees it, and does not know that it goes.
                account.disturbed = Some(now);
                let blob = account.get(id).and_then(|stored| stored.row.blob().cloned());
                account.robbed.extend(blob.map(|blob| (blob, now)));
            }
            world.draw(|rng| account.delete(id, now, rng));
            Ok(Content::Nothing(Dated { value: (), date }))
        }
    }
}

fn acknowledged(content: &Content) -> Dated<()> {
    match content {
        Content::Nothing(nothing) => *nothing,
        Content::Page(_) | Content::Row(_) => ().into(),
    }
}

fn failure(effect: Effect, kind: FailureKind) -> Failure {
    Failure { effect, kind, status: None, retry_after: None, message: format!("{kind:?}"), help: None, id: None }
}

fn answer(status: u16, retry_after: bool, body: Result<(), BodyFault>) -> Reply {
    Reply::Answer { status, retry_after, body }
}
