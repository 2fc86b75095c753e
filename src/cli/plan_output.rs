//! How `plan` and `show` print a plan: both print the same bytes.

use clap::{Args, ValueEnum};

use super::args::commit_id;
use super::error::CliError;
use super::ui::Ui;
use crate::names::{CommitId, StackName};
use crate::plan::{Plan, file};
use crate::report::markdown::{self, Comment};
use crate::report::{View, diff, text};

#[derive(Debug, Clone, Args)]
pub(super) struct OutputPlanArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Maximum characters of a comment (--format markdown)
    #[arg(long, value_name = "N", default_value_t = markdown::MAX_CHARS, value_parser = max_chars)]
    max_chars: usize,
    /// Show all actions, and everything known of each
    #[arg(long)]
    full: bool,
    /// Show the randomart of each key, as ssh-keygen -lv does
    #[arg(long)]
    randomart: bool,
    /// Commit with the manifest, to be named in the plan
    #[arg(long, value_name = "SHA", value_parser = commit_id)]
    commit: Option<CommitId>,
}

/// Format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// Text for people
    Text,
    /// JSON for programs and policies
    Json,
    /// Comment on a pull request
    Markdown,
    /// Unified diff from the recorded to the desired keys
    Diff,
}

impl OutputPlanArgs {
    /// Names the stack and the commit in a plan, if they are given.
    pub(super) fn label(&self, plan: &mut Plan, stack: Option<&StackName>) {
        if let Some(stack) = stack {
            plan.stack = Some(stack.clone());
        }
        if let Some(commit) = &self.commit {
            plan.commit = Some(commit.clone());
        }
    }

    /// Prints a plan to stdout, and why it is refused to stderr.
    pub(super) fn print(&self, plan: &Plan, ui: Ui) -> Result<(), CliError> {
        let view = View { full: self.full, randomart: self.randomart, columns: Ui::columns() };
        let text = match self.format {
            PlanFormat::Text => text::plan(plan, view),
            PlanFormat::Json => file::to_text(plan),
            PlanFormat::Diff => diff::plan(plan),
            PlanFormat::Markdown => markdown::plan(plan, Comment { max_chars: self.max_chars, view }),
        };
        ui.result(&text)?;
        ui.tell(&text::refusals(&plan.refusals));
        Ok(())
    }

    /// Returns the id of a flag that is set but has no effect with the chosen format.
    pub(super) fn without_effect(&self) -> Option<&'static str> {
        Some(match self.format {
            PlanFormat::Json | PlanFormat::Diff if self.randomart => "randomart",
            PlanFormat::Json | PlanFormat::Diff | PlanFormat::Markdown if self.full => "full",
            PlanFormat::Text | PlanFormat::Json | PlanFormat::Diff if self.max_chars != markdown::MAX_CHARS => {
                "max_chars"
            }
            _ => return None,
        })
    }
}

fn max_chars(text: &str) -> Result<usize, String> {
    let least = markdown::MIN_CHARS;
    text.parse().ok().filter(|&max| max >= least).ok_or_else(|| format!("must be a whole number, at least {least}"))
}
