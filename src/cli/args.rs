//! Arguments that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum, ValueHint};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::account::{DEFAULT_ENDPOINT, Lateness};
use crate::names::{CommitId, KeyName, NameError, StackName};
use crate::plan::Selection;
use crate::plan::guard::Acknowledged;
use crate::terminal::shell::flag;

// Clap shows the doc comment of a field as its help.

pub(super) const GLOBAL_OPTIONS: &str = "Global options";

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(super) struct OutputArgs {
    /// Color output
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(super) color: When,
    /// Print results and errors only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Log requests to stderr (-vv for more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Format of the log
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(super) log_format: LogFormat,
}

/// The shared flags that choose manifest, state and account, in the order in which help lists them.
///
/// They are also accepted before the command. A command that uses some of them has those groups among its own arguments.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct WorkspaceArgs {
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    #[command(flatten)]
    pub(super) state: StateFileArgs,
    #[command(flatten)]
    pub(super) account: AccountArgs,
    #[command(flatten)]
    pub(super) stack: StackArgs,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(super) struct ManifestArgs {
    /// Manifest file or folder (repeatable) [default: keyform.yaml or .yml]
    #[arg(short = 'f', long, global = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) manifest: Vec<PathBuf>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(super) struct StateFileArgs {
    /// State [default: keyform.state.json next to the manifest]
    #[arg(long, global = true, value_name = "LOCATION", value_hint = ValueHint::FilePath)]
    pub(super) state: Option<OsString>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(super) struct AccountArgs {
    #[arg(long, help = format!("Base URL of the API [default: {DEFAULT_ENDPOINT}]"), global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub(super) endpoint: Option<String>,
    /// File that contains the API token (- for stdin)
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) token_file: Option<PathBuf>,
    /// Read token and endpoint from this context of the prime CLI
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) context: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(super) struct StackArgs {
    /// Label of this manifest in plans, comments and events
    #[arg(long, global = true, value_name = "NAME", value_parser = stack_name)]
    pub(super) stack: Option<StackName>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(super) struct SandboxArgs {
    /// Use an emulated account, kept in .keyform/
    #[arg(long, global = true)]
    pub(super) sandbox: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct PlanScope {
    /// Do not list the account
    ///
    /// plan then needs no token, and apply needs write permission only.
    #[arg(long)]
    pub(super) offline: bool,
    /// Delete every managed key
    #[arg(long)]
    pub(super) destroy: bool,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
}

/// Selects actions of the complete plan.
#[derive(Debug, Clone, Args)]
pub(super) struct SelectionArgs {
    /// Limit the plan to this key (repeatable)
    #[arg(long, value_name = "NAME")]
    target: Vec<KeyName>,
    /// Leave this key as it is (repeatable)
    #[arg(long, value_name = "NAME")]
    exclude: Vec<KeyName>,
    /// Skip changes that delete keys from the account
    #[arg(long, conflicts_with = "destroy")]
    no_deletes: bool,
    /// Only remove keys whose recorded expiry has passed
    ///
    /// For a scheduled job. Keys that the manifest now lists with a later expiry, or without one, stay.
    #[arg(long, conflicts_with_all = ["destroy", "no_deletes"], hide_short_help = true)]
    only_expired: bool,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct LockArgs {
    /// Seconds to wait for the lock
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(super) lock_timeout: u64,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct RequestArgs {
    /// Maximum retries of a request
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(super) retries: u32,
    /// Seconds to wait for a response
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ListingArgs {
    /// Seconds until a listing shows every change [default: 60]
    ///
    /// Until then, a key that is not listed may still be there. keyform lists the account again before it calls a key gone
    /// or repeats an upload. With 0, the account shows every change at once. The default with --sandbox is 0.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(super) listing_lag: Option<u64>,
}

impl ListingArgs {
    pub(super) fn lateness(self, is_sandbox: bool) -> Lateness {
        let lag = self.listing_lag.map(Duration::from_secs);
        match (is_sandbox, lag) {
            (true, lag) => Lateness::of_sandbox(lag.unwrap_or_default()),
            (false, Some(lag)) => Lateness::with_lag(lag),
            (false, None) => Lateness::default(),
        }
    }
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "the fields are named after their flags")]
pub(super) struct AcknowledgeArgs {
    /// Allow up to N deletions [default: 10, or half of the keys]
    ///
    /// Up to two deletions need no flag. A replacement that keeps the name on the account is not counted.
    #[arg(long, value_name = "N")]
    pub(super) allow_deletes: Option<usize>,
    /// Allow deletion of the primary key without a new one
    #[arg(long, hide_short_help = true)]
    pub(super) allow_primary_loss: bool,
    /// Allow an account without keys although the state has some
    #[arg(long, hide_short_help = true)]
    pub(super) allow_empty_account: bool,
    /// Allow a missing state although the account has the keys
    ///
    /// Without its state, keyform adopts the keys of the manifest and does not know which others to delete.
    #[arg(long, hide_short_help = true)]
    pub(super) allow_new_state: bool,
    /// Allow removal of this protected key (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) allow_protected: Vec<KeyName>,
    /// Allow keys on the account that the policy refuses
    #[arg(long, hide_short_help = true)]
    pub(super) allow_unmanaged: bool,
}

#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct DayArgs {
    /// Date that decides which keys have expired [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date, hide_short_help = true)]
    pub(super) today: Option<Date>,
}

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// Use color on a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always use color
    Always,
    /// Never use color
    Never,
}

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// One line of text per event
    Text,
    /// JSON Lines
    Json,
}

/// Format of an outcome or a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
}

impl WorkspaceArgs {
    /// Returns the flags as they were typed, except `--token-file`, which can mean something else on another machine.
    pub(super) fn to_words(&self) -> Vec<String> {
        let Self {
            manifest: ManifestArgs { manifest },
            state: StateFileArgs { state },
            account: AccountArgs { endpoint, token_file: _, context },
            stack: StackArgs { stack },
            sandbox: SandboxArgs { sandbox },
        } = self;
        let path = |path: &PathBuf| path.display().to_string();
        let mut words = Vec::new();
        words.extend(sandbox.then(|| "--sandbox".to_owned()));
        words.extend(manifest.iter().flat_map(|manifest| flag("-f", &path(manifest))));
        words.extend(state.iter().flat_map(|state| flag("--state", &state.display().to_string())));
        words.extend(endpoint.iter().flat_map(|endpoint| ["--endpoint".to_owned(), endpoint.clone()]));
        words.extend(context.iter().flat_map(|context| ["--context".to_owned(), context.clone()]));
        words.extend(stack.iter().flat_map(|stack| flag("--stack", stack.as_str())));
        words
    }
}

impl PlanScope {
    pub(super) fn to_words(&self) -> Vec<String> {
        let Self { offline, destroy, selection } = self;
        let mut words = Vec::new();
        words.extend(offline.then(|| "--offline".to_owned()));
        words.extend(destroy.then(|| "--destroy".to_owned()));
        words.extend(selection.to_words());
        words
    }
}

impl SelectionArgs {
    pub(super) fn to_selection(&self) -> Selection {
        let Self { target, exclude, no_deletes, only_expired } = self;
        Selection {
            target: target.clone(),
            exclude: exclude.clone(),
            no_deletes: *no_deletes,
            only_expired: *only_expired,
        }
    }

    fn to_words(&self) -> Vec<String> {
        let Self { target, exclude, no_deletes, only_expired } = self;
        let mut words = Vec::new();
        words.extend(target.iter().flat_map(|name| flag("--target", name.as_str())));
        words.extend(exclude.iter().flat_map(|name| flag("--exclude", name.as_str())));
        words.extend(no_deletes.then(|| "--no-deletes".to_owned()));
        words.extend(only_expired.then(|| "--only-expired".to_owned()));
        words
    }
}

impl AcknowledgeArgs {
    pub(super) fn to_acknowledged(&self) -> Acknowledged {
        let Self {
            allow_deletes,
            allow_primary_loss,
            allow_empty_account,
            allow_new_state,
            allow_protected,
            allow_unmanaged,
        } = self;
        Acknowledged {
            deletes: allow_deletes.unwrap_or_default(),
            primary_loss: *allow_primary_loss,
            empty_account: *allow_empty_account,
            new_state: *allow_new_state,
            protected: allow_protected.clone(),
            unmanaged: *allow_unmanaged,
        }
    }

    pub(super) fn to_words(&self) -> Vec<String> {
        let Self {
            allow_deletes,
            allow_primary_loss,
            allow_empty_account,
            allow_new_state,
            allow_protected,
            allow_unmanaged,
        } = self;
        let mut words = Vec::new();
        words.extend(allow_deletes.iter().flat_map(|deletes| ["--allow-deletes".to_owned(), deletes.to_string()]));
        words.extend(allow_primary_loss.then(|| "--allow-primary-loss".to_owned()));
        words.extend(allow_empty_account.then(|| "--allow-empty-account".to_owned()));
        words.extend(allow_new_state.then(|| "--allow-new-state".to_owned()));
        words.extend(allow_unmanaged.then(|| "--allow-unmanaged".to_owned()));
        words.extend(allow_protected.iter().flat_map(|name| flag("--allow-protected", name.as_str())));
        words
    }
}

impl DayArgs {
    /// Returns the given date, or today in UTC.
    pub(super) fn resolve(self) -> Date {
        self.today.unwrap_or_else(|| TimeZone::UTC.to_datetime(Timestamp::now()).date())
    }

    pub(super) fn to_words(self) -> Vec<String> {
        let Self { today } = self;
        today.iter().flat_map(|today| ["--today".to_owned(), today.to_string()]).collect()
    }
}

fn stack_name(text: &str) -> Result<StackName, NameError> {
    StackName::new(text)
}

pub(super) fn commit_id(text: &str) -> Result<CommitId, NameError> {
    CommitId::new(text)
}

fn date(text: &str) -> Result<Date, &'static str> {
    text.parse().map_err(|_| "must be a date such as 2027-06-30")
}
