//! Account, network, disk, clock and the process itself, simulated in one thread with one seed: no matter what fails, and
//! wherever a process dies, each key is stored once, every id is recorded, and nothing of others is touched.
//!
//! `KEYFORM_SIMULATION_SEEDS=N` runs N seeds, `KEYFORM_SIMULATION_SEED=N` tells the story of one.

#![cfg(test)]

mod account;
mod disk;
mod edits;
mod history;
mod kernel;
mod lag;
mod laws;
mod network;
mod planned;
mod process;
mod rate;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use laws::Law;
use world::Broken;

/// How many seeds the ordinary run has.
const SEEDS: u64 = 6_000;

#[test]
fn whatever_happens_each_key_is_stored_once_and_every_id_is_recorded() {
    if let Some(seed) = number("KEYFORM_SIMULATION_SEED") {
        let (violation, story) = history::tell(seed, None);
        println!("{story}");
        if let Some(violation) = violation {
            panic!("seed {seed}: {violation}");
        }
        return;
    }
    let seeds = number("KEYFORM_SIMULATION_SEEDS").unwrap_or(SEEDS);
    if let Some(seed) = first_of(seeds, |seed| history::live(seed, None).is_some()) {
        let (violation, story) = history::tell(seed, None);
        let violation = violation.map(|violation| violation.to_string()).unwrap_or_default();
        panic!("seed {seed}: {violation}\n{story}\nAlone: KEYFORM_SIMULATION_SEED={seed}");
    }
}

/// The least seed that something holds for, among so many. Each history has a thread to itself; several are lived through
/// side by side.
fn first_of(seeds: u64, holds: impl Fn(u64) -> bool + Sync) -> Option<u64> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let found = AtomicU64::new(u64::MAX);
    thread::scope(|scope| {
        for first in (0..).take(threads) {
            let (found, holds) = (&found, &holds);
            scope.spawn(move || {
                let mut mine = (first..seeds).step_by(threads);
                // What another thread has found ends the search for greater ones.
                let seed = mine.find(|seed| *seed >= found.load(Ordering::Relaxed) || holds(*seed));
                found.fetch_min(seed.unwrap_or(u64::MAX), Ordering::Relaxed);
            });
        }
    });
    Some(found.into_inner()).filter(|seed| *seed != u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "how many seeds a test runs is for whoever runs it to say")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// How many seeds are searched for one that breaks a law.
const SEARCH: u64 = 20_000;

/// Each safeguard, a law that is broken without it, and the seed from which to search for that.
const SAFEGUARDS: [(Broken, Law, u64); 22] = [
    (Broken::IntentIsSkipped, Law::Recorded, 206),
    (Broken::RetryIsBlind, Law::Once, 8),
    (Broken::StateIsWrittenInPlace, Law::Readable, 195),
    (Broken::JournalIsNotSynced, Law::Recorded, 29),
    (Broken::StateIsNotSynced, Law::Readable, 0),
    (Broken::FolderIsNotSynced, Law::Readable, 326),
    (Broken::LockDoesNotLock, Law::OneAtATime, 6),
    (Broken::UnsavedIsNotPrinted, Law::Reported, 84),
    (Broken::PendingIsForgotten, Law::Once, 26),
    (Broken::FormerPrimaryIsForgotten, Law::Primary, 1303),
    (Broken::DeletionsAreForgotten, Law::SuccessIsTrue, 255),
    (Broken::PromotionIsForgotten, Law::NothingUnplanned, 6829),
    (Broken::UnavailableIsCertain, Law::Once, 8),
    (Broken::IdIsDropped, Law::Recorded, 329),
    (Broken::NamesAreIgnored, Law::Recorded, 875),
    (Broken::ArrivalIsIgnored, Law::PendingIsKept, 2705),
    (Broken::TimeoutIsIgnored, Law::PendingIsKept, 383),
    (Broken::LagIsIgnored, Law::GoneIsTrue, 22),
    (Broken::OneListingIsEnough, Law::GoneIsTrue, 3),
    (Broken::OverlapIsFaked, Law::ListingIsWhole, 1790),
    (Broken::DateIsAhead, Law::GoneIsTrue, 98),
    (Broken::CopiesAreDeleted, Law::ForeignRowsStay, 35),
];

#[test]
fn without_any_one_of_its_safeguards_a_law_is_broken() {
    for (broken, law, first) in SAFEGUARDS {
        let breaks = |seed: &u64| history::live(*seed, Some(broken)).is_some_and(|violation| violation.law == law);
        let seed = (first..first + SEARCH).find(breaks).unwrap_or_else(|| panic!("{law:?} holds, although {broken:?}"));
        println!("{broken:?}: {law:?} is broken by seed {seed}");
    }
}
