//! The names of the objects: states, and the log of each.
//!
//! ```text
//! 0000000007.json           a state; the one with the greatest number counts
//! 0000000007.log/00000001   the first entry of its log
//! ```
//!
//! The number of a state is its generation. It is not the serial in the state, which starts again when a lost state is
//! rebuilt.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::api::ObjectList;

/// How many states are kept.
const KEPT_STATES: u64 = 20;

/// The objects of a state, by what their names say. Other objects in the folder are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogIndex {
    states: Vec<u64>,
    /// When each entry was written, by generation and number.
    logs: BTreeMap<u64, BTreeMap<u64, Timestamp>>,
    pub(super) date: Option<Timestamp>,
}

enum ObjectName {
    State(u64),
    Entry { generation: u64, number: u64 },
}

pub(super) fn state_name(generation: u64) -> String {
    format!("{generation:010}.json")
}

pub(super) fn log_name(generation: u64) -> String {
    format!("{generation:010}.log")
}

pub(super) fn entry_name(generation: u64, number: u64) -> String {
    format!("{}/{number:08}", log_name(generation))
}

impl LogIndex {
    pub(super) fn new(list: &ObjectList) -> Self {
        let mut index = Self { date: list.date, ..Self::default() };
        for object in &list.objects {
            match parse(&object.name) {
                Some(ObjectName::State(generation)) => index.states.push(generation),
                Some(ObjectName::Entry { generation, number }) => {
                    index.logs.entry(generation).or_default().insert(number, object.modified);
                }
                None => {}
            }
        }
        index.states.sort_unstable();
        index
    }

    /// Returns the generation of the newest state. 0 if there is no state yet.
    pub(super) fn generation(&self) -> u64 {
        self.states.last().copied().unwrap_or_default()
    }

    /// Returns number and time of the last entry in the log of the newest state.
    pub(super) fn last_entry(&self) -> Option<(u64, Timestamp)> {
        let (number, modified) = self.logs.get(&self.generation())?.last_key_value()?;
        Some((*number, *modified))
    }

    /// Returns the names of objects that nobody needs once there is a state of this generation: older states but the last
    /// few, and the logs of all states but the last one's. A reader that is slow may still need that one.
    pub(super) fn obsolete(&self, generation: u64) -> Vec<String> {
        let states = self.states.iter().filter(|&&state| state.saturating_add(KEPT_STATES) <= generation);
        let logs = self.logs.iter().filter(|(log, _)| log.saturating_add(1) < generation);
        let entries = logs.flat_map(|(log, entries)| entries.keys().map(|number| entry_name(*log, *number)));
        states.map(|state| state_name(*state)).chain(entries).collect()
    }
}

fn parse(name: &str) -> Option<ObjectName> {
    let (object, is_named) = if let Some((log, number)) = name.split_once('/') {
        let (generation, number) = (log.strip_suffix(".log")?.parse().ok()?, number.parse().ok()?);
        (ObjectName::Entry { generation, number }, entry_name(generation, number) == name)
    } else {
        let generation = name.strip_suffix(".json")?.parse().ok()?;
        (ObjectName::State(generation), generation > 0 && state_name(generation) == name)
    };
    is_named.then_some(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::bucket::api::ObjectInfo;

    fn index(names: &[&str]) -> LogIndex {
        let object = |name: &&str| ObjectInfo { name: (*name).to_owned(), modified: Timestamp::UNIX_EPOCH };
        LogIndex::new(&ObjectList { objects: names.iter().map(object).collect(), date: None })
    }

    #[test]
    fn the_greatest_numbers_count_and_foreign_names_do_not() {
        let empty = index(&["README.md", "7.json", "00000000007.json", "0000000000.json", "0000000007.log/1", "x/y/z"]);
        assert_eq!((empty.generation(), empty.last_entry()), (0, None));
        let names = ["0000000009.json", "12345678901.json", "0000000010.json", "12345678901.log/00000009"];
        let found = index(&[&names[..], &["12345678901.log/123456789", "0000000010.log/00000001"]].concat());
        assert_eq!(found.generation(), 12_345_678_901);
        assert_eq!(found.last_entry().map(|(number, _)| number), Some(123_456_789));
    }

    #[test]
    fn twenty_states_and_the_last_log_are_kept() {
        let states: Vec<_> = (1..=29).map(state_name).collect();
        let logs: Vec<_> = (27..=29).flat_map(|log| [entry_name(log, 1), entry_name(log, 2)]).collect();
        let names: Vec<_> = states.iter().chain(&logs).map(String::as_str).collect();
        let obsolete = index(&names).obsolete(30);
        let expected: Vec<_> = (1..=10).map(state_name).chain(logs[..4].iter().cloned()).collect();
        assert_eq!(obsolete, expected);
    }
}
