//! The names that a flag can mean.

use std::collections::BTreeSet;

use super::error::CliError;
use crate::manifest::Desired;
use crate::names::KeyName;
use crate::plan::Plan;
use crate::state::State;
use crate::terminal::nearest::nearest;

/// The names of keys in the manifest, the state and the plan.
#[derive(Debug, Default)]
pub(super) struct KnownNames<'a>(BTreeSet<&'a KeyName>);

impl<'a> KnownNames<'a> {
    /// Takes the names from a complete plan and its sources.
    pub(super) fn of(plan: &'a Plan, desired: Option<&'a Desired>, recorded: Option<&'a State>) -> Self {
        let planned = plan.actions.iter().flat_map(|action| {
            let old = action.change.old_rows().iter().map(|old| &old.name);
            old.chain([&action.name])
        });
        let listed = desired.into_iter().flat_map(|desired| &desired.keys).map(|key| &key.name);
        let recorded = recorded.into_iter().flat_map(|state| state.records.values()).map(|record| &record.name);
        Self(planned.chain(listed).chain(recorded).collect())
    }

    /// Refuses a name that no key has: it would have no effect.
    pub(super) fn check(&self, flag: &str, names: &[KeyName]) -> Result<(), CliError> {
        let Some(unknown) = names.iter().find(|name| !self.0.contains(name)) else { return Ok(()) };
        let error = CliError::new(format!("{flag} {unknown}: no such key in the manifest or the state"));
        let known = self.0.iter().map(|name| name.as_str());
        Err(match nearest(unknown.as_str(), known) {
            Some(nearest) => error.hint(format!("did you mean {nearest}? `keyform state list` shows the managed keys")),
            None => error.hint("`keyform state list` shows the managed keys"),
        })
    }
}
