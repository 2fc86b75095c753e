//! A machine that runs one job, with its own folder and environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyform::emulator::{Behaviour, DuplicateName, Emulator, EmulatorConfig, NewRow, StoredRow};
use regex::Regex;
use tempfile::TempDir;

use crate::support::files::files_below;
use crate::support::keys;
use crate::support::program::{TOKEN, account_with};
use crate::support::tools;

/// The programs that the scripts of the pipelines use, as every runner has them.
pub const TOOLS: [&str; 4] = ["bash", "git", "jq", "curl"];

pub struct Machine {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    log: String,
}

#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    /// The output of its commands.
    pub log: String,
    /// The summary on the page of the run.
    pub summary: String,
}

/// An account that refuses duplicate names, and on which another key is named `carol`.
pub fn account_with_another_carol() -> (Emulator, StoredRow) {
    let behaviour = Behaviour { duplicate_name: DuplicateName::Refuse, ..Behaviour::default() };
    let account = account_with(EmulatorConfig { behaviour, ..EmulatorConfig::default() });
    let row = NewRow { name: "carol".to_owned(), public_key: keys::line(9), is_primary: false, is_user_key: true };
    let row = account.api().insert(row).unwrap();
    (account, row)
}

/// The first digest in a text.
pub fn digest(text: &str) -> String {
    let digest = Regex::new("sha256:[0-9a-f]{64}").unwrap();
    digest.find(text).unwrap_or_else(|| panic!("no digest in: {text}")).as_str().to_owned()
}

impl Machine {
    /// A machine with keyform and the fake programs on its path.
    pub fn new(endpoint: &str) -> Self {
        let mut machine = Self::without_keyform(endpoint);
        let keyform = Path::new(env!("CARGO_BIN_EXE_keyform")).parent().unwrap().display();
        let path = format!("{keyform}:{}", machine.environment["PATH"]);
        machine.set("PATH", path);
        machine
    }

    /// A machine with the fake programs on its path.
    pub fn without_keyform(endpoint: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        let bin = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipelines/bin");
        let home = folder.path().display().to_string();
        let environment = [
            ("PATH", format!("{bin}:{}", tools::path())),
            ("HOME", home),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_CONFIG_SYSTEM", "/dev/null".to_owned()),
            ("PRIME_API_BASE_URL", endpoint.to_owned()),
            ("KEYFORM_TODAY", "2026-11-23".to_owned()),
            ("KEYFORM_LISTING_LAG", "0".to_owned()),
            ("KEYFORM_TEST_CAP_MS", "200".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
        Self { folder, environment, log: String::new() }
    }

    /// The folder of the checkout.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A folder beside the checkout, created if it does not exist.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A file beside the checkout, created if it does not exist.
    pub fn file(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        if !path.exists() {
            fs::write(&path, "").unwrap();
        }
        path
    }

    /// The content of a file beside the checkout.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// Sets a variable of the environment for all further commands.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.insert(name.to_owned(), value.into());
    }

    /// Runs a script with bash in the checkout. Returns whether it succeeded.
    pub fn bash(&mut self, options: &str, script: &str, environment: &BTreeMap<String, String>) -> bool {
        self.bash_in(".", options, script, environment)
    }

    /// Runs a script with bash in a folder of the checkout. Returns whether it succeeded.
    pub fn bash_in(
        &mut self,
        folder: &str,
        options: &str,
        script: &str,
        environment: &BTreeMap<String, String>,
    ) -> bool {
        let path = self.folder.path().join("script.sh");
        fs::write(&path, script).unwrap();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", options])
            .args(if options.ends_with('o') { Some("pipefail") } else { None })
            .arg(&path);
        command.current_dir(self.work().join(folder)).env_clear().envs(&self.environment).envs(environment);
        let output = command.stdin(Stdio::null()).output().unwrap();
        for part in [output.stdout, output.stderr] {
            self.log.push_str(&String::from_utf8(part).unwrap());
        }
        output.status.success()
    }

    /// Ends the job. Checks that the token is not in its output or files.
    pub fn end(self, success: bool) -> Ended {
        let summary = self.read("summary");
        let mut files: Vec<_> = files_below(self.folder.path()).into_values().collect();
        files.push(self.log.clone().into_bytes());
        let shown = files.iter().any(|content| content.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()));
        assert!(!shown, "the token was left behind by: {}", self.log.replace(TOKEN, "TOKEN"));
        Ended { success, log: self.log, summary }
    }
}
