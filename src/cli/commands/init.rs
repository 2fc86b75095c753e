//! `keyform init`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::args::{AccountArgs, RequestArgs, SandboxArgs, WorkspaceArgs};
use crate::cli::context::{Context, DEFAULT_MANIFESTS};
use crate::cli::error::{CliError, Exit};
use crate::cli::starter::{self, PipelineKind};
use crate::cli::ui::Ui;
use crate::manifest::SCHEMA_FILE;
use crate::report::import::Import;
use crate::report::starter::{FileOutcome, StarterReport, text};
use crate::report::words::counted;

use super::{runtime, schema};

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// Pipeline to write [default: that of the remote]
    #[arg(long, value_name = "FORGE", value_enum)]
    forge: Option<PipelineKind>,
    /// Do not list the account
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

const GITHUB_TASKS: [&str; 7] = [
    "Replace the teams in CODEOWNERS, and the words in capitals in .github/workflows/keyform.yml:\nthe owner of keyform's repository, and where the state is.",
    "Create the bucket, and two roles for the jobs on GitHub: keyform-plan lists and reads objects,\nkeyform-apply creates them too.",
    "Create two API tokens, limited to ssh_keys: one to read, one to read and write.",
    "Add the first as the secret PRIME_API_KEY of the repository.",
    "Create the environment keyform, for main only, with the second as its secret PRIME_API_KEY.",
    "Protect main: approvals by code owners, dismissed by new commits, and the check\n`keyform / check`.",
    "Open a pull request with these files. Its plan shows what the merge will change.",
];

const GITLAB_TASKS: [&str; 6] = [
    "Replace the groups in CODEOWNERS, and GROUP in .gitlab-ci.yml: the group with a copy of\nkeyform's repository on this GitLab.",
    "Create two API tokens, limited to ssh_keys: one to read, one to read and write. And a\nproject access token: role Reporter, scope api.",
    "Add masked variables: PRIME_API_KEY for the environment keyform-plan, and, protected, for\nkeyform-apply; KEYFORM_GITLAB_TOKEN for keyform-*. Let no one use pipeline variables.",
    "Protect the default branch: maintainers merge, pipelines must succeed.",
    "Add a nightly pipeline schedule.",
    "Open a merge request with these files. Its plan shows what the merge will change.",
];

const LOCAL_TASKS: [&str; 2] = [
    "Run `keyform plan` and `keyform apply` after each change, with an API token for ssh_keys.",
    "Commit these files, and keyform.state.json after each apply. It contains no secret.",
];

/// Where the keys of the new manifest come from.
enum StartingKeys {
    /// The account, with this number of keys.
    Account(usize),
    Quickstart,
    /// There was no token, or no wish to use one.
    Nowhere,
    /// There is a manifest.
    Existing,
}

pub(in crate::cli) fn run(args: InitArgs, ui: Ui) -> Result<Exit, CliError> {
    let InitArgs { forge, offline, requests, account, sandbox } = args;
    let root = Path::new("");
    let is_sandbox = sandbox.sandbox;
    let forge = match forge {
        Some(forge) => forge,
        None if is_sandbox => PipelineKind::None,
        None => PipelineKind::find(root),
    };
    if forge != PipelineKind::None {
        refuse_subfolder()?;
    }
    let mut report = StarterReport::default();
    let source = if let Some(path) = DEFAULT_MANIFESTS.into_iter().find(|path| Path::new(path).exists()) {
        report.files.push((path, FileOutcome::Kept));
        StartingKeys::Existing
    } else {
        let workspace = WorkspaceArgs { account, sandbox, ..WorkspaceArgs::default() };
        let (manifest, source) = manifest(&Context::new(workspace, ui), offline, requests)?;
        starter::write_new(root, (DEFAULT_MANIFESTS[0], &manifest), &mut report)?;
        source
    };
    if matches!(source, StartingKeys::Quickstart) {
        for file in starter::QUICKSTART_KEYS {
            starter::write_new(root, file, &mut report)?;
        }
    }
    starter::write_new(root, (SCHEMA_FILE, &schema::of_manifest()), &mut report)?;
    if !is_sandbox {
        starter::extend_gitignore(root, &mut report)?;
    }
    let is_to_fill_in = forge.write_into(root, &mut report)?;
    report.tasks = tasks(&source, forge, is_sandbox, is_to_fill_in, &report.files);
    ui.result(&text(&report))?;
    Ok(Exit::Done)
}

/// The pipelines work at the root of a repository only.
fn refuse_subfolder() -> Result<(), CliError> {
    let here = PathBuf::from(".").canonicalize()?;
    let root = here.ancestors().find(|folder| folder.join(".git").exists());
    match root {
        Some(root) if root != here => {
            Err(CliError::new(format!("this folder is not the root of its repository, {}", root.display()))
                .hint("run `keyform init` there, or write no pipeline: `--forge none`"))
        }
        _ => Ok(()),
    }
}

fn manifest(context: &Context, offline: bool, requests: RequestArgs) -> Result<(String, StartingKeys), CliError> {
    if context.is_sandbox() {
        return Ok((starter::quickstart(), StartingKeys::Quickstart));
    }
    let account = if offline { None } else { context.account_with_token(requests)? };
    let Some(account) = account else {
        return Ok((starter::manifest(None), StartingKeys::Nowhere));
    };
    let listing = runtime()?.block_on(account.list(context.ui))?;
    let keys = Import::of(&listing, None).manifest();
    Ok((starter::manifest(Some(&keys)), StartingKeys::Account(listing.rows().len())))
}

fn tasks(
    source: &StartingKeys,
    forge: PipelineKind,
    is_sandbox: bool,
    is_to_fill_in: bool,
    files: &[(&str, FileOutcome)],
) -> Vec<String> {
    let manifest = DEFAULT_MANIFESTS[0];
    let mut tasks = Vec::new();
    match source {
        StartingKeys::Account(rows) => {
            tasks.push(format!("Review {manifest}: the account has {}.", counted(*rows, "key")));
            if forge == PipelineKind::None {
                tasks.push("Run `keyform apply --allow-new-state`, which records the ids of these keys.".to_owned());
            }
        }
        StartingKeys::Nowhere => {
            tasks.push(format!("Add keys to {manifest}. `keyform import` prints those of an account."));
        }
        StartingKeys::Quickstart | StartingKeys::Existing => {}
    }
    if is_sandbox {
        tasks.push("Run `keyform apply --sandbox`.".to_owned());
        return tasks;
    }
    let (of_forge, name) = match forge {
        PipelineKind::Github => (&GITHUB_TASKS[..], "github"),
        PipelineKind::Gitlab => (&GITLAB_TASKS[..], "gitlab"),
        PipelineKind::None => (&LOCAL_TASKS[..], "none"),
    };
    let ours = [DEFAULT_MANIFESTS.as_slice(), &[SCHEMA_FILE]].concat();
    for (path, _) in files.iter().filter(|(path, outcome)| *outcome == FileOutcome::Kept && !ours.contains(path)) {
        tasks.push(format!(
            "Compare {path} with keyform's version:\n`keyform init --offline --forge {name}` in an empty folder writes it."
        ));
    }
    // The first task of a forge is to fill in the files.
    let is_filled_in = forge != PipelineKind::None && !is_to_fill_in;
    tasks.extend(of_forge.iter().skip(usize::from(is_filled_in)).map(|&task| task.to_owned()));
    if forge != PipelineKind::None && matches!(source, StartingKeys::Account(1..)) {
        tasks.push(
            "The first plan is refused, because there is no state. Merge, and apply it by hand with\n\
             --allow-new-state, which records the ids of these keys."
                .to_owned(),
        );
    }
    tasks
}
