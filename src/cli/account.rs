//! The account that a command works with.

use crate::account::{Client, Endpoint, Listing, RetryPolicy, Throttle, TokioClock};
use crate::apply;
use crate::emulator::Emulator;
use crate::state::{AccountMismatch, LoadedState, State};

use super::error::CliError;

/// A client of an account, and how to use it.
pub(super) struct Account {
    /// The endpoint as it is recorded and shown. The sandbox listens elsewhere.
    pub(super) endpoint: Endpoint,
    pub(super) client: Client,
    pub(super) throttle: Throttle<TokioClock>,
    pub(super) retries: RetryPolicy,
    /// Serves the account until this is dropped, with `--sandbox`.
    pub(super) _sandbox: Option<Emulator>,
}

impl Account {
    /// Lists the account for a plan on top of `loaded`.
    ///
    /// # Errors
    /// Among others, if the state describes another account. If its endpoint differs, no request is sent, so the token
    /// does not go to an endpoint that was chosen by mistake.
    pub(super) async fn list(&self, loaded: &LoadedState) -> Result<Listing, CliError> {
        let recorded = loaded.state.as_ref();
        check_account(recorded, &self.endpoint, None)?;
        let listing = apply::list_for_plan(&self.client, &self.throttle, self.retries, loaded).await?;
        check_account(recorded, &self.endpoint, Some(&listing))?;
        Ok(listing)
    }
}

/// Refuses a state that describes another account.
pub(super) fn check_account(
    recorded: Option<&State>,
    endpoint: &Endpoint,
    observed: Option<&Listing>,
) -> Result<(), AccountMismatch> {
    let user = observed.and_then(Listing::user_id);
    recorded.map_or(Ok(()), |state| state.check_account(endpoint, user))
}
