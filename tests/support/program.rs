//! Runs the program in its own folder, with an empty environment.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keyform::emulator::{AcceptedToken, Emulator, EmulatorConfig, TimeSource};
use regex::Regex;
use tempfile::TempDir;

use super::files::files_below;
use super::keys;

/// The token of all accounts here. After every run, its output and files are checked not to contain it.
pub const TOKEN: &str = "pit_never-to-be-shown-4f7a";

pub const STATE: &str = "keyform.state.json";

const PATIENCE: Duration = Duration::from_mins(3);

/// Text that differs between runs, and its replacement in snapshots.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
        (r"sha256:[0-9a-f]{64}", "sha256:DIGEST"),
        (r"\b[0-9a-f]{16}\.journal", "URL.journal"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)", "TIME"),
        (r#""elapsedMs": \d+"#, r#""elapsedMs": MS"#),
        (r#""keyform": "[^"]+""#, r#""keyform": "VERSION""#),
    ]
    .map(|(pattern, word)| (Regex::new(pattern).unwrap(), word))
    .into()
});

/// A temporary folder, and the names of the files in it that may contain the token.
pub struct Folder {
    folder: TempDir,
    secret: Vec<String>,
}

pub struct Run<'f> {
    folder: &'f Folder,
    shown: String,
    command: Command,
    stdin: Vec<u8>,
}

pub struct Running<'f> {
    folder: &'f Folder,
    shown: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// The result of a run. Displays all of it, for snapshots.
#[derive(Debug)]
pub struct Ran {
    shown: String,
    folder: PathBuf,
    /// `None` if a signal ended the process.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The output of a pipe so far.
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

/// An empty account, with the same ids and times in each run.
pub fn account() -> Emulator {
    account_with(EmulatorConfig::default())
}

/// An account with the token of all tests, on any port.
pub fn account_with(config: EmulatorConfig) -> Emulator {
    let clock = TimeSource::fixed("2026-11-23T12:00:00Z".parse().unwrap());
    Emulator::start(EmulatorConfig { token: AcceptedToken::new(TOKEN), clock, ..config }).unwrap()
}

/// A manifest in one line: `alice=1 bob=2*` is the keys number 1 and 2, the second of them primary; `!` is protected,
/// `~` expired.
pub fn manifest(keys: &str) -> String {
    let mut text = "version: 1\nkeys:\n".to_owned();
    for word in keys.split_whitespace() {
        let (name, rest) = word.split_once('=').unwrap();
        let number = rest.trim_end_matches(['*', '!', '~']);
        let _ = writeln!(text, "  - name: {name}\n    publicKey: {}", keys::line(number.parse().unwrap()));
        for (mark, field) in [('*', "primary: true"), ('!', "protect: true"), ('~', "expires: 2026-11-22")] {
            if rest.contains(mark) {
                let _ = writeln!(text, "    {field}");
            }
        }
    }
    if keys.is_empty() { "version: 1\nkeys: []\n".to_owned() } else { text }
}

/// Waits until something holds, and fails after [`PATIENCE`].
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), secret: Vec::new() }
    }

    /// A folder with a [`manifest`].
    pub fn of(keys: &str) -> Self {
        let folder = Self::new();
        folder.write("keyform.yaml", manifest(keys));
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a file that may contain the token.
    pub fn write_secret(&mut self, name: &str, content: &str) {
        self.write(name, content);
        self.secret.push(name.to_owned());
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// The ids in the state, by name.
    pub fn recorded(&self) -> BTreeMap<String, String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let state = self.json(STATE);
        state["keys"].as_array().unwrap().iter().map(|key| (text(&key["name"]), text(&key["id"]))).collect()
    }

    /// All regular files with their content, by their paths below the folder.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(self.folder.path())
    }

    /// Prepares a run. The arguments are separated by spaces.
    pub fn keyform(&self, arguments: &str) -> Run<'_> {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let mut command = program();
        command
            .args(&words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("KEYFORM_TODAY", "2026-11-23")
            .env("KEYFORM_LISTING_LAG", "0")
            .env("KEYFORM_TEST_CAP_MS", "200")
            // Ids depend on the order of requests.
            .env("KEYFORM_CONCURRENCY", "1");
        let shown = ["keyform"].into_iter().chain(words).collect::<Vec<_>>().join(" ");
        Run { folder: self, shown, command, stdin: Vec::new() }
    }

    fn assert_token_is_nowhere(&self, ran: &Ran) {
        let shown = [("stdout".to_owned(), ran.stdout.as_bytes()), ("stderr".to_owned(), ran.stderr.as_bytes())];
        let files = self.files();
        let files = files.iter().filter(|(name, _)| !self.secret.contains(name));
        let files = files.map(|(name, content)| (name.clone(), content.as_slice()));
        for (place, content) in shown.into_iter().chain(files) {
            let holds = content.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
            assert!(!holds, "the token is in {place} of: {}", ran.shown);
        }
    }
}

/// The flag of `env` that stops ignoring SIGHUP.
const DEFAULT_HANGUP: &str = "--default-signal=HUP";

/// The program, with SIGHUP at its default. Where the tests run under `nohup`, they would pass on that it is ignored.
fn program() -> Command {
    let binary = env!("CARGO_BIN_EXE_keyform");
    if !is_hangup_ignored() {
        return Command::new(binary);
    }
    let mut command = Command::new("/usr/bin/env");
    command.args([DEFAULT_HANGUP, binary]);
    command
}

/// Whether this process ignores SIGHUP, the lowest bit of the mask.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

impl<'f> Run<'f> {
    /// Runs in a folder below.
    pub fn below(mut self, folder: &str) -> Self {
        self.command.current_dir(self.folder.path(folder));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds one argument, which may contain spaces.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Uses an account, with its token.
    pub fn on(self, account: &Emulator) -> Self {
        self.at(&account.url())
    }

    /// Uses an endpoint, with [`TOKEN`].
    pub fn at(self, endpoint: &str) -> Self {
        self.env("PRIME_API_BASE_URL", endpoint).env("PRIME_API_KEY", TOKEN)
    }

    /// Starts the program with a signal such as `HUP` ignored.
    pub fn ignoring(mut self, signal: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")]);
        let binary = env!("CARGO_BIN_EXE_keyform");
        let own = self.command.get_args().filter(|arg| *arg != DEFAULT_HANGUP && *arg != binary);
        shell.arg(binary).args(own).env_clear();
        shell.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(self.folder.path(""));
        self.command = shell;
        self
    }

    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs with another stdout. Returns the exit code and stderr.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> (Option<i32>, String) {
        let output = self.command.stdin(Stdio::null()).stdout(to).stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Starts the program with a stdin that stays open, and a stdout that nobody reads until it ends.
    pub fn start_blocked(mut self) -> (Child, ChildStdout) {
        let mut child =
            self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        (child, stdout)
    }

    pub fn start(mut self) -> Running<'f> {
        let command = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may exit without reading.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let stdout = Stream::read(child.stdout.take().unwrap());
        let stderr = Stream::read(child.stderr.take().unwrap());
        Running { folder: self.folder, shown: self.shown, child, stdout, stderr }
    }

    pub fn run(self) -> Ran {
        self.start().end()
    }
}

impl Running<'_> {
    /// Sends a signal such as `INT`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills the process, and waits for its end.
    pub fn kill(mut self) -> Ran {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        self.end()
    }

    /// Stops the process with SIGSTOP, as a machine that sleeps does. Returns false if it had ended.
    pub fn stop(&mut self) -> bool {
        let id = self.child.id();
        let is_sent = Command::new("sh").args(["-c", &format!("kill -s STOP {id}")]).status().unwrap().success();
        is_sent && !self.has_ended()
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn until_stderr(&self, text: &str) {
        until(text, || self.stderr.so_far().contains(text));
    }

    pub fn first_line(&self) -> String {
        until("a line on stdout", || self.stdout.so_far().contains('\n'));
        self.stdout.so_far().lines().next().unwrap().to_owned()
    }

    pub fn end(mut self) -> Ran {
        let mut status = None;
        until(&self.shown, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let ran = Ran {
            shown: self.shown.clone(),
            folder: self.folder.path("").canonicalize().unwrap(),
            code: status.unwrap().code(),
            stdout: self.stdout.into_end(),
            stderr: self.stderr.into_end(),
        };
        self.folder.assert_token_is_nowhere(&ran);
        ran
    }
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { text, reader }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    fn into_end(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

impl Ran {
    /// Fails unless it ended with this code.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Stdout as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    fn fixed(&self, text: &str) -> String {
        let text = text.replace(self.folder.to_str().unwrap(), "FOLDER");
        VARYING.iter().fold(text, |text, (pattern, word)| pattern.replace_all(&text, *word).into_owned())
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.fixed(&self.shown))?;
        match self.code {
            Some(code) => writeln!(f, "exit code {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "-- {name}\n{}", self.fixed(text))?;
            }
        }
        Ok(())
    }
}
