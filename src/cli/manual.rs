//! The parts of long help and manual pages that clap does not have: examples, environment, files and exit codes.

use std::fmt::Write as _;

use anstyle::Style;

use super::variables;

/// What a command line is for, and the line.
pub(super) type Example = (&'static str, &'static str);

/// A name, such as that of a variable, and its meaning.
pub(super) type Definition = (&'static str, &'static str);

const HEADING: Style = Style::new().bold().underline();

/// Command lines and what they are for, by the words of their command.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("Try keyform with an emulated account", "keyform init --sandbox && keyform apply --sandbox"),
            ("Write a manifest of the keys on the account, and a pipeline", "keyform init"),
            ("Show what would change, then change it", "keyform plan && keyform apply"),
        ],
    ),
    (
        "init",
        &[
            ("Write a manifest and the pipeline of the forge", "keyform init"),
            ("Write a manifest only, without an account", "keyform init --offline --forge none"),
            ("Write the quickstart's manifest to try keyform", "keyform init --sandbox"),
        ],
    ),
    (
        "add",
        &[
            (
                "Add a key that expires in 90 days",
                "keyform add dana-laptop dana.pub --owner dana@example.com --expires 90d",
            ),
            ("Add all keys that a GitHub user publishes", "keyform add --from github:dana --all"),
            ("Replace the key of an entry", "keyform add dana-laptop new.pub --update"),
            ("Rename an entry", "keyform add dana-laptop --update --rename dana-desktop"),
        ],
    ),
    (
        "rm",
        &[
            ("Remove two keys", "keyform rm dana-laptop dana-yubikey"),
            ("Remove all keys of a person", "keyform rm --owner dana@example.com"),
            ("Show what would change", "keyform rm dana-laptop --diff"),
        ],
    ),
    (
        "revoke",
        &[
            ("Revoke a key of the manifest", "keyform revoke dana-laptop --reason stolen"),
            ("Revoke any key", "keyform revoke SHA256:rn76MKXliTNG48iKxc1zEsEX4Hs3a3Zy6tUYzxkDDms"),
        ],
    ),
    (
        "validate",
        &[
            ("Check keyform.yaml in the current folder", "keyform validate"),
            ("Check all manifests in a folder", "keyform validate --manifest keys/"),
            ("Annotate a pull request on GitHub", "keyform validate --format github"),
        ],
    ),
    (
        "plan",
        &[
            ("Show what would change", "keyform plan"),
            ("Exit with 2 if there are changes", "keyform plan --detailed-exitcode"),
            ("Write a comment for a pull request", "keyform plan --format markdown > comment.md"),
            ("Plan without a token or network", "keyform plan --offline"),
        ],
    ),
    (
        "apply",
        &[
            ("Plan, ask for approval and apply", "keyform apply"),
            ("Apply a saved plan", "keyform apply --auto-approve plan.json"),
            ("Allow a plan that deletes 20 keys", "keyform apply --allow-deletes 20"),
            ("Keep an audit log", "keyform apply --events events.jsonl"),
        ],
    ),
    (
        "show",
        &[
            ("Show a saved plan", "keyform show plan.json"),
            ("Write its comment for a pull request", "keyform show plan.json --format markdown > comment.md"),
            ("Show the plan of another machine", "ssh ci cat plan.json | keyform show -"),
        ],
    ),
    (
        "import",
        &[
            ("Write a manifest of all keys", "keyform import --out keyform.yaml"),
            ("Print the keys that no manifest lists", "keyform import --unmanaged"),
            ("Add these keys to the manifest", "keyform import --append keyform.yaml"),
        ],
    ),
    (
        "state",
        &[
            ("List the managed keys", "keyform state list"),
            ("Stop managing a key", "keyform state forget alice-laptop"),
            ("Repair a lost or broken state", "keyform state rebuild"),
            ("Write a state from a file, for example to move it", "keyform state push keyform.state.json"),
        ],
    ),
    (
        "state list",
        &[
            ("List the managed keys", "keyform state list"),
            ("Get the id of a key", "keyform state list --format json | jq -r '.\"alice-laptop\"'"),
        ],
    ),
    (
        "state show",
        &[
            ("Show a key", "keyform state show alice-laptop"),
            ("Show a key with its randomart", "keyform state show alice-laptop --randomart"),
        ],
    ),
    (
        "state forget",
        &[
            ("Stop managing a key", "keyform state forget alice-laptop"),
            ("Stop managing two keys", "keyform state forget alice-laptop bob-yubikey"),
        ],
    ),
    (
        "state rebuild",
        &[
            ("Rebuild a lost or broken state", "keyform state rebuild"),
            ("Replace a readable state in a script", "keyform state rebuild --auto-approve"),
        ],
    ),
    ("state pull", &[("Print the state", "keyform state pull"), ("Keep a copy", "keyform state pull > backup.json")]),
    (
        "state push",
        &[
            ("Restore a copy with a greater serial", "keyform state push backup.json"),
            ("Write a state from a file, for example to move it", "keyform state push keyform.state.json"),
        ],
    ),
    (
        "state unlock",
        &[
            ("Name the process that has the lock, and ask", "keyform state unlock"),
            ("Break the lock in a script", "keyform state unlock --auto-approve"),
        ],
    ),
    (
        "emulator",
        &[
            ("Serve an empty account on any free port", "keyform emulator"),
            ("Keep the keys in a file", "keyform emulator --port 8080 --keys account.jsonl"),
            ("Lose one response in ten", "keyform emulator --fault close-after=0.1 --seed 7"),
            ("Limit requests, and let listings lag", "keyform emulator --rate-limit 100 --lag 2"),
        ],
    ),
    (
        "schema",
        &[
            ("Print the schema of manifests", "keyform schema manifest > manifest.schema.json"),
            ("Write all schemas", "keyform schema --out-dir schema"),
        ],
    ),
    (
        "completions",
        &[
            ("Install in bash, or in zsh with .zshrc", "echo 'source <(keyform completions bash)' >> ~/.bashrc"),
            ("Install in fish", "echo 'keyform completions fish | source' > ~/.config/fish/completions/keyform.fish"),
            ("Install in PowerShell", "echo 'keyform completions powershell | Out-String | iex' >> $PROFILE"),
        ],
    ),
    (
        "man",
        &[
            ("Read the manual page", "keyform man | man -l -"),
            ("Install all pages", "keyform man --out-dir ~/.local/share/man/man1"),
        ],
    ),
    ("help", &[("List all commands", "keyform help"), ("Describe a command", "keyform help state rebuild")]),
];

/// Adds what [`examples`] and the other functions return to the help of a command and its subcommands.
pub(super) fn with_sections(command: clap::Command) -> clap::Command {
    with_sections_at(command, "")
}

fn with_sections_at(command: clap::Command, path: &str) -> clap::Command {
    let mut short = match path {
        "" | "help" => "Use `keyform help COMMAND` for more information.".to_owned(),
        _ if command.has_subcommands() => format!("Use `keyform help {path} COMMAND` for more information."),
        _ => format!("Use `keyform help {path}` for more information."),
    };
    if path.is_empty() {
        short.push_str("\nTry it without an account: `keyform apply --sandbox`.");
    }
    let mut long = heading("Examples");
    for (purpose, line) in examples(path) {
        let _ = write!(long, "\n  # {purpose}\n  {line}\n");
    }
    let exit_codes = exit_codes(path).into_iter().map(|(code, meaning)| (code.to_owned(), meaning)).collect();
    for (title, entries) in [("Environment", environment(&command)), ("Exit codes", exit_codes)] {
        let _ = write!(long, "\n{}", heading(title));
        let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, meaning) in entries {
            let _ = write!(long, "\n  {name:width$}  {meaning}");
        }
        long.push('\n');
    }
    let command = command.after_help(short).after_long_help(long.trim_end().to_owned());
    command.mut_subcommands(|below| {
        let path = path_below(path, &below);
        with_sections_at(below, &path)
    })
}

/// Returns the words of a subcommand, such as `state list`.
pub(super) fn path_below(path: &str, subcommand: &clap::Command) -> String {
    format!("{path} {}", subcommand.get_name()).trim_start().to_owned()
}

fn heading(title: &str) -> String {
    format!("{HEADING}{title}:{HEADING:#}")
}

/// Returns the examples of the command with the words `path`.
pub(super) fn examples(path: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(command, _)| *command == path).map_or(&[], |(_, examples)| examples)
}

/// Returns the variables that a command reads.
pub(super) fn environment(command: &clap::Command) -> Vec<(String, &'static str)> {
    variables::of_command(command.get_name(), uses(command, "token_file"), uses(command, "state"))
}

/// Returns the codes that the command with the words `path` exits with.
pub(super) fn exit_codes(path: &str) -> Vec<Definition> {
    let mut entries = vec![("0", "Done, or nothing to do"), ("1", "Error, invalid usage, or a failed action")];
    if ["", "plan"].contains(&path) {
        entries.push(("2", "The plan has changes (only with plan --detailed-exitcode)"));
    }
    match path {
        "" | "plan" | "apply" | "state rebuild" => entries.push(("3", "Refused by a guard or a policy")),
        "add" | "rm" | "revoke" => entries.push(("3", "Refused by the policy of the manifest")),
        "validate" => entries.push(("3", "The manifest violates its policy, and has no errors")),
        _ => {}
    }
    match path {
        "" | "apply" => entries.push(("130", "Interrupted; the results so far are saved")),
        // A signal is how it ends.
        "emulator" => {}
        _ => entries.push(("130", "Interrupted")),
    }
    entries
}

/// Returns the files that the command with the words `path` reads or writes.
pub(super) fn files(command: &clap::Command, path: &str) -> Vec<Definition> {
    let mut entries = Vec::new();
    if uses(command, "manifest") {
        entries.push(("keyform.yaml", "The default manifest"));
    }
    if uses(command, "state") {
        entries.extend([
            ("keyform.state.json", "The state, next to the manifest"),
            ("keyform.state.json.journal", "Results of a running or killed apply"),
            ("keyform.state.json.lock", "The lock of a running or killed command"),
        ]);
    }
    if uses(command, "sandbox") {
        entries.push((".keyform/", "Account and state of the sandbox, next to the manifest"));
    }
    if uses(command, "token_file") {
        let configuration = "~/.prime/config.json, ~/.prime/environments/";
        entries.push((configuration, "Configuration of the prime CLI, read only"));
    }
    entries.extend(match path {
        "emulator" => vec![("FILE, FILE.lock", "The keys of the emulated account, and their lock, with --keys FILE")],
        "show" => vec![("PLAN", "A plan that `keyform plan --out PLAN` has saved")],
        "schema" => {
            let schemas = "manifest.schema.json, plan.schema.json, state.schema.json";
            vec![(schemas, "The schemas, in the folder of --out-dir")]
        }
        "completions" => {
            vec![("~/.bashrc, ~/.zshrc, ~/.config/fish/completions/keyform.fish", "Where shells load completions")]
        }
        "man" | "help" => vec![("~/.local/share/man/man1/", "The manual pages of one user")],
        _ => Vec::new(),
    });
    entries
}

/// Whether a command has an argument that is not hidden.
fn uses(command: &clap::Command, id: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == id && !arg.is_hide_set())
}
