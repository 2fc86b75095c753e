//! `keyform validate`

use clap::{Args, ValueEnum};

use crate::cli::args::{DayArgs, ManifestArgs, WorkspaceArgs};
use crate::cli::checkout::Checkout;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::manifest::{LoadedManifest, Severity};
use crate::report::words::counted;
use crate::report::{json, problems};
use crate::terminal::style::{BAD, GOOD, paint};
use crate::terminal::workflow::disarm;

#[derive(Debug, Args)]
pub(in crate::cli) struct ValidateArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
    #[command(flatten)]
    day: DayArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// Format of the problems in a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
    /// Annotations of a GitHub Actions workflow
    Github,
}

pub(in crate::cli) fn run(args: ValidateArgs, ui: Ui) -> Result<Exit, CliError> {
    let context = Context::new(WorkspaceArgs { manifest: args.manifest, ..WorkspaceArgs::default() }, ui);
    let LoadedManifest { desired, report } = context.validate(args.day.resolve())?;
    let is_refused = report.worst() == Some(Severity::Policy);
    let desired = desired.filter(|_| !is_refused);
    let text = || {
        let problems = problems::text(&report);
        let space = if problems.is_empty() { "" } else { "\n" };
        let summary = match &desired {
            Some(desired) => {
                let keys = counted(desired.keys.len(), "key");
                format!("{} {keys} in {}", paint(GOOD, "Valid:"), counted(desired.files.len(), "file"))
            }
            None => format!("{} {}", paint(BAD, "Invalid:"), report.summary()),
        };
        format!("{problems}{space}{summary}\n")
    };
    let printed = match args.format {
        ReportFormat::Text => ui.result(&text()),
        ReportFormat::Json => ui.result(&json::pretty(&problems::json(&report))),
        ReportFormat::Github => {
            let checkout = Checkout::current();
            let annotations = problems::github(&report, |file| checkout.path_of(file));
            // GitHub shows ten annotations of a step, and the log does not show their places.
            ui.commands(&format!("{annotations}{}", disarm(&text())))
        }
    };
    printed?;
    Ok(match desired {
        Some(_) => Exit::Done,
        None if is_refused => Exit::Refused,
        None => Exit::Failed,
    })
}
