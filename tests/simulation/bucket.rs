//! A simulated object store: requests that are lost, delayed, repeated and refused, although the store itself is consistent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use keyform::account::Clock as _;
use keyform::names::KeyId;
use keyform::state::bucket::{Bucket, BucketError, BucketErrorKind, BucketStore, Creation, ObjectInfo, ObjectList};
use keyform::state::{JournalEntry, LoadedState, LockHolder, StateError, Store as _, file};
use serde_json::Value;
use uuid::Uuid;

use futures_util::FutureExt as _;

use crate::kernel::{Due, Process, Watch};
use crate::laws;
use crate::world::{Broken, World};

/// How long a write can be under way.
pub(crate) const DELAY: Duration = Duration::from_secs(4);

/// The objects of the store, and when each was created.
pub(crate) type Shelf = BTreeMap<String, (Vec<u8>, Duration)>;

/// A write on its way.
pub(crate) struct StoreWrite {
    pub(crate) process: Rc<Process>,
    name: String,
    bytes: Vec<u8>,
    created: RefCell<Option<Creation>>,
}

/// The store as one process has it. Without a process it is that of a reader who sees everything at once.
pub(crate) struct SimulatedBucket {
    world: Rc<World>,
    process: Option<Rc<Process>>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Fine,
    /// It is never carried out.
    Lost,
    /// It is carried out, and the response is lost.
    Unheard,
    /// It is carried out later, and nobody hears of it.
    Late,
    /// It is carried out twice, and the second response is received.
    Repeated,
    /// The store is not available.
    Refused,
}

pub(crate) fn store(world: &Rc<World>, process: &Rc<Process>, skew: i64) -> BucketStore<SimulatedBucket, Watch> {
    let bucket = SimulatedBucket { world: Rc::clone(world), process: Some(Rc::clone(process)) };
    open(world, bucket, process.id, skew)
}

/// What anyone reads who looks at the store now.
pub(crate) fn load(world: &Rc<World>) -> Result<LoadedState, StateError> {
    let bucket = SimulatedBucket { world: Rc::clone(world), process: None };
    open(world, bucket, 0, 0).load().now_or_never().unwrap()
}

fn open(world: &Rc<World>, bucket: SimulatedBucket, id: usize, skew: i64) -> BucketStore<SimulatedBucket, Watch> {
    let clock = Watch { kernel: Rc::clone(&world.kernel), skew };
    let holder = LockHolder { who: format!("process {id}"), since: clock.timestamp() };
    BucketStore::new(bucket, clock, "s3://bucket/keyform".to_owned(), holder, Uuid::from_u128(id as u128))
}

/// Returns the process whose entry is the last one of the newest log, unless it has given the lock back.
pub(crate) fn lock_holder(shelf: &Shelf) -> Option<usize> {
    let generation = shelf.keys().filter_map(|name| name.strip_suffix(".json")).next_back().unwrap_or("0000000000");
    let log = format!("{generation}.log/");
    let (_, (last, _)) = shelf.iter().rfind(|(name, _)| name.starts_with(&log))?;
    let header: Value = serde_json::from_slice(last.split(|&byte| byte == b'\n').next().unwrap()).unwrap();
    let run: Uuid = header["run"].as_str().unwrap().parse().unwrap();
    let is_over = matches!(header["kind"].as_str().unwrap(), "release" | "seal");
    (!is_over).then(|| usize::try_from(run.as_u128()).unwrap())
}

/// Whether a row was ever recorded in a state or a journal of the store.
pub(crate) fn was_recorded(world: &World, id: &KeyId) -> bool {
    let is_record = |line: &[u8]| matches!(serde_json::from_slice(line), Ok(JournalEntry::Record(record) | JournalEntry::Replace(record)) if record.id == *id);
    world.archive.borrow().iter().any(|(_, object)| {
        // The body of an entry is a state, or lines of the journal. A state has no line before it.
        let body = object.iter().position(|&byte| byte == b'\n').map_or(&object[..], |end| &object[end + 1..]);
        let state = [&object[..], body].into_iter().find_map(|text| file::from_text(text).ok());
        state.is_some_and(|state| state.managed(id).is_some()) || body.split(|&byte| byte == b'\n').any(is_record)
    })
}

/// Whether another process has taken the lock since a process last wrote.
pub(crate) fn is_succeeded(world: &World, process: usize) -> bool {
    let archive = world.archive.borrow();
    let own = archive.iter().rposition(|(writer, _)| *writer == process);
    own.is_some_and(|own| own + 1 < archive.len())
}

/// When a write reaches the store.
pub(crate) fn carry_out(world: &Rc<World>, write: &StoreWrite) {
    let exists = world.shelf.borrow().contains_key(&write.name);
    let created = if exists { Creation::Exists } else { Creation::Created };
    world.trace(|| format!("the store gets {} of process {}: {created:?}", write.name, write.process.id));
    if !exists || world.broken == Some(Broken::ConditionIsIgnored) {
        world.shelf.borrow_mut().insert(write.name.clone(), (write.bytes.clone(), world.kernel.now()));
        world.archive.borrow_mut().push((write.process.id, write.bytes.clone()));
    }
    write.created.replace(Some(created));
    laws::shelf_is_readable(world);
}

impl SimulatedBucket {
    /// Lets a request be under way, and returns what becomes of it.
    async fn send(&self, doing: &str) -> Fate {
        let Some(process) = &self.process else { return Fate::Fine };
        let world = &self.world;
        let number = process.operations.get();
        process.operations.set(number + 1);
        let (fails, until) = process.disk_fails.get();
        if process.dies_at_operation.get() == Some(number) {
            process.is_dead.set(true);
            return std::future::pending().await;
        }
        let faults = world.weather.get().faults / 3.0;
        let fate = if (fails..until).contains(&number) {
            Fate::Refused
        } else if world.chance(faults) {
            let fates = [Fate::Lost, Fate::Unheard, Fate::Late, Fate::Repeated, Fate::Refused];
            world.draw(|rng| fates[rng.usize(..fates.len())])
        } else {
            Fate::Fine
        };
        world.trace(|| format!("process {} asks the store to {doing} ({fate:?})", process.id));
        fate
    }

    async fn pass(&self, range: std::ops::Range<u64>) {
        if self.process.is_some() {
            let time = self.world.millis(range);
            self.world.kernel.sleep(time).await;
        }
    }

    /// Reads, between a request and its response.
    async fn look<T>(&self, doing: &str, look: impl FnOnce(&Shelf) -> T) -> Result<T, BucketError> {
        match self.send(doing).await {
            Fate::Fine | Fate::Repeated => {
                self.pass(1..40).await;
                let found = look(&self.world.shelf.borrow());
                self.pass(1..40).await;
                Ok(found)
            }
            Fate::Lost | Fate::Unheard | Fate::Late => {
                self.pass(900..1_100).await;
                Err(unavailable())
            }
            Fate::Refused => Err(unavailable()),
        }
    }
}

fn unavailable() -> BucketError {
    BucketError {
        kind: BucketErrorKind::Unavailable,
        message: "the store is not available".to_owned(),
        help: "wait".to_owned(),
    }
}

impl Bucket for SimulatedBucket {
    async fn list(&self) -> Result<ObjectList, BucketError> {
        let date = self.world.kernel.timestamp();
        let time = |at: Duration| jiff::Timestamp::UNIX_EPOCH + at;
        self.look("list", |shelf| {
            let info =
                |(name, (_, at)): (&String, &(_, Duration))| ObjectInfo { name: name.clone(), modified: time(*at) };
            ObjectList { objects: shelf.iter().map(info).collect(), date: Some(date) }
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.look(&format!("read {name}"), |shelf| shelf.get(name).map(|(bytes, _)| bytes.clone())).await
    }

    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<Creation, BucketError> {
        let Some(process) = &self.process else { return Ok(Creation::Exists) };
        let world = &self.world;
        let fate = self.send(&format!("create {name}")).await;
        let write = Rc::new(StoreWrite {
            process: Rc::clone(process),
            name: name.to_owned(),
            bytes,
            created: RefCell::default(),
        });
        let arrive = |time| world.kernel.after(time, Due::Write(Rc::clone(&write)));
        match fate {
            Fate::Lost => {}
            Fate::Refused => return Err(unavailable()),
            Fate::Late => arrive(world.millis(1..4_000)),
            Fate::Fine | Fate::Unheard => arrive(world.millis(1..40)),
            Fate::Repeated => {
                let first = world.millis(1..40);
                arrive(first);
                arrive(first + world.millis(1..40));
            }
        }
        match fate {
            Fate::Fine | Fate::Repeated => {
                self.pass(80..120).await;
                write.created.borrow().ok_or_else(unavailable)
            }
            Fate::Lost | Fate::Unheard | Fate::Late | Fate::Refused => {
                self.pass(900..1_100).await;
                Err(unavailable())
            }
        }
    }

    async fn delete(&self, names: Vec<String>) -> Result<(), BucketError> {
        self.look("delete", |_| ()).await?;
        self.world.shelf.borrow_mut().retain(|name, _| !names.contains(name));
        laws::shelf_is_readable(&self.world);
        Ok(())
    }
}
