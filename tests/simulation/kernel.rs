//! Time and processes: events in the order of a virtual clock, and processes that live until one of them kills them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use keyform::account::Clock;
use keyform::manifest::Desired;
use keyform::names::KeyId;
use keyform::public_key::KeyBlob;
use tokio_util::sync::CancellationToken;

use crate::network::Request;

/// The clock, and all that is to happen on it.
#[derive(Default)]
pub(crate) struct Kernel {
    now: Cell<Duration>,
    queue: RefCell<BTreeMap<(Duration, u64), Due>>,
    queued: Cell<u64>,
}

/// Something that is to happen.
pub(crate) enum Due {
    /// Someone has slept long enough.
    Wake(Waker),
    /// A request reaches the account.
    Arrive(Rc<Request>),
    /// Somebody else changes the account.
    Meddle,
    /// Someone asks a process to stop.
    Interrupt(Rc<Process>),
}

/// A process, as the machine sees it.
pub(crate) struct Process {
    pub(crate) id: usize,
    pub(crate) is_dead: Cell<bool>,
    /// It dies before this event, counted from its start.
    pub(crate) dies_at_event: Cell<Option<u32>>,
    /// It dies in this operation on the disk, counted from its start.
    pub(crate) dies_at_operation: Cell<Option<u32>>,
    /// Operations on the disk fail from the first to before the second.
    pub(crate) disk_fails: Cell<(u32, u32)>,
    /// How many operations on the disk it has begun.
    pub(crate) operations: Cell<u32>,
    /// Once cancelled, it should come to its end.
    pub(crate) stop: CancellationToken,
    /// What its manifest wants.
    pub(crate) desired: Desired,
    /// What its plan replaces, by the ids of the old rows: the keys that must be there first.
    pub(crate) replaces: RefCell<HashMap<KeyId, KeyBlob>>,
    /// What its plan deletes as uploads of a run that did not end.
    pub(crate) orphans: RefCell<HashSet<KeyId>>,
}

/// What a process executes.
pub(crate) struct Program<T> {
    pub(crate) process: Rc<Process>,
    future: Pin<Box<dyn Future<Output = T>>>,
    woken: Arc<Flag>,
}

/// The clock as a process has it.
pub(crate) struct Watch {
    pub(crate) kernel: Rc<Kernel>,
    /// Whether no pause is waited for.
    pub(crate) is_hasty: bool,
}

struct Flag(AtomicBool);

struct Sleep<'k> {
    kernel: &'k Kernel,
    until: Duration,
}

impl Kernel {
    pub(crate) fn after(&self, delay: Duration, due: Due) {
        let number = self.queued.get();
        self.queued.set(number + 1);
        self.queue.borrow_mut().insert((self.now.get() + delay, number), due);
    }

    /// Takes what happens next, and lets the time until then pass.
    pub(crate) fn pop(&self) -> Option<Due> {
        let ((time, _), due) = self.queue.borrow_mut().pop_first()?;
        self.now.set(time);
        Some(due)
    }

    /// Whether a request is still on its way to the account.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.queue.borrow().values().any(|due| matches!(due, Due::Arrive(_)))
    }

    /// The connections of a process end with it. What they carried arrives within `last`, or never did.
    pub(crate) fn hang_up(&self, process: &Process, last: Duration, mut draw: impl FnMut() -> f64) {
        let all = std::mem::take(&mut *self.queue.borrow_mut());
        for ((time, number), due) in all {
            let time = match &due {
                Due::Arrive(request) if request.process.id == process.id && time > self.now.get() + last => {
                    self.now.get() + last.mul_f64(draw())
                }
                _ => time,
            };
            self.queue.borrow_mut().insert((time, number), due);
        }
    }
}

impl Clock for Kernel {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + self.now.get()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        Sleep { kernel: self, until: self.now.get() + duration }
    }
}

impl Clock for Watch {
    fn now(&self) -> Duration {
        self.kernel.now()
    }

    fn timestamp(&self) -> jiff::Timestamp {
        self.kernel.timestamp()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.kernel.sleep(if self.is_hasty { duration.min(Duration::from_millis(1)) } else { duration })
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.until.checked_sub(self.kernel.now.get()).filter(|left| !left.is_zero()) {
            Some(left) => {
                self.kernel.after(left, Due::Wake(context.waker().clone()));
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Process {
    /// Somebody who only looks.
    pub(crate) fn reader() -> Self {
        Self::new(0, Desired::default())
    }

    pub(crate) fn new(id: usize, desired: Desired) -> Self {
        Self {
            id,
            is_dead: Cell::new(false),
            dies_at_event: Cell::new(None),
            dies_at_operation: Cell::new(None),
            disk_fails: Cell::new((0, 0)),
            operations: Cell::new(0),
            stop: CancellationToken::new(),
            desired,
            replaces: RefCell::default(),
            orphans: RefCell::default(),
        }
    }

    /// Counts an event, and tells whether the process dies before it.
    pub(crate) fn dies_now(&self) -> bool {
        let left = self.dies_at_event.get();
        self.dies_at_event.set(left.map(|left| left.saturating_sub(1)));
        left == Some(0)
    }
}

impl<T> Program<T> {
    pub(crate) fn new(process: Rc<Process>, future: impl Future<Output = T> + 'static) -> Self {
        Self { process, future: Box::pin(future), woken: Arc::new(Flag(AtomicBool::new(true))) }
    }

    /// Runs it until it has to wait; returns what it came to, if it came to its end.
    pub(crate) fn run(&mut self) -> Option<T> {
        while self.woken.0.swap(false, Ordering::Relaxed) {
            let waker = Waker::from(Arc::clone(&self.woken));
            if let Poll::Ready(end) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(end);
            }
            if self.process.is_dead.get() {
                return None;
            }
        }
        None
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
