//! What people type: flags, their environment variables, their help.

mod emulator;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use jiff::civil::Date;

pub use emulator::Emulator;

use crate::apply::DEFAULT_CONCURRENCY;
use crate::names::KeyName;
use crate::plan::Digest;
use crate::plan::guard::Acknowledged;
use crate::report::markdown;

/// Keeps the SSH keys of a Prime Intellect account as a Git repository says they should be.
#[derive(Debug, Parser)]
#[command(
    name = "keyform",
    version,
    about = "Keeps the SSH keys of a Prime Intellect account as a Git repository says they should be.",
    long_about = "Keeps the SSH keys of a Prime Intellect account as a Git repository says they should be.\n\n\
        A YAML manifest lists the keys. `plan` shows what would change, `apply` changes it and records the ids.",
    after_help = "Try it without an account: keyform apply --sandbox\n\nEnvironment: each flag can be set as KEYFORM_ and its name. The token is read from PRIME_API_KEY or \
        the vendor's own configuration, the endpoint from PRIME_API_BASE_URL. NO_COLOR, HTTPS_PROXY and \
        SSL_CERT_FILE work as they do elsewhere.\n\n\
        Exit codes: 0 done or nothing to do; 1 error; 2 changes pending, with plan --detailed-exitcode; 3 refused by a \
        guard or a policy; 130 interrupted.",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What concerns every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What concerns every command, or most.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Manifest file, or folder of them; may repeat [default: keyform.yaml]
    #[arg(short = 'f', long, global = true, value_name = "PATH", env = "KEYFORM_MANIFEST", value_hint = ValueHint::AnyPath)]
    pub manifest: Vec<PathBuf>,
    /// State file [default: keyform.state.json beside the manifest]
    #[arg(long, global = true, value_name = "PATH", env = "KEYFORM_STATE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,
    /// Base URL of the API [default: the vendor's]
    #[arg(long, global = true, value_name = "URL", env = "KEYFORM_ENDPOINT", value_hint = ValueHint::Url)]
    pub endpoint: Option<String>,
    /// File that holds the API token; - is stdin
    #[arg(long, global = true, value_name = "FILE", env = "KEYFORM_TOKEN_FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// Context of the vendor's command line to take token and endpoint from
    #[arg(long, global = true, value_name = "NAME", env = "KEYFORM_CONTEXT")]
    pub context: Option<String>,
    /// Try it out: an emulated account, kept in .keyform beside the manifest
    #[arg(long, global = true, env = "KEYFORM_SANDBOX", value_parser = clap::builder::FalseyValueParser::new())]
    pub sandbox: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", env = "KEYFORM_COLOR", value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// Print results and errors only
    #[arg(short, long, global = true, env = "KEYFORM_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub quiet: bool,
    /// Log requests to stderr; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count, env = "KEYFORM_VERBOSE")]
    pub verbose: u8,
    /// How to write the log
    #[arg(long, global = true, value_name = "FORMAT", env = "KEYFORM_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check manifests, and report every problem in them
    Validate(Validate),
    /// Show what apply would change
    Plan(Plan),
    /// Change the account so that it is as the manifest says, and record the ids
    Apply(Apply),
    /// Print a manifest of the keys that are on the account
    Import(Import),
    /// Look at what is recorded, or give up managing a key
    #[command(subcommand)]
    State(State),
    /// Serve an emulated account on loopback
    Emulator(Emulator),
    /// Print the JSON Schema of a format, or write all of them
    Schema(Schema),
    /// Print the completion script of a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Man),
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// How to print what is found
    #[arg(long, value_enum, env = "KEYFORM_FORMAT", default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Which day it is.
    #[command(flatten)]
    pub day: Day,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0, or 2 with --detailed-exitcode if there are changes; 1 error; 3 refused.")]
pub struct Plan {
    /// How to print the plan
    #[arg(long, value_enum, env = "KEYFORM_FORMAT", default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
    /// Exit with 2 if there are changes
    #[arg(long, env = "KEYFORM_DETAILED_EXITCODE", value_parser = clap::builder::FalseyValueParser::new())]
    pub detailed_exitcode: bool,
    /// The most characters of a comment, with --format markdown
    #[arg(long, value_name = "N", env = "KEYFORM_MAX_CHARS", default_value_t = markdown::MAX_CHARS, value_parser = max_chars)]
    pub max_chars: usize,
    /// Show every action, however many
    #[arg(long, env = "KEYFORM_FULL", value_parser = clap::builder::FalseyValueParser::new())]
    pub full: bool,
    /// Show the picture of each key, as ssh-keygen -lv draws it
    #[arg(long, env = "KEYFORM_RANDOMART", value_parser = clap::builder::FalseyValueParser::new())]
    pub randomart: bool,
    /// Save the plan, for apply to carry out as it is
    #[arg(long, value_name = "FILE", env = "KEYFORM_OUT", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// What the plan covers.
    #[command(flatten)]
    pub scope: Scope,
    /// What an earlier run could not save.
    #[command(flatten)]
    pub recovery: Recovery,
    /// How requests are made.
    #[command(flatten)]
    pub requests: Requests,
    /// What a person acknowledges.
    #[command(flatten)]
    pub acknowledge: Acknowledge,
    /// Which day it is.
    #[command(flatten)]
    pub day: Day,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 all done; 1 something failed; 3 refused; 130 interrupted.")]
pub struct Apply {
    /// Saved plan to carry out [default: plan anew from the manifest]
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// Do not ask; required where there is no terminal
    #[arg(short = 'y', long, env = "KEYFORM_AUTO_APPROVE", value_parser = clap::builder::FalseyValueParser::new())]
    pub auto_approve: bool,
    /// How to print what was done
    #[arg(long, value_enum, env = "KEYFORM_FORMAT", default_value_t = Format::Text)]
    pub format: Format,
    /// Show every action, however many
    #[arg(long, env = "KEYFORM_FULL", value_parser = clap::builder::FalseyValueParser::new())]
    pub full: bool,
    /// Add what happens to this file, a JSON object a line
    #[arg(long, value_name = "FILE", env = "KEYFORM_EVENTS", value_hint = ValueHint::FilePath)]
    pub events: Option<PathBuf>,
    /// Uploads and deletions under way at a time
    #[arg(long, value_name = "N", env = "KEYFORM_CONCURRENCY", default_value_t = NonZeroUsize::new(DEFAULT_CONCURRENCY).unwrap_or(NonZeroUsize::MIN), value_parser = at_least_one)]
    pub concurrency: NonZeroUsize,
    /// Start nothing more after the first failure
    #[arg(long, env = "KEYFORM_FAIL_FAST", value_parser = clap::builder::FalseyValueParser::new())]
    pub fail_fast: bool,
    /// Go on only if the plan has this digest: the one that was approved
    #[arg(long, value_name = "DIGEST", env = "KEYFORM_PLAN_DIGEST")]
    pub plan_digest: Option<Digest>,
    /// What the plan covers.
    #[command(flatten)]
    pub scope: Scope,
    /// What an earlier run could not save.
    #[command(flatten)]
    pub recovery: Recovery,
    /// Wait so long for another run to end
    #[arg(long, value_name = "SECONDS", env = "KEYFORM_LOCK_TIMEOUT", default_value_t = 0)]
    pub lock_timeout: u64,
    /// How requests are made.
    #[command(flatten)]
    pub requests: Requests,
    /// What a person acknowledges.
    #[command(flatten)]
    pub acknowledge: Acknowledge,
    /// Which day it is.
    #[command(flatten)]
    pub day: Day,
}

/// What a plan covers.
#[derive(Debug, Clone, Args)]
pub struct Scope {
    /// Do without listing the account: plan needs no token then, apply only one that may upload
    #[arg(long, env = "KEYFORM_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    pub offline: bool,
    /// Only this key, a partial plan; may repeat
    #[arg(long, value_name = "NAME", env = "KEYFORM_TARGET", value_delimiter = ',', value_parser = key_name)]
    pub target: Vec<KeyName>,
    /// Delete every managed key
    #[arg(long, env = "KEYFORM_DESTROY", value_parser = clap::builder::FalseyValueParser::new())]
    pub destroy: bool,
}

/// What an earlier run could not save.
#[derive(Debug, Clone, Args)]
pub struct Recovery {
    /// Take in what a run learned that could not write the state; its error names the file
    #[arg(long, value_name = "FILE", env = "KEYFORM_RECOVER", value_hint = ValueHint::FilePath)]
    pub recover: Option<PathBuf>,
}

/// How requests are made.
#[derive(Debug, Clone, Copy, Args)]
pub struct Requests {
    /// How often a request is tried again
    #[arg(long, value_name = "N", env = "KEYFORM_RETRIES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// How long an answer may take
    #[arg(long, value_name = "SECONDS", env = "KEYFORM_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// What a person acknowledges.
#[derive(Debug, Clone, Args)]
pub struct Acknowledge {
    /// Acknowledge so many deletions
    #[arg(long, value_name = "N", env = "KEYFORM_ALLOW_DELETES", default_value_t = 0)]
    pub allow_deletes: usize,
    /// Acknowledge that the primary key goes
    #[arg(long, env = "KEYFORM_ALLOW_PRIMARY_LOSS", value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_primary_loss: bool,
    /// Acknowledge that the account has lost all its keys
    #[arg(long, env = "KEYFORM_ALLOW_EMPTY_ACCOUNT", value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_empty_account: bool,
    /// Acknowledge that a protected key goes; may repeat
    #[arg(long, value_name = "NAME", env = "KEYFORM_ALLOW_PROTECTED", value_delimiter = ',', value_parser = key_name)]
    pub allow_protected: Vec<KeyName>,
}

/// Which day it is.
#[derive(Debug, Clone, Copy, Args)]
pub struct Day {
    /// Day that decides what has expired [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD", env = "KEYFORM_TODAY", value_parser = day)]
    pub today: Option<Date>,
}

/// Commands about the state.
#[derive(Debug, Subcommand)]
pub enum State {
    /// List the recorded keys
    List(StateList),
    /// Show a recorded key with all that is known of it
    Show(StateShow),
    /// Stop managing keys; they stay on the account
    Forget(StateForget),
    /// Make the state anew from manifest and account; the old one is kept aside
    Rebuild(StateRebuild),
}

/// Arguments of `state list`.
#[derive(Debug, Args)]
pub struct StateList {
    /// How to print the list; json maps names to ids
    #[arg(long, value_enum, env = "KEYFORM_FORMAT", default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `state show`.
#[derive(Debug, Args)]
pub struct StateShow {
    /// Name of the key
    #[arg(value_parser = key_name)]
    pub name: KeyName,
    /// How to print it
    #[arg(long, value_enum, env = "KEYFORM_FORMAT", default_value_t = Format::Text)]
    pub format: Format,
    /// Show its picture, as ssh-keygen -lv draws it
    #[arg(long, env = "KEYFORM_RANDOMART", value_parser = clap::builder::FalseyValueParser::new())]
    pub randomart: bool,
}

/// Arguments of `state forget`.
#[derive(Debug, Args)]
pub struct StateForget {
    /// Names of the keys
    #[arg(required = true, value_parser = key_name)]
    pub names: Vec<KeyName>,
    /// Wait so long for another run to end
    #[arg(long, value_name = "SECONDS", env = "KEYFORM_LOCK_TIMEOUT", default_value_t = 0)]
    pub lock_timeout: u64,
}

/// Arguments of `state rebuild`.
#[derive(Debug, Args)]
pub struct StateRebuild {
    /// Do not ask before a state is replaced that can be read
    #[arg(short = 'y', long, env = "KEYFORM_AUTO_APPROVE", value_parser = clap::builder::FalseyValueParser::new())]
    pub auto_approve: bool,
    /// Wait so long for another run to end
    #[arg(long, value_name = "SECONDS", env = "KEYFORM_LOCK_TIMEOUT", default_value_t = 0)]
    pub lock_timeout: u64,
    /// How requests are made.
    #[command(flatten)]
    pub requests: Requests,
    /// Which day it is.
    #[command(flatten)]
    pub day: Day,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Only the keys that the manifest does not list
    #[arg(long, env = "KEYFORM_UNMANAGED", value_parser = clap::builder::FalseyValueParser::new())]
    pub unmanaged: bool,
    /// Write the manifest to this new file [default: stdout]
    #[arg(long, value_name = "FILE", env = "KEYFORM_OUT", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// How requests are made.
    #[command(flatten)]
    pub requests: Requests,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Which format
    #[arg(value_enum, required_unless_present = "out_dir")]
    pub which: Option<SchemaOf>,
    /// Write all of them into this folder
    #[arg(long, value_name = "DIR", env = "KEYFORM_OUT_DIR", conflicts_with = "which", value_hint = ValueHint::DirPath)]
    pub out_dir: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR", env = "KEYFORM_OUT_DIR", value_hint = ValueHint::DirPath)]
    pub out_dir: Option<PathBuf>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How to write the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

/// How to print an outcome or a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Text,
    /// For programs
    Json,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For a terminal
    Text,
    /// For programs and policies
    Json,
    /// For a comment on a pull request
    Markdown,
    /// A unified diff from what is recorded to what is desired
    Diff,
}

/// How to print what is wrong with a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a terminal
    Text,
    /// For programs
    Json,
    /// Annotations of a GitHub workflow
    Github,
}

/// A format that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What people write
    Manifest,
    /// What plan prints as JSON
    Plan,
    /// What is recorded
    State,
}

impl Acknowledge {
    /// The same for the guards.
    pub fn to_acknowledged(&self) -> Acknowledged {
        let Self { allow_deletes, allow_primary_loss, allow_empty_account, allow_protected } = self;
        Acknowledged {
            deletes: *allow_deletes,
            primary_loss: *allow_primary_loss,
            empty_account: *allow_empty_account,
            protected: allow_protected.clone(),
        }
    }
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "it is no number from 1 on")
}

fn max_chars(text: &str) -> Result<usize, String> {
    let least = markdown::MIN_CHARS;
    text.parse().ok().filter(|&max| max >= least).ok_or_else(|| format!("it is no number from {least} on"))
}

fn day(text: &str) -> Result<Date, &'static str> {
    text.parse().map_err(|_| "it is no day, such as 2027-06-30")
}

fn key_name(text: &str) -> Result<KeyName, String> {
    KeyName::new(text).map_err(|error| error.to_string())
}
