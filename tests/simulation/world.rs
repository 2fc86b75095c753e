//! All that one seed decides: what there is, what goes wrong, and what was seen of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

use crate::account::Account;
use crate::bucket::Shelf;
use crate::disk::Platter;
use crate::kernel::Kernel;
use crate::laws::{Law, Violation};

pub(crate) const STATE: &str = "/repository/keyform.state.json";
pub(crate) const JOURNAL: &str = "/repository/keyform.state.json.journal";

/// One simulated world.
pub(crate) struct World {
    pub(crate) kernel: Rc<Kernel>,
    /// Where the state is kept.
    pub(crate) place: Place,
    pub(crate) platter: Rc<RefCell<Platter>>,
    pub(crate) shelf: RefCell<Shelf>,
    /// Every object that the store ever had, also those that were deleted, and the process that created it.
    pub(crate) archive: RefCell<Vec<(usize, Vec<u8>)>>,
    pub(crate) account: RefCell<Account>,
    pub(crate) weather: Cell<Weather>,
    /// The safeguard that is broken, if one is.
    pub(crate) broken: Option<Broken>,
    rng: RefCell<Rng>,
    violation: RefCell<Option<Violation>>,
    /// What happened, if someone wants to read it.
    story: Option<RefCell<Vec<String>>>,
}

/// Where a state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Disk,
    Bucket,
}

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// The probability that something is wrong with a request.
    pub(crate) faults: f64,
    /// Whether others leave the account alone, too.
    pub(crate) is_calm: bool,
}

/// A safeguard that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The intent to upload is not written.
    IntentIsSkipped,
    /// An upload with an unknown outcome is sent again at once.
    RetryIsBlind,
    /// The state is overwritten, not replaced.
    StateIsWrittenInPlace,
    /// The intent is written, and not synced.
    JournalIsNotSynced,
    /// A line that a crash left incomplete stays, and others follow it.
    TornEndIsKept,
    /// The new state is renamed into place, and not synced before.
    StateIsNotSynced,
    /// Files are synced, and their names are not.
    FolderIsNotSynced,
    /// Everybody gets the lock.
    LockDoesNotLock,
    /// What cannot be written into the state is not printed.
    UnsavedIsNotPrinted,
    /// The intents of an earlier run are dropped without a listing.
    PendingIsForgotten,
    /// The primary before the uploads is not written.
    FormerPrimaryIsForgotten,
    /// The ids of deleted rows are not remembered.
    DeletionsAreForgotten,
    /// A promotion is not remembered.
    PromotionIsForgotten,
    /// A 503 is taken for a promise that nothing was done.
    UnavailableIsCertain,
    /// The id of a response that does not show the key is dropped.
    IdIsDropped,
    /// A row with another name is taken for the upload.
    NamesAreIgnored,
    /// A request is given no time to arrive after its timeout.
    ArrivalIsIgnored,
    /// A request is given no time until its timeout.
    TimeoutIsIgnored,
    /// Listings are taken to show every write at once.
    LagIsIgnored,
    /// A second listing is not asked for.
    OneListingIsEnough,
    /// Pages that do not overlap are taken for one listing.
    OverlapIsFaked,
    /// Listings are taken to be newer than they are.
    DateIsAhead,
    /// Copies of desired keys are deleted.
    CopiesAreDeleted,
    /// The object store overwrites objects.
    ConditionIsIgnored,
    /// A run does not ask whether it still has the lock.
    LeaseIsIgnored,
}

impl World {
    pub(crate) fn new(seed: u64, place: Place, broken: Option<Broken>, told: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let account = Account::new(&mut rng);
        Self {
            kernel: Rc::default(),
            place,
            platter: Rc::default(),
            shelf: RefCell::default(),
            archive: RefCell::default(),
            account: RefCell::new(account),
            weather: Cell::new(Weather { faults: 0.0, is_calm: false }),
            broken,
            rng: RefCell::new(rng),
            violation: RefCell::default(),
            story: told.then(RefCell::default),
        }
    }

    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.borrow_mut())
    }

    /// Whether something happens that has this probability.
    pub(crate) fn chance(&self, probability: f64) -> bool {
        self.draw(Rng::f64) < probability
    }

    pub(crate) fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.draw(|rng| rng.u64(range)))
    }

    pub(crate) fn trace(&self, tell: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            let now = keyform::account::Clock::now(&*self.kernel);
            story.borrow_mut().push(format!("{:>9.3} {}", now.as_secs_f64(), tell()));
        }
    }

    pub(crate) fn story(&self) -> String {
        self.story.as_ref().map(|story| story.borrow().join("\n")).unwrap_or_default()
    }

    /// Notes that a law is broken. The first one counts.
    pub(crate) fn violate(&self, law: Law, detail: impl FnOnce() -> String) {
        let mut violation = self.violation.borrow_mut();
        if violation.is_none() {
            let detail = detail();
            self.trace(|| format!("AGAINST THE LAW {law:?}: {detail}"));
            *violation = Some(Violation { law, detail });
        }
    }

    pub(crate) fn demand(&self, law: Law, holds: bool, detail: impl FnOnce() -> String) {
        if !holds {
            self.violate(law, detail);
        }
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation.borrow().clone()
    }
}
