//! Every variable of the environment that keyform reads.

use std::ffi::OsString;

use crate::state::cloud::{AZURE_VARIABLES, GOOGLE_VARIABLES, S3_VARIABLES};
use crate::state::http::HTTP_VARIABLES;

/// A variable, or several that mean the same, the first with a value being used, or the settings of one thing.
#[derive(Debug)]
pub struct Variable {
    pub names: &'static [&'static str],
    pub meaning: &'static str,
    reader: Reader,
}

/// Which commands read a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// All commands.
    All,
    /// Those that contact the account.
    Account,
    /// Those that read or write a state.
    State,
    /// Those that connect to a server: the account, a state at a URL, or one with published keys.
    Network,
    /// One.
    Only(&'static str),
}

/// The variables besides those of flags, which [`of_flag`] names.
pub const VARIABLES: [Variable; 18] = [
    Variable { names: &["NO_COLOR"], meaning: "Do not use color", reader: Reader::All },
    Variable { names: &["PRIME_API_KEY"], meaning: "API token", reader: Reader::Account },
    Variable {
        names: &["PRIME_API_BASE_URL", "PRIME_BASE_URL"],
        meaning: "Base URL of the API",
        reader: Reader::Account,
    },
    Variable { names: &["PRIME_CONTEXT"], meaning: "Context of the prime CLI", reader: Reader::Account },
    Variable { names: &["HOME"], meaning: "Folder that contains .prime/", reader: Reader::Account },
    Variable {
        names: &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        meaning: "Proxy for connections to the API and to a state",
        reader: Reader::Network,
    },
    Variable {
        names: &["HTTP_PROXY", "http_proxy"],
        meaning: "Not used: plain HTTP never leaves this machine",
        reader: Reader::Network,
    },
    Variable { names: &["NO_PROXY", "no_proxy"], meaning: "Hosts to connect to directly", reader: Reader::Network },
    Variable { names: &["SSL_CERT_FILE"], meaning: "File with the certificates to trust", reader: Reader::Network },
    Variable { names: &["SSL_CERT_DIR"], meaning: "Folders with the certificates to trust", reader: Reader::Network },
    Variable {
        names: &["CI_PROJECT_DIR"],
        meaning: "Checkout of a GitLab job, next to its variables of type File",
        reader: Reader::Account,
    },
    Variable { names: &S3_VARIABLES, meaning: "Credentials and server of a state at s3://", reader: Reader::State },
    Variable { names: &GOOGLE_VARIABLES, meaning: "Credentials and server of a state at gs://", reader: Reader::State },
    Variable {
        names: &HTTP_VARIABLES,
        meaning: "Credentials and requests of a state at https://",
        reader: Reader::State,
    },
    Variable {
        names: &["XDG_STATE_HOME"],
        meaning: "Folder of the journal of a state at https:// [default: ~/.local/state]",
        reader: Reader::State,
    },
    Variable { names: &AZURE_VARIABLES, meaning: "Credentials and server of a state at az://", reader: Reader::State },
    Variable {
        names: &["GITHUB_WORKSPACE"],
        meaning: "Root of paths in annotations, outside of a repository",
        reader: Reader::Only("validate"),
    },
    Variable {
        names: &[COMPLETE],
        meaning: "Shell that asks for completions, set by its script",
        reader: Reader::Only("completions"),
    },
];

pub(super) const COMPLETE: &str = "KEYFORM_COMPLETE";

/// Flags that approve, acknowledge or limit one run, and those that name its output. They have no variable: one that is
/// left over would act on runs that it was not meant for.
const WITHOUT_VARIABLE: [&str; 11] = [
    "append",
    "auto-approve",
    "destroy",
    "exclude",
    "no-deletes",
    "offline",
    "only-expired",
    "out",
    "out-dir",
    "plan-digest",
    "target",
];

/// Flags of one edit of the manifest, without variables for the same reason.
const EDITS: [&str; 12] = [
    "account-name",
    "all",
    "diff",
    "expires",
    "from",
    "owner",
    "primary",
    "protect",
    "reason",
    "rename",
    "to",
    "update",
];

/// Returns the variable of a flag, if it has one.
pub(super) fn of_flag(command: &str, long: &str) -> Option<String> {
    if WITHOUT_VARIABLE.contains(&long) || EDITS.contains(&long) || long.starts_with("allow-") {
        return None;
    }
    // Not to be mistaken for settings of the account. Kubernetes sets KEYFORM_PORT where a service is named keyform.
    let prefix = if command == "emulator" { "KEYFORM_EMULATOR" } else { "KEYFORM" };
    Some(format!("{prefix}_{}", long.to_uppercase().replace('-', "_")))
}

/// Returns the variables that a command reads. `uses_account` says whether it contacts the account, `uses_state` whether
/// it works with a state.
pub(super) fn of_command(command: &str, uses_account: bool, uses_state: bool) -> Vec<(String, &'static str)> {
    let own = if command == "emulator" {
        ("KEYFORM_EMULATOR_*", "Set a flag, such as KEYFORM_EMULATOR_PORT=8080")
    } else {
        ("KEYFORM_*", "Set a flag, such as KEYFORM_LOG_FORMAT=json")
    };
    let read = VARIABLES.iter().filter(|variable| match variable.reader {
        Reader::All => true,
        Reader::Account => uses_account,
        Reader::State => uses_state,
        Reader::Network => uses_account || uses_state || command == "add",
        Reader::Only(reader) => reader == command,
    });
    [own].into_iter().map(|(name, meaning)| (name.to_owned(), meaning)).chain(read.map(Variable::definition)).collect()
}

impl Variable {
    /// Returns the names and the meaning for a list. Names in lower case have the same meaning and are left out.
    pub fn definition(&self) -> (String, &'static str) {
        let shown = self.names.iter().filter(|name| !name.starts_with(|first: char| first.is_lowercase()));
        (shown.copied().collect::<Vec<_>>().join(", "), self.meaning)
    }
}

/// Reads a variable. An empty one is unset.
#[expect(clippy::disallowed_methods, reason = "this is where the environment is passed in")]
pub(super) fn environment(name: &str) -> Option<OsString> {
    debug_assert!(
        name.starts_with("KEYFORM_") || VARIABLES.iter().any(|variable| variable.names.contains(&name)),
        "{name} is missing in the table"
    );
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Reads the value of a flag that is on or off.
pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true, false, 1, 0, yes, no, on or off"),
    }
}
