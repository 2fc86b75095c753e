//! What commands are run with: manifest, state and account, as the flags and the environment choose them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::args::{AccountArgs, ManifestArgs, RequestArgs, SandboxArgs, StateFileArgs, WorkspaceArgs};
use super::error::{CliError, Exit, Stop};
use super::ui::Ui;
use crate::account::settings::{self, Flags};
use crate::account::{Client, ClientOptions, Endpoint, EndpointError, RetryPolicy, Throttle, Token, TokioClock};
use crate::emulator::{self, Emulator};
use crate::manifest::{self, Desired, Severity};
use crate::report::problems;
use crate::state::{FileStore, Loaded, Recovery};

/// The manifest that is read unless another is named.
const DEFAULT_MANIFEST: &str = "keyform.yaml";
/// The name of the state file beside a manifest.
const STATE_NAME: &str = "keyform.state.json";
/// The folder of the sandbox beside a manifest.
const SANDBOX_FOLDER: &str = ".keyform";

/// Manifest, state and account of a command.
pub(super) struct Context {
    pub(super) ui: Ui,
    manifests: Vec<PathBuf>,
    /// Whether no manifest was named.
    is_default_manifest: bool,
    state: Option<PathBuf>,
    account: AccountArgs,
    sandbox: bool,
}

/// An account that can be spoken to.
pub(super) struct Account {
    pub(super) endpoint: Endpoint,
    pub(super) client: Client,
    pub(super) throttle: Throttle<TokioClock>,
    pub(super) retries: RetryPolicy,
    /// Serves the account as long as this lives, in the sandbox.
    _sandbox: Option<Emulator>,
}

impl Context {
    pub(super) fn new(workspace: WorkspaceArgs, ui: Ui) -> Self {
        let WorkspaceArgs {
            manifest: ManifestArgs { manifest: mut manifests },
            state: StateFileArgs { state },
            account,
            sandbox: SandboxArgs { sandbox },
        } = workspace;
        let is_default_manifest = manifests.is_empty();
        if is_default_manifest {
            manifests.push(PathBuf::from(DEFAULT_MANIFEST));
        }
        Self { ui, manifests, is_default_manifest, state, account, sandbox }
    }

    /// Whether the manifest that is read by default is missing: the first thing that happens to a newcomer.
    pub(super) fn require_manifest(&self) -> Result<(), CliError> {
        if self.is_default_manifest && !Path::new(DEFAULT_MANIFEST).exists() {
            return Err(CliError::new(format!("there is no {DEFAULT_MANIFEST} here"))
                .hint("name a manifest, or a folder of them, with -f PATH"));
        }
        Ok(())
    }

    pub(super) fn manifests(&self) -> &[PathBuf] {
        &self.manifests
    }

    /// Reads the manifest; says everything that is wrong with it.
    pub(super) fn desired(&self, today: Date) -> Result<Desired, Stop> {
        self.require_manifest()?;
        let manifest::LoadedManifest { desired, report } = manifest::load(&self.manifests, today);
        if !report.diagnostics.is_empty() {
            self.ui.tell(&problems::text(&report));
        }
        desired.ok_or(Stop::Told(if report.worst() == Some(Severity::Policy) { Exit::Refused } else { Exit::Failed }))
    }

    /// The path of the state: beside the first manifest, unless something else is asked for.
    pub(super) fn state_path(&self) -> PathBuf {
        if self.sandbox {
            return self.folder().join(SANDBOX_FOLDER).join(STATE_NAME);
        }
        self.state.clone().unwrap_or_else(|| self.folder().join(STATE_NAME))
    }

    pub(super) fn store(&self) -> FileStore {
        self.store_with(None)
    }

    /// The store, together with what an earlier run had to keep elsewhere.
    ///
    /// Nothing that lies in a folder where others may write is read unless it is named.
    pub(super) fn store_with(&self, recover: Option<&Path>) -> FileStore {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let since = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
        let at = if host.trim().is_empty() { String::new() } else { format!(" on {}", host.trim()) };
        let holder = format!("process {}{at} since {since}", std::process::id());
        let folders = vec![std::env::temp_dir(), PathBuf::from(".")];
        let recovery = Recovery { file: recover.map(Path::to_path_buf), folders };
        FileStore::open(&self.state_path(), holder).recovering(recovery)
    }

    /// Warns of what a state was read without.
    pub(super) fn warn_of(&self, loaded: &Loaded) {
        for warning in &loaded.warnings {
            self.ui.warn(warning);
        }
    }

    /// Where the account is, without speaking to it: the sandbox's address differs each time, and its state names it.
    pub(super) fn endpoint(&self) -> Result<Endpoint, CliError> {
        if self.sandbox {
            return sandbox_endpoint();
        }
        Ok(settings::resolve_endpoint(&self.flags(), &environment)?.value)
    }

    /// Opens the account that flags, environment and the vendor's configuration choose, or the sandbox.
    pub(super) fn account(&self, requests: RequestArgs) -> Result<Account, CliError> {
        let options = ClientOptions { timeout: Duration::from_secs(requests.timeout), ..ClientOptions::default() };
        let (endpoint, address, token, sandbox) = if self.sandbox {
            let emulator = self.start_sandbox()?;
            let address =
                Endpoint::parse(&emulator.url()).map_err(|error: EndpointError| CliError::from_error(&error))?;
            let token = Token::parse(emulator.token()).map_err(|error| CliError::from_error(&error))?;
            (sandbox_endpoint()?, address, token, Some(emulator))
        } else {
            let settings = settings::resolve(&self.flags(), &environment, &mut io::stdin().lock())?;
            if let Some(warning) = settings.warning() {
                self.ui.warn(&warning);
            }
            (settings.endpoint.value.clone(), settings.endpoint.value, settings.token.value, None)
        };
        let client = Client::new(address, token, options)?;
        Ok(Account {
            endpoint,
            client,
            throttle: Throttle::new(TokioClock::default(), fastrand::u64(..)),
            retries: RetryPolicy { retries: requests.retries },
            _sandbox: sandbox,
        })
    }

    fn flags(&self) -> Flags {
        let AccountArgs { endpoint, token_file, context } = &self.account;
        Flags { endpoint: endpoint.clone(), token_file: token_file.clone(), context: context.clone() }
    }

    /// The folder of the first manifest; empty for the current one, so that paths below it read as they are typed.
    fn folder(&self) -> &Path {
        match self.manifests.first().map(PathBuf::as_path) {
            Some(path) if path.is_dir() => path.strip_prefix(".").unwrap_or(path),
            Some(path) => path.parent().unwrap_or(path),
            None => Path::new(""),
        }
    }

    fn sandbox_folder(&self) -> Result<PathBuf, CliError> {
        let folder = self.folder().join(SANDBOX_FOLDER);
        make_folder(&folder).map_err(|error| {
            CliError::new(format!("cannot make {}: {error}", folder.display()))
                .hint("the sandbox keeps its account there; copy the manifest to where you may write")
        })?;
        Ok(folder)
    }

    fn start_sandbox(&self) -> Result<Emulator, CliError> {
        let keys = Some(self.sandbox_folder()?.join("account.jsonl"));
        let config = emulator::EmulatorConfig { keys, ..emulator::EmulatorConfig::default() };
        Emulator::start(config).map_err(|error| {
            CliError::from_error(&error)
                .hint(format!("to begin a new sandbox, delete {}", self.folder().join(SANDBOX_FOLDER).display()))
        })
    }
}

/// The address under which the sandbox's account is recorded and shown; it listens on another port each time.
fn sandbox_endpoint() -> Result<Endpoint, CliError> {
    Endpoint::parse("http://localhost/sandbox").map_err(|error: EndpointError| CliError::from_error(&error))
}

/// Makes the sandbox's folder, and keeps Git from seeing it.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")
}

/// The one place where the environment is read, beside clap.
#[expect(clippy::disallowed_methods, reason = "this is where the environment is passed in")]
fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
