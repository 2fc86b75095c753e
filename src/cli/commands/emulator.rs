//! `keyform emulator`

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};

use crate::cli::error::{CliError, Exit};
use crate::cli::signals::Signals;
use crate::cli::ui::Ui;
use crate::emulator::{
    AcceptedToken, AutoPrimary, Behaviour, Choice, DeletePrimary, DuplicateKey, Emulator, EmulatorConfig,
    EmulatorError, FaultKind, FaultRate, Faults, Lag, LagScope, LaggingChange, ListOrder, RateLimit, Scopes,
};
use crate::terminal::style::{NAME, paint};

use super::runtime;

#[derive(Debug, Args)]
pub(in crate::cli) struct EmulatorArgs {
    /// Port on 127.0.0.1 (0 for any free port)
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// File to keep the keys in [default: in memory only]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    keys: Option<PathBuf>,
    /// Token to accept [default: keyform-sandbox-token]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Deny the token read permission
    #[arg(long)]
    no_read: bool,
    /// Deny the token write permission
    #[arg(long)]
    no_write: bool,
    /// How to handle a second upload of the same key
    #[arg(long, value_name = "MODE", value_parser = choice::<DuplicateKey>(), default_value_t)]
    duplicate_key: DuplicateKey,
    /// When to make an upload the primary key
    #[arg(long, value_name = "MODE", value_parser = choice::<AutoPrimary>(), default_value_t)]
    auto_primary: AutoPrimary,
    /// How to handle deletion of the primary key
    #[arg(long, value_name = "MODE", value_parser = choice::<DeletePrimary>(), default_value_t)]
    delete_primary: DeletePrimary,
    /// Order of listings
    #[arg(long, value_name = "ORDER", value_parser = choice::<ListOrder>(), default_value_t)]
    list_order: ListOrder,
    /// Rate of a fault from 0 to 1 (repeatable; all=RATE sets all)
    #[arg(long, long_help = fault_help(), value_name = "KIND=RATE", value_delimiter = ',')]
    fault: Vec<FaultRate>,
    /// Minimum delay of the fault `latency` in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    latency: u64,
    /// Maximum random addition to --latency in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    jitter: u64,
    /// Seed for random faults, ids and orders
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Respond with 429 above N requests per window [default: no limit]
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
    /// Length of the rate limit window in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    rate_window: u64,
    /// Maximum seconds until a listing shows a change
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    lag: u64,
    /// Part of a listing that shares one delay
    #[arg(long, value_name = "SCOPE", value_parser = choice::<LagScope>(), default_value_t)]
    lag_scope: LagScope,
    /// Change that lags (repeatable) [default: all]
    #[arg(long, value_name = "CHANGE", value_parser = choice::<LaggingChange>(), value_delimiter = ',')]
    lag_of: Vec<LaggingChange>,
    /// Milliseconds until a late request is handled
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    late: u64,
    /// Omit Retry-After from the 429 responses of --rate-limit
    #[arg(long)]
    no_retry_after: bool,
}

pub(in crate::cli) fn run(args: EmulatorArgs, ui: Ui, signals: &Signals) -> Result<Exit, CliError> {
    runtime()?.block_on(async {
        let is_well_known = args.token.is_none();
        signals.are_awaited();
        let emulator = Emulator::start(config(args)).map_err(|error| {
            let hint = match error {
                EmulatorError::Bind { .. } => "choose another port, or omit --port to use any free one",
                EmulatorError::Corrupt { .. } | EmulatorError::InUse { .. } => "choose another file with --keys",
                _ => return CliError::from(error),
            };
            CliError::from(error).hint(hint)
        })?;
        let url = emulator.url();
        ui.result(&format!("{url}\n"))?;
        ui.status(&format!("Serving an emulated account at {}. Press Ctrl-C to stop.", paint(NAME, &url)));
        // A token that was given could be a real one.
        let token = if is_well_known { emulator.token() } else { "…" };
        ui.status(&format!("Try it: PRIME_API_KEY={token} keyform plan --endpoint {url}"));
        emulator.run_until(signals.stop.cancelled()).await?;
        Ok(Exit::Done)
    })
}

fn config(args: EmulatorArgs) -> EmulatorConfig {
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

fn fault_help() -> String {
    let width = FaultKind::ALL.iter().map(|kind| kind.name().len()).max().unwrap_or_default();
    // A manual page starts a new line where a line is indented.
    let kinds: String =
        FaultKind::ALL.iter().map(|kind| format!("\n  {:width$}  {}", kind.name(), kind.help())).collect();
    format!("Rate of a fault from 0 to 1 (repeatable; all=RATE sets all)\n\nKinds of faults:{kinds}")
}

/// Parses a choice by its name. Help and errors list all names.
fn choice<T: Choice>() -> impl TypedValueParser<Value = T> {
    let values = T::ALL.iter().map(|choice| PossibleValue::new(choice.name()).help(choice.help()));
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}
