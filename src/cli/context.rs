//! Manifest, state and account of a command, as the flags and the environment choose them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::account::Account;
use super::args::{
    AccountArgs, ListingArgs, LockArgs, ManifestArgs, RequestArgs, SandboxArgs, StackArgs, StateFileArgs, WorkspaceArgs,
};
use super::compromised::CheckProgress;
use super::error::CliError;
use super::sandbox;
use super::signals::Signals;
use super::ui::Ui;
use super::variables::environment;
use crate::account::settings::{self, Flags, SettingSource, Settings, SettingsError, Sourced};
use crate::account::{Client, ClientOptions, Endpoint, Lateness, RetryPolicy, Throttle, Token, TokioClock};
use crate::manifest::{self, Desired, LoadedManifest};
use crate::names::StackName;
use crate::report::problems;
use crate::state::{
    LoadedState, LockHolder, Session as _, StateLocation, StateSession, StateStore, lock_unless, while_kept,
};

pub(super) const DEFAULT_MANIFESTS: [&str; 2] = ["keyform.yaml", "keyform.yml"];
const STATE_NAME: &str = "keyform.state.json";

pub(super) struct Context {
    pub(super) ui: Ui,
    /// Those that were named, or the default ones that exist.
    manifests: Vec<PathBuf>,
    /// Whether no manifest was named.
    is_default_manifest: bool,
    state: Option<OsString>,
    account: AccountArgs,
    /// The label of the manifest.
    pub(super) stack: Option<StackName>,
    sandbox: bool,
}

impl Context {
    pub(super) fn new(workspace: WorkspaceArgs, ui: Ui) -> Self {
        let WorkspaceArgs {
            manifest: ManifestArgs { manifest: mut manifests },
            state: StateFileArgs { state },
            account,
            stack: StackArgs { stack },
            sandbox: SandboxArgs { sandbox },
        } = workspace;
        let is_default_manifest = manifests.is_empty();
        if is_default_manifest {
            manifests.extend(DEFAULT_MANIFESTS.map(PathBuf::from).into_iter().filter(|path| path.exists()));
        }
        Self { ui, manifests, is_default_manifest, state, account, stack, sandbox }
    }

    /// Reads the manifest, and checks all keys in it.
    ///
    /// # Errors
    /// Only if there is not exactly one default manifest. Other problems are in the report.
    pub(super) fn validate(&self, today: Date) -> Result<LoadedManifest, CliError> {
        self.find_manifest()?;
        let mut progress = CheckProgress::new(self.ui);
        Ok(manifest::validate(&self.manifests, today, |total| progress.step(total)))
    }

    /// Reads the manifest, and prints its warnings.
    pub(super) fn desired(&self, today: Date) -> Result<Desired, CliError> {
        self.find_manifest()?;
        let LoadedManifest { desired, report } = manifest::load(&self.manifests, today);
        let problems = problems::text(&report);
        let Some(desired) = desired else {
            return Err(CliError::invalid_manifest(problems));
        };
        self.ui.tell(&problems);
        Ok(desired)
    }

    /// Returns the files and folders of the manifest.
    pub(super) fn manifest_paths(&self) -> Result<&[PathBuf], CliError> {
        self.find_manifest()?;
        Ok(&self.manifests)
    }

    fn find_manifest(&self) -> Result<(), CliError> {
        let [usual, short] = DEFAULT_MANIFESTS;
        match self.manifests.as_slice() {
            [] => {
                let init = if self.sandbox { "keyform init --sandbox" } else { "keyform init" };
                Err(CliError::new(format!("there is no {usual} in this folder"))
                    .hint(format!("name a manifest file or folder with --manifest PATH, or create one with `{init}`")))
            }
            [_, _, ..] if self.is_default_manifest => {
                Err(CliError::new(format!("this folder contains both {usual} and {short}"))
                    .hint("remove one of them, or choose one with --manifest PATH"))
            }
            _ => Ok(()),
        }
    }

    /// Returns where the state is: next to the manifest, unless another place is chosen.
    ///
    /// # Errors
    /// Several manifests have no default state: it would depend on their order.
    pub(super) fn state_location(&self) -> Result<StateLocation, CliError> {
        match &self.state {
            _ if self.sandbox => Ok(StateLocation::File(sandbox::folder(self.folder())?.join(STATE_NAME))),
            Some(location) => Ok(StateLocation::parse(location)?),
            None if self.manifests.len() > 1 && !self.is_default_manifest => {
                let message = "more than one --manifest was given, so the state has no default location";
                Err(CliError::new(message).hint("choose the state with --state LOCATION"))
            }
            None => Ok(StateLocation::File(self.folder().join(STATE_NAME))),
        }
    }

    pub(super) fn store(&self) -> Result<StateStore, CliError> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let at = if host.trim().is_empty() { String::new() } else { format!(" on {}", host.trim()) };
        let holder = LockHolder { who: format!("process {}{at}", std::process::id()), since: Timestamp::now() };
        Ok(StateStore::open(self.state_location()?, &holder, &environment)?)
    }

    /// Runs work with the locked state, and unlocks the state afterwards. Prints a status line if it has to wait for another
    /// process. If the first signal comes before the state is locked, returns `None`.
    ///
    /// A server is given time to answer: a lock that it has may never end by itself.
    pub(super) async fn with_lock<T>(
        &self,
        store: &StateStore,
        lock: LockArgs,
        signals: &Signals,
        work: impl AsyncFnOnce(&mut StateSession) -> Result<T, CliError>,
    ) -> Result<Option<T>, CliError> {
        let LockArgs { lock_timeout } = lock;
        let clock = TokioClock::default();
        let in_flight = signals.in_flight();
        let session = lock_unless(signals.stop.cancelled(), store, Duration::from_secs(lock_timeout), &clock, |held| {
            self.ui.status(&format!("Waiting for the lock: {held}"));
        });
        let Ok(mut session) = session.await? else { return Ok(None) };
        drop(in_flight);
        while_kept(&mut session, async |session| {
            let done = work(session).await;
            let in_flight = signals.in_flight();
            if let Err(error) = session.release().await {
                self.ui.tell(&CliError::from(error).under("the state was not unlocked").render());
            }
            drop(in_flight);
            done.map(Some)
        })
        .await
    }

    /// Prints the warnings of a loaded state.
    pub(super) fn warn_of(&self, loaded: &LoadedState) {
        for warning in &loaded.warnings {
            self.ui.warn(warning);
        }
    }

    /// Returns the endpoint of the account. Sends no request and needs no token.
    pub(super) fn endpoint(&self) -> Result<Endpoint, CliError> {
        if self.sandbox {
            return sandbox::endpoint();
        }
        Ok(settings::resolve_endpoint(&self.settings_flags(), &environment)?.value)
    }

    /// Opens the account that flags, environment and the vendor's configuration choose, or the sandbox. Sends no
    /// request.
    pub(super) fn account(&self, requests: RequestArgs) -> Result<Account, CliError> {
        let settings = if self.sandbox { None } else { Some(self.settings()?) };
        self.open(settings, requests)
    }

    /// Opens the real account. `None` if no token is found.
    pub(super) fn account_with_token(&self, requests: RequestArgs) -> Result<Option<Account>, CliError> {
        match self.settings() {
            Err(SettingsError::NoToken(_)) => Ok(None),
            settings => self.open(Some(settings?), requests).map(Some),
        }
    }

    pub(super) fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    fn settings(&self) -> Result<Settings, SettingsError> {
        settings::resolve(&self.settings_flags(), &environment, &mut io::stdin().lock())
    }

    /// Opens an account; without settings the sandbox.
    fn open(&self, settings: Option<Settings>, requests: RequestArgs) -> Result<Account, CliError> {
        let RequestArgs { retries, timeout } = requests;
        let mut options = ClientOptions { timeout: Duration::from_secs(timeout), ..ClientOptions::default() };
        let (endpoint, address, token, sandbox) = match settings {
            None => {
                let emulator = sandbox::start(self.folder())?;
                let address = Endpoint::parse(&emulator.url())?;
                (sandbox::endpoint()?, address, Token::parse(emulator.token())?, Some(emulator))
            }
            Some(settings) => {
                if let Some(warning) = settings.warning(&environment) {
                    self.ui.warn(&warning);
                }
                options.connection = settings::resolve_connection(&settings.endpoint.value, &environment)?;
                options.token_source = Some(settings.token.source.to_string());
                (settings.endpoint.value.clone(), settings.endpoint.value, settings.token.value, None)
            }
        };
        Ok(Account {
            endpoint,
            client: Client::new(address, token, options)?,
            throttle: Throttle::new(TokioClock::default(), fastrand::u64(..)),
            retries: RetryPolicy { retries },
            timeout: Duration::from_secs(timeout),
            _sandbox: sandbox,
        })
    }

    /// Returns how late the account may be, according to a flag.
    pub(super) fn lateness(&self, listing: ListingArgs) -> Lateness {
        let lateness = listing.lateness(self.sandbox);
        // Tests of the whole program cannot wait as long as an account may be late. Released binaries do not have this.
        let cap = if cfg!(debug_assertions) { environment("KEYFORM_TEST_CAP_MS") } else { None };
        let cap = cap.and_then(|cap| cap.to_str()?.parse().ok()).map(Duration::from_millis);
        Lateness { cap: cap.unwrap_or(lateness.cap), ..lateness }
    }

    fn settings_flags(&self) -> Flags {
        let AccountArgs { endpoint, token_file, context } = &self.account;
        Flags {
            endpoint: endpoint.as_ref().map(|value| sourced(value, "--endpoint", "KEYFORM_ENDPOINT")),
            token_file: token_file.as_ref().map(|value| sourced(value, "--token-file", "KEYFORM_TOKEN_FILE")),
            context: context.as_ref().map(|value| sourced(value, "--context", "KEYFORM_CONTEXT")),
        }
    }

    /// The folder of the first manifest. Empty for the current folder, so that paths in it are shown as typed.
    fn folder(&self) -> &Path {
        match self.manifests.first().map(PathBuf::as_path) {
            Some(path) if path.is_dir() => path.strip_prefix(".").unwrap_or(path),
            Some(path) => path.parent().unwrap_or(path),
            None => Path::new(""),
        }
    }
}

/// Says where the value of a flag comes from: from its variable, if that has the same value.
fn sourced<T: AsRef<OsStr> + Clone>(value: &T, flag: &'static str, variable: &'static str) -> Sourced<T> {
    let is_from_variable = environment(variable).is_some_and(|found| found == value.as_ref());
    let source = if is_from_variable { SettingSource::Variable(variable) } else { SettingSource::Flag(flag) };
    Sourced { value: value.clone(), source }
}
