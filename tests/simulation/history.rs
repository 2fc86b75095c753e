//! One seed's history: manifests and applies while everything goes wrong, then calm weather.

use std::rc::Rc;
use std::time::Duration;

use keyform::account::{Clock as _, DEFAULT_TIMEOUT, Lateness, RetryPolicy};
use keyform::apply::ApplyOptions;
use keyform::emulator::DuplicateKey;
use keyform::manifest::{Desired, DesiredKey};
use keyform::state::StateErrorKind;

use crate::bucket::{DELAY, carry_out};
use crate::edits::edit;
use crate::kernel::{Due, Process, Program};
use crate::laws::{self, Law, Violation};
use crate::network::arrive;
use crate::process::{End, Orders, apply};
use crate::support::world::today;
use crate::world::{Broken, Place, Weather, World};

/// The most events of one round: far more than any comes to, unless something runs in circles.
const MOST_EVENTS: u32 = 20_000;

/// The most applies in calm weather until there is nothing left to do.
const CALM_APPLIES: u32 = 6;

/// The time from the end of one apply to the start of the next.
const PAUSES: [Duration; 4] = [Duration::ZERO, Duration::from_secs(15), Duration::from_mins(1), Duration::from_mins(2)];

/// One seed's history.
struct History {
    world: Rc<World>,
    manifest: Vec<DesiredKey>,
    processes: usize,
}

/// Lives through the history of a seed.
pub(crate) fn live(seed: u64, place: Place, broken: Option<Broken>) -> Option<Violation> {
    History::new(seed, place, broken, false).live()
}

/// Lives through it again, and tells what happens.
pub(crate) fn tell(seed: u64, place: Place, broken: Option<Broken>) -> (Option<Violation>, String) {
    let mut history = History::new(seed, place, broken, true);
    let violation = history.live();
    (violation, history.world.story())
}

impl History {
    fn new(seed: u64, place: Place, broken: Option<Broken>, told: bool) -> Self {
        Self { world: Rc::new(World::new(seed, place, broken, told)), manifest: Vec::new(), processes: 0 }
    }

    fn live(&mut self) -> Option<Violation> {
        let world = Rc::clone(&self.world);
        for _ in 0..world.draw(|rng| rng.u8(0..4)) {
            self.meddle();
        }
        if world.chance(0.5) {
            self.pass(PAUSES[3]);
        }
        for _ in 0..world.draw(|rng| rng.u8(1..4)) {
            let before = self.manifest.clone();
            // The next apply may be one of the same manifest.
            if before.is_empty() || world.chance(0.6) {
                world.draw(|rng| edit(&mut self.manifest, rng));
            }
            if world.chance(0.3) {
                self.meddle();
            }
            self.storm(before);
            if let Some(violation) = world.violation() {
                return Some(violation);
            }
            self.pass(world.draw(|rng| PAUSES[rng.usize(..PAUSES.len())]));
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
        let rival = if world.place == Place::Disk { 0.15 } else { 0.4 };
        if world.chance(rival) {
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
                7 if world.place == Place::Bucket => {
                    let stop = Due::Stop(Rc::clone(process), world.millis(1_000..100_000));
                    world.kernel.after(world.millis(1..3_000), stop);
                }
                _ => {}
            }
        }
        if world.chance(0.1) {
            let time = if world.chance(0.5) { 1..1_000 } else { 1..150_000 };
            world.kernel.after(world.millis(time), Due::Meddle);
        }
        self.run(programs, power_fails);
    }

    /// Applies until there is nothing left to do.
    fn calm(&mut self) {
        let world = Rc::clone(&self.world);
        world.weather.set(Weather { faults: 0.0, is_calm: true });
        // What dead processes have sent to the store looks like a sign of life.
        if world.place == Place::Bucket {
            self.pass(DELAY);
        }
        let mode = world.account.borrow().mode;
        world.trace(|| format!("calm; the account: {mode:?}"));
        let mut left = Ok(());
        for applies in 0..CALM_APPLIES {
            let program = self.start(self.manifest.clone(), true);
            let process = Rc::clone(&program.process);
            // What a dead process has sent may still delete what the next one sees.
            let quiet = world.kernel.is_quiet() && world.account.borrow().is_settled(world.kernel.now());
            let ends = self.run(vec![program], false);
            left = laws::is_done(&world, &process);
            match ends.first() {
                Some(End::Done(outcome)) if outcome.is_success() && quiet => {
                    let is_odd = mode.duplicate_key == DuplicateKey::SameRow && process.planned.borrow().replaces();
                    // A listing that is empty for a moment hides a row that was not deleted after all.
                    let is_undeleted = world.account.borrow().rows().any(|stored| stored.undeleted.is_some());
                    if let Err(plan) = &left
                        && !is_odd
                        && !is_undeleted
                    {
                        world.violate(Law::Converges, || format!("after an apply without errors: {plan}"));
                    }
                }
                Some(End::Done(_)) => {}
                Some(End::Refused(error)) => world.violate(Law::Readable, || error.to_string()),
                // Its pages may have been of several versions of the account.
                Some(End::Blind) if applies < 2 && world.account.borrow().page < 100 => {}
                Some(End::Blind) | None => world.violate(Law::Ends, || "the account cannot be listed".to_owned()),
            }
            if world.violation().is_some() {
                return;
            }
            let is_done = quiet && left.is_ok() && matches!(ends.first(), Some(End::Done(_)));
            if is_done && laws::primary_has_come(&world, &process) {
                break;
            }
            self.pass(PAUSES[2]);
        }
        // Such accounts may refuse for ever what the manifest wants.
        let may_refuse = mode.duplicate_key == DuplicateKey::Refuse || mode.keeps_primary;
        if let Err(plan) = &left
            && !may_refuse
        {
            world.violate(Law::Converges, || format!("after {CALM_APPLIES} calm applies: {plan}"));
        }
        let reader = Process::new(0, desired(self.manifest.clone()), DEFAULT_TIMEOUT, true);
        laws::in_the_end(&world, &reader, left.is_ok());
    }

    /// Lets time pass between two applies.
    fn pass(&self, time: Duration) {
        let world = &self.world;
        world.trace(|| format!("nobody applies for {time:?}"));
        world.kernel.after(time, Due::Resume);
        while let Some(due) = world.kernel.pop() {
            match due {
                Due::Arrive(request) => arrive(world, &request),
                Due::Meddle if !world.weather.get().is_calm => self.meddle(),
                Due::Write(write) => carry_out(world, &write),
                Due::Meddle | Due::Wake(_) | Due::Interrupt(_) | Due::Stop(..) | Due::Continue => {}
                Due::Resume => return,
            }
        }
    }

    fn start(&mut self, manifest: Vec<DesiredKey>, calm: bool) -> Program<End> {
        let world = Rc::clone(&self.world);
        self.processes += 1;
        let sees_all = !world.account.borrow().has_twin(&manifest);
        let offline = !calm && sees_all && world.chance(0.15);
        let timeout = if world.chance(0.3) { DEFAULT_TIMEOUT / 3 } else { DEFAULT_TIMEOUT };
        let process = Rc::new(Process::new(self.processes, desired(manifest), timeout, !offline));
        let retries = if calm { 5 } else { world.draw(|rng| rng.u32(..3)) };
        let mut options = ApplyOptions {
            concurrency: world.draw(|rng| rng.usize(1..4)),
            retries: RetryPolicy { retries },
            fail_fast: !calm && world.chance(0.1),
            offline,
            timeout,
            lateness: Lateness::with_lag(world.account.borrow().assumed_lag()),
        };
        forget(world.broken, &mut options);
        let orders = Orders {
            patience: if world.chance(0.5) { Duration::ZERO } else { Duration::from_mins(5) },
            options,
            seed: world.draw(|rng| rng.u64(..)),
            skew: world.draw(|rng| [-60, 0, 60][rng.usize(..3)]),
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
                if program.process.stopped_until.get() > world.kernel.now() {
                    at += 1;
                    continue;
                }
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
                Some(Due::Write(write)) => carry_out(&world, &write),
                Some(Due::Stop(process, time)) => {
                    world.trace(|| format!("process {} is stopped for {time:?}", process.id));
                    process.stopped_until.set(world.kernel.now() + time);
                    process.waited.set(process.waited.get() + time);
                    world.kernel.after(time, Due::Continue);
                }
                Some(Due::Meddle | Due::Resume | Due::Continue) => {}
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
        world.draw(|rng| world.kernel.hang_up(&program.process, rng));
        let start = program.process.started.get();
        world.account.borrow_mut().forget(start, world.kernel.now());
    }

    fn ended(&self, process: &Process, end: &End, others: usize) {
        let world = &self.world;
        let is_unsaved = matches!(end, End::Done(outcome) if outcome.save_error.is_some());
        if process.disk_fails.get() != (0, 0) || world.place == Place::Bucket && is_unsaved {
            // It may only have printed what it has learned.
            world.account.borrow_mut().forget(process.started.get(), world.kernel.now());
        }
        match end {
            End::Done(outcome) => {
                world.trace(|| format!("process {} ends: {:?}", process.id, outcome.steps));
                laws::outcome_is_true(world, process, outcome);
                laws::ends_in_time(world, process);
            }
            End::Blind => world.trace(|| format!("process {} cannot list the account", process.id)),
            End::Refused(error) => {
                world.trace(|| format!("process {} ends: {error}", process.id));
                let expected = match &error.kind {
                    // A write of a dead process that is late looks like a sign of life.
                    StateErrorKind::Locked { .. } => others > 0 || world.place == Place::Bucket,
                    StateErrorKind::Bucket { .. } | StateErrorKind::LockLost { .. } | StateErrorKind::Changed => {
                        world.place == Place::Bucket
                    }
                    StateErrorKind::Io { .. } => process.disk_fails.get() != (0, 0),
                    _ => false,
                };
                world.demand(Law::Readable, expected, || error.to_string());
            }
        }
    }

    fn meddle(&self) {
        let world = &self.world;
        let now = world.kernel.now();
        let what = world.draw(|rng| world.account.borrow_mut().meddle(&self.manifest, now, rng));
        world.trace(|| what);
    }
}

fn desired(keys: Vec<DesiredKey>) -> Desired {
    Desired { keys, ..Desired::default() }
}

/// Takes a safeguard out of the options.
fn forget(broken: Option<Broken>, options: &mut ApplyOptions) {
    match broken {
        Some(Broken::ArrivalIsIgnored) => options.lateness.arrival = Duration::ZERO,
        Some(Broken::TimeoutIsIgnored) => options.timeout = Duration::ZERO,
        Some(Broken::LagIsIgnored) => options.lateness.listing_lag = Duration::ZERO,
        Some(Broken::OneListingIsEnough) => options.lateness.confirm = Duration::ZERO,
        _ => {}
    }
}
