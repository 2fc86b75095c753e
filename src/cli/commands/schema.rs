//! `keyform schema`

use std::fs;

use serde_json::Value;

use crate::cli::args::{Schema, SchemaOf};
use crate::cli::error::{CliError, Exit};
use crate::cli::ui::Ui;
use crate::{manifest, plan, state};

use super::cannot_print;

/// The file of each schema, in the folder `schema` of a repository.
const FILES: [(SchemaOf, &str); 3] = [
    (SchemaOf::Manifest, "manifest.schema.json"),
    (SchemaOf::Plan, "plan.schema.json"),
    (SchemaOf::State, "state.schema.json"),
];

pub(in crate::cli) fn run(args: &Schema, ui: Ui) -> Result<Exit, CliError> {
    if let Some(which) = args.which {
        ui.result(&text(which)).map_err(cannot_print)?;
    }
    if let Some(folder) = &args.out_dir {
        let failed = |error| CliError::new(format!("cannot write to {}: {error}", folder.display()));
        fs::create_dir_all(folder).map_err(failed)?;
        for (which, name) in FILES {
            fs::write(folder.join(name), text(which)).map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}

fn text(which: SchemaOf) -> String {
    let schema: Value = match which {
        SchemaOf::Manifest => manifest::schema(),
        SchemaOf::Plan => plan::file::schema(),
        SchemaOf::State => state::file::schema(),
    };
    // Writing a value into memory has no way to fail.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
