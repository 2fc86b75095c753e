//! `keyform validate`

use crate::cli::args::{ReportFormat, Validate};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::manifest::{self, Severity};
use crate::report::json;
use crate::report::words::counted;
use crate::terminal::style::{BAD, GOOD, paint};

use super::cannot_print;

pub(in crate::cli) fn run(args: &Validate, context: &Context) -> Result<Exit, CliError> {
    context.require_manifest()?;
    let manifest::Loaded { desired, report } = manifest::load(context.manifests(), Context::today(args.day));
    let text = match args.format {
        ReportFormat::Text => {
            let problems = report.to_text(true);
            let space = if problems.is_empty() { "" } else { "\n" };
            let summary = match &desired {
                Some(desired) => {
                    let keys = counted(desired.keys.len(), "key");
                    format!("{} {keys} in {}", paint(GOOD, "Valid:"), counted(desired.files.len(), "file"))
                }
                None => format!("{} {}", paint(BAD, "Invalid:"), report.summary()),
            };
            format!("{problems}{space}{summary}\n")
        }
        ReportFormat::Json => json::pretty(&report.to_json()),
        ReportFormat::Github => report.to_github(),
    };
    let printed = match args.format {
        ReportFormat::Github => context.ui.commands(&text),
        ReportFormat::Text | ReportFormat::Json => context.ui.result(&text),
    };
    printed.map_err(cannot_print)?;
    Ok(match desired {
        Some(_) => Exit::Done,
        None if report.worst() == Some(Severity::Policy) => Exit::Refused,
        None => Exit::Failed,
    })
}
