//! The account that a command works with.

use std::time::Duration;

use crate::account::{Client, Endpoint, Lateness, Listing, RetryPolicy, Throttle, TokioClock, list_all};
use crate::apply::{Observation, ObserveOptions, Waiting, observe};
use crate::emulator::Emulator;
use crate::state::{AccountMismatch, LoadedState, State};

use super::error::CliError;
use super::listing_progress::{ListingProgress, WatchedAccount};
use super::ui::Ui;

/// A client of an account, and how to use it.
pub(super) struct Account {
    /// The endpoint as it is recorded and shown. The sandbox listens elsewhere.
    pub(super) endpoint: Endpoint,
    pub(super) client: Client,
    pub(super) throttle: Throttle<TokioClock>,
    pub(super) retries: RetryPolicy,
    /// The timeout of a request.
    pub(super) timeout: Duration,
    /// Serves the account until this is dropped, with `--sandbox`.
    pub(super) _sandbox: Option<Emulator>,
}

impl Account {
    /// Observes the account for a plan on top of `loaded`, and shows the progress and what it waits for.
    ///
    /// # Errors
    /// Among others, if the state describes another account. If its endpoint differs, no request is sent, so the token
    /// does not go to an endpoint that was chosen by mistake.
    pub(super) async fn observe(
        &self,
        loaded: &LoadedState,
        lateness: Lateness,
        may_upload: bool,
        ui: Ui,
    ) -> Result<Observation, CliError> {
        let recorded = loaded.state.as_ref();
        check_account(recorded, &self.endpoint, None)?;
        let options = ObserveOptions { retries: self.retries, lateness, may_upload };
        let progress = ListingProgress::new(ui.progress());
        let account = WatchedAccount { account: &self.client, progress: &progress };
        let on_wait = |waiting: Waiting| progress.wait(waiting);
        let observed = observe(&account, &self.throttle, options, recorded, &on_wait);
        let observation = progress.during(Box::pin(observed)).await?;
        check_account(recorded, &self.endpoint, Some(&observation.listing))?;
        Ok(observation)
    }

    /// Lists the account once, without a state.
    pub(super) async fn list(&self, ui: Ui) -> Result<Listing, CliError> {
        let progress = ListingProgress::new(ui.progress());
        let account = WatchedAccount { account: &self.client, progress: &progress };
        Ok(progress.during(Box::pin(list_all(&account, &self.throttle, self.retries))).await?)
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
