//! Making a plan, for those who look at it and for those who carry it out.

use jiff::civil::Date;

use super::args::PlanScope;
use super::context::Account;
use super::error::CliError;
use crate::account::{Endpoint, Listing};
use crate::apply;
use crate::manifest::Desired;
use crate::names::KeyName;
use crate::plan::{Input, Plan, compare};
use crate::state::{Loaded, State};

/// Lists the account that a state belongs to.
pub(super) async fn observe(account: &Account, loaded: &Loaded) -> Result<Listing, CliError> {
    let recorded = loaded.state.as_ref();
    // Before the token goes anywhere: a state of another endpoint is a mistake in the making.
    belongs(recorded, &account.endpoint, None)?;
    let listing = apply::list_for_plan(&account.client, &account.throttle, account.retries, loaded).await?;
    belongs(recorded, &account.endpoint, Some(&listing))?;
    Ok(listing)
}

/// Plans what the flags cover. Without `observed` from manifest and state alone.
pub(super) fn plan(
    scope: &PlanScope,
    desired: &Desired,
    recorded: Option<&State>,
    observed: Option<&Listing>,
    endpoint: &Endpoint,
    today: Date,
) -> Result<Plan, CliError> {
    belongs(recorded, endpoint, observed)?;
    let mut plan = compare(Input { desired, recorded, observed, endpoint, today, destroy: scope.destroy });
    if !scope.target.is_empty() {
        for name in &scope.target {
            known(name, desired, recorded)?;
        }
        plan.limit_to(&scope.target);
    }
    Ok(plan)
}

/// Refuses a state that describes another account.
fn belongs(recorded: Option<&State>, endpoint: &Endpoint, observed: Option<&Listing>) -> Result<(), CliError> {
    let user = observed.and_then(Listing::user_id);
    recorded.map_or(Ok(()), |state| state.check_account(endpoint, user)).map_err(CliError::from)
}

fn known(name: &KeyName, desired: &Desired, recorded: Option<&State>) -> Result<(), CliError> {
    let wanted = desired.keys.iter().any(|key| key.name == *name);
    let managed = recorded.is_some_and(|state| state.records.values().any(|record| record.name == *name));
    if wanted || managed {
        return Ok(());
    }
    Err(CliError::new(format!("--target {name}: neither the manifest nor the state has a key of that name"))
        .hint("`keyform state list` shows the managed keys"))
}
