//! One seed's history: manifests and applies while everything goes wrong, then calm weather.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use keyform::account::{RetryPolicy, Throttle};
use keyform::apply::{ApplyOptions, ObserveOptions, Outcome, Tools, execute, observe};
use keyform::manifest::{Desired, DesiredKey};
use keyform::names::{KeyId, KeyName};
use keyform::plan::{Change, Plan};
use keyform::public_key::KeyBlob;
use keyform::state::{FileStore, JournalEntry, LoadedState, Session, State, StateError, StateErrorKind, lock_within};

use crate::account::{KEYS, NAMES};
use crate::disk::ProcessDisk;
use crate::kernel::{Due, Process, Program, Watch};
use crate::laws::{self, Law, Violation};
use crate::network::{LATE, Network, arrive};
use crate::support::keys;
use crate::support::world::{self, show, today};
use crate::world::{Broken, STATE, Weather, World};
use keyform::emulator::DuplicateKey;

/// The most events of one round: far more than any comes to, unless something runs in circles.
const MOST_EVENTS: u32 = 20_000;

/// The most applies in calm weather until there is nothing left to do.
const CALM_APPLIES: u32 = 5;

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
struct Orders {
    patience: Duration,
    options: ApplyOptions,
    seed: u64,
}

/// One seed's history.
struct History {
    world: Rc<World>,
    manifest: Vec<DesiredKey>,
    processes: usize,
}

/// Lives through the history of a seed.
pub(crate) fn live(seed: u64, broken: Option<Broken>) -> Option<Violation> {
    History::new(seed, broken, false).live()
}

/// Lives through it again, and tells what happens.
pub(crate) fn tell(seed: u64, broken: Option<Broken>) -> (Option<Violation>, String) {
    let mut history = History::new(seed, broken, true);
    let violation = history.live();
    (violation, history.world.story())
}

impl History {
    fn new(seed: u64, broken: Option<Broken>, told: bool) -> Self {
        Self { world: Rc::new(World::new(seed, broken, told)), manifest: Vec::new(), processes: 0 }
    }

    fn live(&mut self) -> Option<Violation> {
        let world = Rc::clone(&self.world);
        for _ in 0..world.draw(|rng| rng.u8(0..4)) {
            self.meddle();
        }
        for _ in 0..world.draw(|rng| rng.u8(1..4)) {
            let before = self.manifest.clone();
            self.edit();
            if world.chance(0.3) {
                self.meddle();
            }
            self.storm(before);
            if let Some(violation) = world.violation() {
                return Some(violation);
            }
        }
        self.calm();
        world.violation()
    }

    /// One apply, or two at once, with everything that can go wrong.
    fn storm(&mut self, before: Vec<DesiredKey>) {
        let world = Rc::clone(&self.world);
        let faults = world.draw(|rng| [0.0, 0.1, 0.3, 0.6][rng.usize(..4)]);
        world.weather.set(Weather { faults, is_calm: false });
        let power_fails = world.chance(0.5);
        let mut programs = vec![self.start(self.manifest.clone(), false)];
        if world.chance(0.15) {
            // The other pipeline may not have seen the last change of the manifest.
            let manifest = if world.chance(0.5) { before } else { self.manifest.clone() };
            programs.push(self.start(manifest, false));
        }
        for program in &programs {
            let process = &program.process;
            match world.draw(|rng| rng.u8(..10)) {
                0..3 => process.dies_at_event.set(Some(world.draw(|rng| rng.u32(..60)))),
                3..5 => process.dies_at_operation.set(Some(world.draw(|rng| rng.u32(..14)))),
                5 => {
                    let first = world.draw(|rng| rng.u32(..12));
                    process.disk_fails.set((first, first + world.draw(|rng| rng.u32(1..12))));
                }
                6 => world.kernel.after(world.millis(1..2_000), Due::Interrupt(Rc::clone(process))),
                _ => {}
            }
        }
        if world.chance(0.1) {
            world.kernel.after(world.millis(1..1_000), Due::Meddle);
        }
        self.run(programs, power_fails);
    }

    /// Applies until there is nothing left to do.
    fn calm(&mut self) {
        let world = Rc::clone(&self.world);
        world.weather.set(Weather { faults: 0.0, is_calm: true });
        {
            let mut account = world.account.borrow_mut();
            account.shuffles = false;
            world.trace(|| format!("calm; the account: {:?}", account.mode));
        }
        let mode = world.account.borrow().mode;
        let mut left = Ok(());
        for _ in 0..CALM_APPLIES {
            let program = self.start(self.manifest.clone(), true);
            let process = Rc::clone(&program.process);
            // What a dead process has sent may still delete what the next one sees.
            let quiet = world.kernel.is_quiet();
            let ends = self.run(vec![program], false);
            left = laws::is_done(&world, &process);
            match ends.first() {
                Some(End::Done(outcome)) if outcome.is_success() && quiet => {
                    if let Err(plan) = &left {
                        world.violate(Law::Converges, || format!("after an apply without errors: {plan}"));
                    }
                }
                Some(End::Done(_)) => {}
                Some(End::Refused(error)) => world.violate(Law::Readable, || error.to_string()),
                Some(End::Blind) | None => world.violate(Law::Ends, || "the account cannot be listed".to_owned()),
            }
            if world.violation().is_some() {
                return;
            }
            if quiet && left.is_ok() {
                break;
            }
        }
        // Such accounts may refuse for ever what the manifest wants.
        let may_refuse = mode.duplicate_key == DuplicateKey::Refuse || mode.keeps_primary;
        if let Err(plan) = &left
            && !may_refuse
        {
            world.violate(Law::Converges, || format!("after {CALM_APPLIES} calm applies: {plan}"));
        }
        let reader = Process::new(0, desired(self.manifest.clone()));
        laws::in_the_end(&world, &reader, left.is_ok());
    }

    fn start(&mut self, manifest: Vec<DesiredKey>, calm: bool) -> Program<End> {
        let world = Rc::clone(&self.world);
        self.processes += 1;
        for key in &manifest {
            world.account.borrow_mut().claim(&key.name, key.key.blob());
        }
        let sees_all = !world.account.borrow().has_twin(&manifest);
        let process = Rc::new(Process::new(self.processes, desired(manifest)));
        let retries = if calm { 5 } else { world.draw(|rng| rng.u32(..3)) };
        let offline = !calm && sees_all && world.chance(0.15);
        let orders = Orders {
            patience: if world.chance(0.5) { Duration::ZERO } else { Duration::from_mins(5) },
            options: ApplyOptions {
                concurrency: world.draw(|rng| rng.usize(1..4)),
                retries: RetryPolicy { retries },
                fail_fast: !calm && world.chance(0.1),
                offline,
                ..ApplyOptions::default()
            },
            seed: world.draw(|rng| rng.u64(..)),
        };
        world.trace(|| {
            let keys = process.desired.keys.iter().map(|key| {
                let marks = (if key.primary { "*" } else { "" }, if key.is_expired(today()) { "~" } else { "" });
                format!("{}={}{}{}", key.name, key.key.comment(), marks.0, marks.1)
            });
            format!("process {} starts with {} ({orders:?})", process.id, keys.collect::<Vec<_>>().join(" "))
        });
        Program::new(Rc::clone(&process), apply(Rc::clone(&world), process, orders))
    }

    /// Runs processes until all have come to their end, whichever it is.
    fn run(&mut self, mut programs: Vec<Program<End>>, power_fails: bool) -> Vec<End> {
        let world = Rc::clone(&self.world);
        let mut ends = Vec::new();
        for _ in 0..MOST_EVENTS {
            let mut at = 0;
            while let Some(program) = programs.get_mut(at) {
                let end = program.run();
                if program.process.is_dead.get() || program.process.dies_now() {
                    let program = programs.remove(at);
                    let others = if power_fails { std::mem::take(&mut programs) } else { Vec::new() };
                    at = if power_fails { 0 } else { at };
                    for program in others.into_iter().chain([program]) {
                        self.bury(&program);
                    }
                    if power_fails {
                        world.trace(|| "the power fails".to_owned());
                        world.draw(|rng| world.platter.borrow_mut().lose_power(rng));
                    }
                } else if let Some(end) = end {
                    let program = programs.remove(at);
                    program.process.is_dead.set(true);
                    self.ended(&program.process, &end, programs.len());
                    ends.push(end);
                } else {
                    at += 1;
                }
            }
            if programs.is_empty() || world.violation().is_some() {
                return ends;
            }
            match world.kernel.pop() {
                Some(Due::Wake(waker)) => waker.wake(),
                Some(Due::Arrive(request)) => arrive(&world, &request),
                Some(Due::Meddle) if !world.weather.get().is_calm => self.meddle(),
                Some(Due::Meddle) => {}
                Some(Due::Interrupt(process)) => {
                    world.trace(|| format!("process {} is asked to stop", process.id));
                    process.stop.cancel();
                }
                None => {
                    world.violate(Law::Ends, || "everybody waits, and nothing is to come".to_owned());
                    return ends;
                }
            }
        }
        world.violate(Law::Ends, || format!("{MOST_EVENTS} events and no end"));
        ends
    }

    fn bury(&self, program: &Program<End>) {
        let world = &self.world;
        world.trace(|| format!("process {} dies", program.process.id));
        program.process.is_dead.set(true);
        world.platter.borrow_mut().unlock(program.process.id);
        world.kernel.hang_up(&program.process, LATE, || world.draw(fastrand::Rng::f64));
    }

    fn ended(&self, process: &Process, end: &End, others: usize) {
        let world = &self.world;
        match end {
            End::Done(outcome) => {
                world.trace(|| format!("process {} ends: {:?}", process.id, outcome.steps));
                laws::is_told(world, outcome);
            }
            End::Blind => world.trace(|| format!("process {} cannot list the account", process.id)),
            End::Refused(error) => {
                world.trace(|| format!("process {} ends: {error}", process.id));
                let expected = match &error.kind {
                    StateErrorKind::Locked { .. } => others > 0,
                    StateErrorKind::Io { .. } => process.disk_fails.get() != (0, 0),
                    _ => false,
                };
                world.demand(Law::Readable, expected, || error.to_string());
            }
        }
    }

    fn meddle(&self) {
        let world = &self.world;
        let what = world.draw(|rng| world.account.borrow_mut().meddle(rng));
        world.trace(|| what);
    }

    /// Changes the manifest: adds, removes, rotates, renames, swaps, expires, moves the primary.
    fn edit(&mut self) {
        let world = Rc::clone(&self.world);
        let manifest = &mut self.manifest;
        let changes = if manifest.is_empty() { 4 } else { 3 };
        for _ in 0..world.draw(|rng| rng.u8(1..changes)) {
            let (name, key, what) = world.draw(|rng| (rng.choice(NAMES).unwrap(), rng.u64(..KEYS), rng.u8(..10)));
            let name = KeyName::new(name).unwrap();
            let key = keys::key(key);
            let len = manifest.len();
            let (at, other, flip) = world.draw(|rng| (rng.usize(..len.max(1)), rng.usize(..len.max(1)), rng.bool()));
            match what {
                0 | 1 if len > 0 => drop(manifest.remove(at)),
                2 if len > 0 => manifest[at].key = key,
                3 | 4 if len > 0 => manifest[at].name = name,
                5 if len > 1 => {
                    let (one, two) = (manifest[at].name.clone(), manifest[other].name.clone());
                    manifest[at].name = two;
                    manifest[other].name = one;
                }
                6 if len > 0 => manifest[at].expires = flip.then(|| today().yesterday().unwrap()),
                7 if len > 0 => {
                    for key in manifest.iter_mut() {
                        key.primary = false;
                    }
                    manifest[at].primary = flip;
                }
                _ => {
                    let mut new = world::desired("new=A").keys.remove(0);
                    (new.name, new.key) = (name, key);
                    manifest.push(new);
                }
            }
        }
        // What a manifest refuses is not written: names and keys stand once.
        let (mut names, mut blobs) = (HashSet::new(), HashSet::new());
        manifest.retain(|key| names.insert(key.name.clone()) && blobs.insert(key.key.blob().clone()));
        manifest.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// What `keyform apply` does.
async fn apply(world: Rc<World>, process: Rc<Process>, orders: Orders) -> End {
    let disk = Rc::new(RefCell::new(ProcessDisk::new(&world, &process)));
    let store = FileStore::on(disk, Path::new(STATE), format!("process {}", process.id));
    let is_hasty = world.broken == Some(Broken::PauseIsSkipped);
    let throttle = Throttle::new(Watch { kernel: Rc::clone(&world.kernel), is_hasty }, orders.seed);
    let mut session = match lock_within(&store, orders.patience, throttle.clock(), |_| {}).await {
        Ok(session) => Careless { session, forgets_intents: world.broken == Some(Broken::IntentIsSkipped) },
        Err(error) => return End::Refused(error),
    };
    let loaded = match session.load().await {
        Ok(loaded) => loaded,
        Err(error) => return End::Refused(error),
    };
    let network = Network { world: Rc::clone(&world), process: Rc::clone(&process) };
    let observed = if orders.options.offline {
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
    let recorded = observed.as_ref().map_or(loaded.state.as_ref(), |observed| observed.state(&loaded));
    let plan = world::plan_of(&process.desired, recorded, observed.as_ref().map(|observed| &observed.listing));
    world.trace(|| format!("process {} plans {}", process.id, show(&plan)));
    process.replaces.replace(replaced(&plan));
    process.orphans.replace(orphans(&plan, loaded.state.as_ref()));
    let tools = Tools {
        account: &network,
        throttle: &throttle,
        options: orders.options,
        stop: &process.stop,
        observer: &|_| {},
        lineage: uuid::Uuid::from_u128(orders.seed.into()),
    };
    let mut outcome = execute(&plan, loaded, observed, &mut session, &tools).await;
    if world.broken == Some(Broken::UnsavedIsNotPrinted) {
        outcome.unsaved.clear();
    }
    End::Done(Box::new(outcome))
}

/// The rows that the plan deletes and that only the listing has shown to be ours.
fn orphans(plan: &Plan, loaded: Option<&State>) -> HashSet<KeyId> {
    let orphans = plan.actions.iter();
    let id = |change: &Change| match change {
        Change::Delete(old) if !loaded.is_some_and(|state| state.records.contains_key(&old.id)) => Some(old.id.clone()),
        _ => None,
    };
    orphans.filter_map(|action| id(&action.change)).collect()
}

fn replaced(plan: &Plan) -> HashMap<KeyId, KeyBlob> {
    let replaced = |change: &Change| match change {
        Change::Replace { key, old, .. } => {
            old.iter().map(|old| (old.id.clone(), key.key.blob().clone())).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    plan.actions.iter().flat_map(|action| replaced(&action.change)).collect()
}

/// A session that may forget to write down what is about to be uploaded.
struct Careless<S> {
    session: S,
    forgets_intents: bool,
}

impl<S: Session> Session for Careless<S> {
    async fn load(&mut self) -> Result<LoadedState, StateError> {
        self.session.load().await
    }

    async fn append(&mut self, base: &State, entries: &[JournalEntry]) -> Result<(), StateError> {
        let kept = |entry: &&JournalEntry| !self.forgets_intents || !matches!(entry, JournalEntry::Intend { .. });
        let entries: Vec<_> = entries.iter().filter(kept).cloned().collect();
        self.session.append(base, &entries).await
    }

    async fn sync(&mut self) -> Result<(), StateError> {
        self.session.sync().await
    }

    async fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.session.fold(state).await
    }

    async fn discard(&mut self) -> Result<(), StateError> {
        self.session.discard().await
    }
}

fn desired(keys: Vec<DesiredKey>) -> Desired {
    Desired { keys, ..Desired::default() }
}
