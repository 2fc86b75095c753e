//! Saved plans: their file, what makes them invalid, and what a forged one cannot do.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod contents;
mod forged;
mod holds;

use keyform::names::KeyName;
use keyform::plan::Plan;
use support::world::{self, plan};

/// A world with one action of each kind.
const DESIRED: &str = "up=U ad=A new=R(new) pr=P* na=N<ann>";
const STATE: &str = "old=R#1 pr=P#2 gone=G#3 bad=D#4 nb=N#6(na)";
const ACCOUNT: &str = "old=R#1 pr=P#2 bad=D#4* xx=A#5 na=N#6";

fn one_of_each() -> Plan {
    let plan = plan(DESIRED, STATE, ACCOUNT);
    let kinds: std::collections::BTreeSet<_> = plan.actions.iter().map(|action| action.change.kind()).collect();
    assert_eq!(kinds.len(), 7, "{}", world::show(&plan));
    plan
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}
