//! Makes the plan of a command, from what it has read.

use jiff::civil::Date;

use super::account::check_account;
use super::args::{AcknowledgeArgs, PlanScope};
use super::error::CliError;
use super::known_names::KnownNames;
use crate::account::Endpoint;
use crate::apply::Observation;
use crate::manifest::Desired;
use crate::plan::{Input, Plan, compare};
use crate::state::{LoadedState, State, StateStore};

/// What a plan is made from.
#[derive(Clone, Copy)]
pub(super) struct PlanBasis<'a> {
    pub(super) desired: &'a Desired,
    pub(super) store: &'a StateStore,
    pub(super) loaded: &'a LoadedState,
    pub(super) endpoint: &'a Endpoint,
    /// The account. `None` if it was not listed: then the state stands in for it.
    pub(super) observation: Option<&'a Observation>,
    pub(super) today: Date,
}

impl<'a> PlanBasis<'a> {
    /// Returns the state from which to plan.
    pub(super) fn recorded(self) -> Option<&'a State> {
        recorded(self.loaded, self.observation)
    }

    /// Plans what `scope` covers, and checks the names in the flags.
    pub(super) fn plan(self, scope: &PlanScope, acknowledge: &AcknowledgeArgs) -> Result<Plan, CliError> {
        let Self { desired, store, loaded, endpoint, observation, today } = self;
        let recorded = self.recorded();
        let observed = observation.map(|observation| &observation.listing);
        check_account(recorded, endpoint, observed)?;
        let mut plan = compare(Input { desired, recorded, observed, endpoint, today, destroy: scope.destroy });
        plan.base.location = Some(store.location().to_string());
        plan.base.journal = loaded.journaled.then(|| store.journal_place());
        let selection = scope.selection.to_selection();
        let known = KnownNames::of(&plan, Some(desired), recorded);
        known.check("--target", &selection.target)?;
        known.check("--exclude", &selection.exclude)?;
        known.check("--allow-protected", &acknowledge.allow_protected)?;
        plan.select(&selection);
        Ok(plan)
    }
}

/// Returns the state as the account has settled it, if the account was listed.
pub(super) fn recorded<'s>(loaded: &'s LoadedState, observation: Option<&'s Observation>) -> Option<&'s State> {
    observation.map_or(loaded.state.as_ref(), |observation| observation.state(loaded))
}
