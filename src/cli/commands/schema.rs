//! `keyform schema`

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::Value;

use crate::cli::error::{CliError, Exit};
use crate::cli::out_folder::OutFolder;
use crate::cli::ui::Ui;
use crate::{manifest, plan, state};

#[derive(Debug, Args)]
pub(in crate::cli) struct SchemaArgs {
    /// File format to describe
    #[arg(value_name = "FORMAT", value_enum, required_unless_present = "out_dir")]
    which: Option<SchemaOf>,
    /// Write all schemas to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "which", value_hint = ValueHint::DirPath)]
    out_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaOf {
    /// The manifest, keyform.yaml
    Manifest,
    /// The plan of `plan --format json` and `plan --out`
    Plan,
    /// The state, keyform.state.json
    State,
}

/// The file of each schema, in the folder `schema` of a repository.
const FILES: [(SchemaOf, &str); 3] = [
    (SchemaOf::Manifest, "manifest.schema.json"),
    (SchemaOf::Plan, "plan.schema.json"),
    (SchemaOf::State, "state.schema.json"),
];

pub(in crate::cli) fn run(args: &SchemaArgs, ui: Ui) -> Result<Exit, CliError> {
    if let Some(which) = args.which {
        ui.result(&text(which))?;
    }
    if let Some(folder) = &args.out_dir {
        let folder = OutFolder::create(folder)?;
        for (which, name) in FILES {
            folder.write(name, text(which).as_bytes())?;
        }
    }
    Ok(Exit::Done)
}

/// The schema of the manifest, as text.
pub(super) fn of_manifest() -> String {
    text(SchemaOf::Manifest)
}

fn text(which: SchemaOf) -> String {
    let schema: Value = match which {
        SchemaOf::Manifest => manifest::schema(),
        SchemaOf::Plan => plan::file::schema(),
        SchemaOf::State => state::file::schema(),
    };
    // Cannot fail: a JSON value is written to memory.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
