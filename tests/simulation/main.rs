//! Account, network, disk, object store, clock and the process itself, simulated in one thread with one seed: no matter what fails, and
//! wherever a process dies, each key is stored once, every id is recorded, and nothing of others is touched.
//!
//! `KEYFORM_SIMULATION_SEEDS=N` runs N seeds, with a state in an object store alone if `KEYFORM_SIMULATION_BUCKET=1` is set.
//! `KEYFORM_SIMULATION_SEED=N` tells the story of one.

#![cfg(test)]

mod account;
mod bucket;
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
use world::{Broken, Place};

/// How many seeds the ordinary run has with a state on a disk, and with one in an object store.
const SEEDS: [(Place, u64); 2] = [(Place::Disk, 6_000), (Place::Bucket, 1_500)];

#[test]
fn each_key_is_stored_once_and_every_id_is_recorded() {
    let skips_disk = number("KEYFORM_SIMULATION_BUCKET") == Some(1);
    for (place, seeds) in SEEDS.into_iter().filter(|(place, _)| *place == Place::Bucket || !skips_disk) {
        if let Some(seed) = number("KEYFORM_SIMULATION_SEED") {
            let (violation, story) = history::tell(seed, place, None);
            println!("{place:?}\n{story}");
            if let Some(violation) = violation {
                panic!("seed {seed}, {place:?}: {violation}");
            }
            continue;
        }
        let seeds = number("KEYFORM_SIMULATION_SEEDS").unwrap_or(seeds);
        if let Some(seed) = first_of(seeds, |seed| history::live(seed, place, None).is_some()) {
            let (violation, story) = history::tell(seed, place, None);
            let violation = violation.map(|violation| violation.to_string()).unwrap_or_default();
            panic!("seed {seed}, {place:?}: {violation}\n{story}\nAlone: KEYFORM_SIMULATION_SEED={seed}");
        }
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
const SAFEGUARDS: [(Place, Broken, Law, u64); 26] = [
    (Place::Disk, Broken::IntentIsSkipped, Law::Recorded, 206),
    (Place::Disk, Broken::RetryIsBlind, Law::Once, 8),
    (Place::Disk, Broken::StateIsWrittenInPlace, Law::Readable, 195),
    (Place::Disk, Broken::JournalIsNotSynced, Law::Recorded, 29),
    (Place::Disk, Broken::TornEndIsKept, Law::Readable, 29),
    (Place::Disk, Broken::StateIsNotSynced, Law::Readable, 0),
    (Place::Disk, Broken::FolderIsNotSynced, Law::Readable, 326),
    (Place::Disk, Broken::LockDoesNotLock, Law::OneAtATime, 6),
    (Place::Disk, Broken::UnsavedIsNotPrinted, Law::Reported, 84),
    (Place::Disk, Broken::PendingIsForgotten, Law::Once, 26),
    (Place::Disk, Broken::FormerPrimaryIsForgotten, Law::Primary, 2170),
    (Place::Disk, Broken::DeletionsAreForgotten, Law::SuccessIsTrue, 1352),
    (Place::Disk, Broken::PromotionIsForgotten, Law::NothingUnplanned, 6829),
    (Place::Disk, Broken::UnavailableIsCertain, Law::Once, 606),
    (Place::Disk, Broken::IdIsDropped, Law::Recorded, 329),
    (Place::Disk, Broken::NamesAreIgnored, Law::Recorded, 875),
    (Place::Disk, Broken::ArrivalIsIgnored, Law::PendingIsKept, 4974),
    (Place::Disk, Broken::TimeoutIsIgnored, Law::PendingIsKept, 383),
    (Place::Disk, Broken::LagIsIgnored, Law::GoneIsTrue, 22),
    (Place::Disk, Broken::OneListingIsEnough, Law::GoneIsTrue, 3),
    (Place::Disk, Broken::OverlapIsFaked, Law::ListingIsWhole, 1790),
    (Place::Disk, Broken::DateIsAhead, Law::GoneIsTrue, 98),
    (Place::Disk, Broken::CopiesAreDeleted, Law::ForeignRowsStay, 35),
    (Place::Bucket, Broken::ConditionIsIgnored, Law::OneAtATime, 33),
    (Place::Bucket, Broken::LeaseIsIgnored, Law::OneAtATime, 17),
    (Place::Bucket, Broken::JournalIsNotSynced, Law::Recorded, 370),
];

#[test]
fn without_any_one_of_its_safeguards_a_law_is_broken() {
    for (place, broken, law, first) in SAFEGUARDS {
        let breaks =
            |seed: &u64| history::live(*seed, place, Some(broken)).is_some_and(|violation| violation.law == law);
        let seed = (first..first + SEARCH).find(breaks).unwrap_or_else(|| panic!("{law:?} holds, although {broken:?}"));
        println!("{broken:?}: {law:?} is broken by seed {seed}");
    }
}
