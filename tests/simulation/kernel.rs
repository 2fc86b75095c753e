//! Time and processes: events in the order of a virtual clock, and processes that live until one of them kills them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use fastrand::Rng;
use keyform::account::{Clock, DEFAULT_TIMEOUT};
use keyform::manifest::{Desired, DesiredKey};
use keyform::public_key::KeyBlob;
use tokio_util::sync::CancellationToken;

use crate::bucket::StoreWrite;
use crate::network::{Operation, Request};
use crate::planned::Planned;
use crate::support::world::today;

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
    /// A write reaches the object store.
    Write(Rc<StoreWrite>),
    /// A process is stopped for so long, as by SIGSTOP.
    Stop(Rc<Process>, Duration),
    /// A stopped process goes on.
    Continue,
    /// The next process may start.
    Resume,
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
    /// The timeout of its requests.
    pub(crate) timeout: Duration,
    /// Whether it lists the account.
    pub(crate) is_observing: bool,
    /// What its plan may change.
    pub(crate) planned: RefCell<Planned>,
    /// When it got the lock.
    pub(crate) started: Cell<Duration>,
    /// Until when it is stopped.
    pub(crate) stopped_until: Cell<Duration>,
    /// How long it has waited for responses, or was stopped.
    pub(crate) waited: Cell<Duration>,
    /// How many of its requests failed.
    pub(crate) failures: Cell<u32>,
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
    /// How far the clock of its machine is ahead, in seconds.
    pub(crate) skew: i64,
}

struct Flag(AtomicBool);

struct Sleep<'k> {
    kernel: &'k Kernel,
    until: Duration,
    /// Who is woken then.
    sleeper: Option<Waker>,
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

    /// Whether an upload of a key is still on its way to the account.
    pub(crate) fn is_upload_under_way(&self, blob: &KeyBlob) -> bool {
        let is_it = |due: &Due| match due {
            Due::Arrive(request) => matches!(&request.operation, Operation::Upload { key, .. } if key.blob() == blob),
            _ => false,
        };
        self.queue.borrow().values().any(is_it)
    }

    /// The connections of a process end with it. What they carried is carried out at any time until its deadline, or never.
    pub(crate) fn hang_up(&self, process: &Process, rng: &mut Rng) {
        let now = self.now.get();
        let all = std::mem::take(&mut *self.queue.borrow_mut());
        for ((mut time, number), due) in all {
            if let Due::Arrive(request) = &due
                && request.process.id == process.id
            {
                let left = request.deadline.saturating_sub(now);
                time = match rng.u8(..4) {
                    0 => continue,
                    1 => time,
                    2 => request.deadline,
                    _ => now + left.mul_f64(rng.f64()),
                };
            }
            if let Due::Write(write) = &due
                && write.process.id == process.id
                && rng.u8(..3) == 0
            {
                continue;
            }
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
        Sleep { kernel: self, until: self.now.get() + duration, sleeper: None }
    }
}

impl Clock for Watch {
    fn now(&self) -> Duration {
        self.kernel.now()
    }

    fn timestamp(&self) -> jiff::Timestamp {
        self.kernel.timestamp() + jiff::SignedDuration::from_secs(self.skew)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.kernel.sleep(duration)
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.until.checked_sub(self.kernel.now.get()).filter(|left| !left.is_zero()) {
            Some(left) => {
                // Other futures of the same task wake it, too.
                if self.sleeper.as_ref().is_none_or(|sleeper| !sleeper.will_wake(context.waker())) {
                    self.kernel.after(left, Due::Wake(context.waker().clone()));
                    self.sleeper = Some(context.waker().clone());
                }
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Process {
    /// Somebody who only looks.
    pub(crate) fn reader() -> Self {
        Self::new(0, Desired::default(), DEFAULT_TIMEOUT, true)
    }

    pub(crate) fn new(id: usize, desired: Desired, timeout: Duration, is_observing: bool) -> Self {
        Self {
            id,
            is_dead: Cell::new(false),
            dies_at_event: Cell::new(None),
            dies_at_operation: Cell::new(None),
            disk_fails: Cell::new((0, 0)),
            operations: Cell::new(0),
            stop: CancellationToken::new(),
            desired,
            timeout,
            is_observing,
            planned: RefCell::default(),
            started: Cell::default(),
            stopped_until: Cell::default(),
            waited: Cell::default(),
            failures: Cell::default(),
        }
    }

    /// Whether its manifest has a key that has not expired.
    pub(crate) fn is_desired(&self, blob: Option<&KeyBlob>) -> bool {
        let is_it = |key: &DesiredKey| Some(key.key.blob()) == blob && !key.is_expired(today());
        self.desired.keys.iter().any(is_it)
    }

    /// Whether its manifest makes a key the primary.
    pub(crate) fn names_primary(&self, blob: Option<&KeyBlob>) -> bool {
        self.desired.keys.iter().any(|key| key.primary && Some(key.key.blob()) == blob)
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
