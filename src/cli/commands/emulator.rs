//! `keyform emulator`

use std::time::Duration;

use crate::cli::args::Emulator as Args;
use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::ui::Ui;
use crate::emulator::{
    AcceptedToken, Behaviour, Emulator, EmulatorConfig, EmulatorError, Faults, Lag, RateLimit, Scopes,
};
use crate::terminal::style::{NAME, paint};

use super::{cannot_print, runtime};

pub(in crate::cli) fn run(args: Args, ui: Ui) -> Result<Exit, CliError> {
    runtime()?.block_on(async {
        let is_well_known = args.token.is_none();
        let mut signals = Signals::listen().map_err(|error| CliError::from_error(&error))?;
        let emulator = Emulator::start(config(args)).map_err(|error| {
            let help = match error {
                EmulatorError::Bind { .. } => "name another port; without --port any free one is taken",
                EmulatorError::Corrupt { .. } | EmulatorError::InUse { .. } => "name another file with --keys",
                _ => return CliError::from_error(&error),
            };
            CliError::from_error(&error).hint(help)
        })?;
        let url = emulator.url();
        ui.result(&format!("{url}\n")).map_err(cannot_print)?;
        ui.status(&format!("Serving an emulated account at {}; Ctrl-C ends it.", paint(NAME, &url)));
        // Another token than the well-known one may be somebody's real one.
        let token = if is_well_known { emulator.token() } else { "…" };
        ui.status(&format!("Try it: PRIME_API_KEY={token} keyform plan --endpoint {url}"));
        emulator.run_until(signals.next()).await.map_err(|error| CliError::from_error(&error))?;
        Ok(Exit::Done)
    })
}

fn config(args: Args) -> EmulatorConfig {
    let mut faults = Faults {
        seed: args.seed,
        latency: Duration::from_millis(args.latency),
        jitter: Duration::from_millis(args.jitter),
        late: Duration::from_millis(args.late),
        ..Faults::default()
    };
    for rate in args.fault {
        faults.set(rate);
    }
    let mut lag = Lag { most: Duration::from_secs(args.lag), scope: args.lag_scope, ..Lag::default() };
    if !args.lag_of.is_empty() {
        lag.of = args.lag_of.into_iter().collect();
    }
    EmulatorConfig {
        lag,
        port: args.port,
        token: args.token.map(AcceptedToken::new).unwrap_or_default(),
        scopes: Scopes { read: !args.no_read, write: !args.no_write },
        keys: args.keys,
        behaviour: Behaviour {
            duplicate_key: args.duplicate_key,
            auto_primary: args.auto_primary,
            delete_primary: args.delete_primary,
            list_order: args.list_order,
            ..Behaviour::default()
        },
        faults,
        rate_limit: args.rate_limit.map(|requests| RateLimit {
            requests,
            window: Duration::from_secs(args.rate_window),
            retry_after: !args.no_retry_after,
        }),
        seed: args.seed,
        ..EmulatorConfig::default()
    }
}
