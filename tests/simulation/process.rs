//! One apply: what `keyform apply` does, on the simulated disk, network and clock.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use keyform::account::{Clock as _, Listing, Throttle};
use keyform::apply::{ApplyOptions, ObserveOptions, Outcome, Tools, execute, observe};
use keyform::names::{KeyId, KeyName};
use keyform::plan::{Action, Change, OldKey, Reason};
use keyform::state::{
    FileStore, JournalEntry, LastApply, Lease, LoadedState, Session, State, StateError, Store, lock_within, while_kept,
};

use crate::bucket;
use crate::disk::ProcessDisk;
use crate::kernel::{Process, Watch};
use crate::laws;
use crate::network::Network;
use crate::planned::Planned;
use crate::support::world::{self, show};
use crate::world::{Broken, Place, STATE, World};

/// How an apply ended.
pub(crate) enum End {
    /// The state could not be locked or read.
    Refused(StateError),
    /// The account could not be listed.
    Blind,
    /// It was carried out, as far as it went.
    Done(Box<Outcome>),
}

/// How an apply is started.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    pub(crate) patience: Duration,
    pub(crate) options: ApplyOptions,
    pub(crate) seed: u64,
    /// How far the clock of its machine is ahead, in seconds.
    pub(crate) skew: i64,
}

/// What `keyform apply` does.
pub(crate) async fn apply(world: Rc<World>, process: Rc<Process>, orders: Orders) -> End {
    match world.place {
        Place::Disk => {
            let disk = Rc::new(RefCell::new(ProcessDisk::new(&world, &process)));
            let store = FileStore::on(disk, Path::new(STATE), format!("process {}", process.id));
            apply_to(&store, world, process, orders).await
        }
        Place::Bucket => {
            let store = bucket::store(&world, &process, orders.skew);
            apply_to(&store, world, process, orders).await
        }
    }
}

async fn apply_to<S: Store>(store: &S, world: Rc<World>, process: Rc<Process>, orders: Orders) -> End {
    let clock = Watch { kernel: Rc::clone(&world.kernel), skew: orders.skew };
    let session = match lock_within(store, orders.patience, &clock, |_| {}).await {
        Ok(session) => session,
        Err(error) => return End::Refused(error),
    };
    let mut session = Watched { session, world: Rc::clone(&world), appended: BTreeSet::new() };
    while_kept(&mut session, async |session| {
        let end = apply_locked(session, &world, &process, orders).await;
        // What is not released lapses.
        let _ = session.release().await;
        end
    })
    .await
}

async fn apply_locked<S: Session>(
    session: &mut Watched<S>,
    world: &Rc<World>,
    process: &Rc<Process>,
    orders: Orders,
) -> End {
    let throttle = Throttle::new(Watch { kernel: Rc::clone(&world.kernel), skew: orders.skew }, orders.seed);
    process.started.set(world.kernel.now());
    let loaded = match session.load().await {
        Ok(loaded) => loaded,
        Err(error) => return End::Refused(error),
    };
    let network = Network::new(world, process);
    let observation = if orders.options.offline {
        None
    } else {
        let options = ObserveOptions {
            retries: orders.options.retries,
            lateness: orders.options.lateness,
            may_upload: !process.desired.keys.is_empty(),
        };
        match observe(&network, &throttle, options, loaded.state.as_ref(), &|_| {}).await {
            Ok(observation) => Some(observation),
            Err(_) => return End::Blind,
        }
    };
    let recorded = observation.as_ref().map_or(loaded.state.as_ref(), |observation| observation.state(&loaded));
    let listing = observation.as_ref().map(|observation| &observation.listing);
    if let Some(listing) = listing {
        laws::listing_is_whole(world, process, listing);
    }
    let mut plan = world::plan_of(&process.desired, recorded, listing);
    if world.broken == Some(Broken::CopiesAreDeleted) {
        plan.actions.extend(listing.into_iter().flat_map(|listing| copies(process, recorded, listing)));
    }
    world.trace(|| format!("process {} plans {}", process.id, show(&plan)));
    process.planned.replace(Planned::new(&plan));
    let has_former = recorded.is_some_and(|state| state.former_primary.is_some());
    {
        let mut account = world.account.borrow_mut();
        account.expect_primary(process.is_observing, has_former, world.kernel.now());
        // The plan may end without a primary, or promote another row.
        account.expected_primary.take_if(|id| process.planned.borrow().deletes(id));
    }
    laws::gone_is_true(world, process);
    let tools = Tools {
        account: &network,
        throttle: &throttle,
        options: orders.options,
        stop: &process.stop,
        observer: &|_| {},
        lineage: uuid::Uuid::from_u128(orders.seed.into()),
    };
    let mut outcome = execute(&plan, loaded, observation, session, &tools).await;
    if world.broken == Some(Broken::UnsavedIsNotPrinted) {
        outcome.unsaved.clear();
    }
    End::Done(Box::new(outcome))
}

/// Deletions of rows whose keys are desired and in a recorded row as well.
fn copies(process: &Process, recorded: Option<&State>, listing: &Listing) -> Vec<Action> {
    let Some(state) = recorded else { return Vec::new() };
    let is_copy = |id: &_, blob: &_| {
        !state.records.contains_key(id) && state.records.values().any(|record| record.public_key == *blob)
    };
    let delete = |row: &keyform::account::Row| {
        let blob = row.blob().cloned().filter(|blob| is_copy(&row.id, blob) && process.is_desired(Some(blob)))?;
        let name = KeyName::new(&row.name).ok()?;
        let old = OldKey {
            name,
            id: row.id.clone(),
            account_name: row.name.clone(),
            blob,
            mixed: Vec::new(),
            owner: None,
            expires: None,
            has_expired: false,
            protect: false,
            is_primary: row.is_primary,
        };
        Some(Action { name: old.name.clone(), change: Change::Delete(old), reason: Reason::Copy })
    };
    listing.rows().iter().filter_map(delete).collect()
}

/// A session that checks what is written, and forgets something of it if that safeguard is broken.
struct Watched<S> {
    session: S,
    world: Rc<World>,
    /// The rows whose records were appended.
    appended: BTreeSet<KeyId>,
}

impl<S> Watched<S> {
    fn kept(&self, entry: &JournalEntry) -> Option<JournalEntry> {
        match (self.world.broken, entry) {
            (Some(Broken::IntentIsSkipped), JournalEntry::Intend(_))
            | (Some(Broken::FormerPrimaryIsForgotten), JournalEntry::FormerPrimary { .. })
            | (Some(Broken::PromotionIsForgotten), JournalEntry::Promote(_)) => None,
            (Some(Broken::DeletionsAreForgotten), JournalEntry::Delete(row)) => {
                Some(JournalEntry::Drop { id: row.id.clone() })
            }
            _ => Some(entry.clone()),
        }
    }
}

impl<S: Session> Session for Watched<S> {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        let mut loaded = self.session.load().await?;
        if let Some(state) = loaded.state.as_mut().filter(|_| self.world.broken == Some(Broken::PendingIsForgotten)) {
            state.pending.clear();
        }
        Ok(loaded)
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        for entry in entries {
            if let JournalEntry::Settle { public_key } = entry {
                laws::may_settle(&self.world, public_key, &self.appended);
            }
            if let JournalEntry::Record(record) = entry {
                self.appended.insert(record.id.clone());
            }
        }
        let entries: Vec<_> = entries.iter().filter_map(|entry| self.kept(entry)).collect();
        self.session.append(base, &entries).await
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        if self.world.place == Place::Bucket && self.world.broken == Some(Broken::JournalIsNotSynced) {
            return Ok(());
        }
        self.session.sync().await
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        let mut state = state.clone();
        let LastApply { at: _, deleted, promoted } = &mut state.last_apply;
        match self.world.broken {
            Some(Broken::DeletionsAreForgotten) => deleted.clear(),
            Some(Broken::PromotionIsForgotten) => *promoted = None,
            Some(Broken::FormerPrimaryIsForgotten) => state.former_primary = None,
            _ => {}
        }
        self.session.fold(&state).await
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        self.session.discard().await
    }

    async fn release(&mut self) -> Result<(), StateError> {
        self.session.release().await
    }

    fn lease(&self) -> Lease {
        if self.world.broken == Some(Broken::LeaseIsIgnored) { Lease::unlimited() } else { self.session.lease() }
    }

    fn keep(&self) -> LocalBoxFuture<'static, ()> {
        self.session.keep()
    }
}
