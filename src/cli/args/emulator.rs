//! The flags of `emulator`: what the account is like, and what goes wrong with it.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};

use crate::emulator::{
    AutoPrimary, Choice, DeletePrimary, DuplicateKey, FaultKind, FaultRate, LagScope, LaggingChange, ListOrder,
};

/// Arguments of `emulator`.
#[derive(Debug, Args)]
#[command(after_help = faults_help())]
pub struct Emulator {
    /// Port on 127.0.0.1; 0 lets the system pick one
    #[arg(long, value_name = "PORT", env = "KEYFORM_PORT", default_value_t = 0)]
    pub port: u16,
    /// File that keeps the keys [default: none, they go with the process]
    #[arg(long, value_name = "FILE", env = "KEYFORM_KEYS", value_hint = ValueHint::FilePath)]
    pub keys: Option<PathBuf>,
    /// Token that is accepted [default: a well-known one]
    #[arg(long, value_name = "TOKEN", env = "KEYFORM_EMULATOR_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Let the token not list
    #[arg(long, env = "KEYFORM_NO_READ", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_read: bool,
    /// Let the token not change anything
    #[arg(long, env = "KEYFORM_NO_WRITE", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_write: bool,
    /// What the same key uploaded twice becomes
    #[arg(long, value_name = "HOW", value_parser = choice::<DuplicateKey>(), env = "KEYFORM_DUPLICATE_KEY", default_value_t)]
    pub duplicate_key: DuplicateKey,
    /// Which uploads become the primary on their own
    #[arg(long, value_name = "HOW", value_parser = choice::<AutoPrimary>(), env = "KEYFORM_AUTO_PRIMARY", default_value_t)]
    pub auto_primary: AutoPrimary,
    /// What deleting the primary does
    #[arg(long, value_name = "HOW", value_parser = choice::<DeletePrimary>(), env = "KEYFORM_DELETE_PRIMARY", default_value_t)]
    pub delete_primary: DeletePrimary,
    /// The order of a listing
    #[arg(long, value_name = "HOW", value_parser = choice::<ListOrder>(), env = "KEYFORM_LIST_ORDER", default_value_t)]
    pub list_order: ListOrder,
    /// How often a fault happens; may repeat; all=RATE is every kind
    #[arg(long, value_name = "KIND=RATE", env = "KEYFORM_FAULT", value_delimiter = ',')]
    pub fault: Vec<FaultRate>,
    /// Milliseconds that the fault `latency` takes at least
    #[arg(long, value_name = "MS", env = "KEYFORM_LATENCY", default_value_t = 50)]
    pub latency: u64,
    /// Milliseconds that it takes longer at most
    #[arg(long, value_name = "MS", env = "KEYFORM_JITTER", default_value_t = 50)]
    pub jitter: u64,
    /// Fixes what is drawn: faults, ids, orders
    #[arg(long, value_name = "N", env = "KEYFORM_SEED", default_value_t = 0)]
    pub seed: u64,
    /// Answer 429 to more requests than this in a window [default: no limit]
    #[arg(long, value_name = "N", env = "KEYFORM_RATE_LIMIT")]
    pub rate_limit: Option<u32>,
    /// Length of that window
    #[arg(long, value_name = "SECONDS", env = "KEYFORM_RATE_WINDOW", default_value_t = 60)]
    pub rate_window: u64,
    /// Seconds that listings are behind writes
    #[arg(long, value_name = "SECONDS", env = "KEYFORM_LAG", default_value_t = 0)]
    pub lag: u64,
    /// What shares one delay
    #[arg(long, value_name = "SCOPE", value_parser = choice::<LagScope>(), env = "KEYFORM_LAG_SCOPE", default_value_t)]
    pub lag_scope: LagScope,
    /// Changes that lag; may repeat [default: all]
    #[arg(long, value_name = "CHANGE", value_parser = choice::<LaggingChange>(), env = "KEYFORM_LAG_OF", value_delimiter = ',')]
    pub lag_of: Vec<LaggingChange>,
    /// Milliseconds after which a late request is handled
    #[arg(long, value_name = "MS", env = "KEYFORM_LATE", default_value_t = 5_000)]
    pub late: u64,
    /// Let a 429 not say when to come back
    #[arg(long, env = "KEYFORM_NO_RETRY_AFTER", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_retry_after: bool,
}

fn faults_help() -> String {
    let kinds: Vec<_> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
    format!("Kinds of fault: {}. The address is printed to stdout.", kinds.join(", "))
}

/// Parses the name of a choice. Help and errors list all names.
fn choice<T: Choice>() -> impl TypedValueParser<Value = T> {
    let values = T::ALL.iter().map(|choice| PossibleValue::new(choice.name()).help(choice.help()));
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}
